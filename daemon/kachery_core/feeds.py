"""Names of feeds and subfeeds: URIs and hashes, as every kachery had them.

    feed://FEED[/SUBFEED]

FEED is the feed's public key, 64 hex digits. SUBFEED is the percent-encoded name, or `~` and the
40 hex digits of its hash when the name is not text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import msgspec

from kachery_core.digests import is_sha1, json_bytes, sha1_hex
from kachery_core.errors import InvalidInputError, InvalidUriError
from kachery_core.keys import is_public_key

if TYPE_CHECKING:
    from typing import TypeAlias

    SubfeedName: TypeAlias = "str | dict[str, Any] | list[Any]"

_SCHEME = "feed://"


class FeedUri(msgspec.Struct, frozen=True):
    """The parts of a feed URI; `subfeed` is a name, `~` and a hash, or None."""

    feed: str
    subfeed: str | None = None

    def __str__(self) -> str:
        subfeed = "" if self.subfeed is None else f"/{quote(self.subfeed, safe='~/')}"
        return f"{_SCHEME}{self.feed}{subfeed}"


def is_feed_uri(text: str) -> bool:
    """Whether text claims to be a feed URI."""
    return text.lower().startswith(_SCHEME)


def parse_feed_uri(uri: str) -> FeedUri:
    """The parts of a feed URI.

    Raises:
        InvalidUriError: not a feed URI, or its key is not 64 hex digits.
    """
    if not is_feed_uri(uri):
        raise InvalidUriError(
            f"{uri!r:.120} is not a feed URI.", hint="A feed URI looks like feed://<64 hex>/<name>."
        )
    key, slash, name = uri[len(_SCHEME) :].partition("?")[0].partition("/")
    if not is_public_key(key.lower()):
        raise InvalidUriError(
            f"The key in {uri!r:.120} has {len(key)} characters, not 64 hex digits.",
            hint="Copy the whole URI again.",
        )
    return FeedUri(key.lower(), unquote(name) if slash and name else None)


def feed_of(uri: str) -> str:
    """The public key in the URI of a whole feed.

    Raises:
        InvalidUriError: not a feed URI, or that of a subfeed.
    """
    parts = parse_feed_uri(uri)
    if parts.subfeed is not None:
        raise InvalidUriError(f"{uri} is a subfeed.", hint="Use kc.load_subfeed for it.")
    return parts.feed


# The last message of a feed stands in a subfeed of its own, which nobody else may append to.
CONTROL_NAME: dict[str, Any] = {"kachery": "control"}


def control_subfeed() -> str:
    """The hash of the subfeed in which a feed is retired."""
    return subfeed_hash(CONTROL_NAME)


def subfeed_hash(name: SubfeedName) -> str:
    """The hash that stands for a subfeed's name: SHA-1 of the text, or of its canonical JSON.

    Example:
        >>> subfeed_hash("primes")
        '80d9cc061689dbc521aba6b35235f29de63d8349'

    Raises:
        InvalidInputError: the name is empty, or not text, a dict or a list.
    """
    if isinstance(name, str):
        if name.startswith("~") and is_sha1(name[1:]):
            return name[1:]
        if not name:
            raise InvalidInputError("A subfeed needs a name.", hint="For example 'main'.")
        return sha1_hex(name.encode("utf-8", "surrogatepass"))
    if isinstance(name, dict | list):
        return sha1_hex(json_bytes(name, sort_keys=True))
    raise InvalidInputError(
        f"A subfeed's name is text, a dict or a list, and this is {type(name).__name__}."
    )


def subfeed_label(name: SubfeedName) -> str:
    """How a subfeed's name is written in a URI."""
    return name if isinstance(name, str) else f"~{subfeed_hash(name)}"
