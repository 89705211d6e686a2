"""Content URIs of every kachery generation: parse, check, format.

    sha1://HASH[.LABEL][/NAME...][?manifest=HASH&...]     content
    sha1dir://HASH[.LABEL][/relative/path]                a folder, or a file in it
    kachery:ZONE:sha1:HASH[:LABEL]                        content, as generation 5 wrote it

The hash decides; name and label are for people and never change what is loaded.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from kachery_core.digests import is_sha1
from kachery_core.errors import InvalidUriError

_FORM = re.compile(
    r"(?P<scheme>sha1|sha1dir)://(?://)?(?P<hash>[^./?#]*)"
    r"(?:\.(?P<label>[^/?#]*))?(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.DOTALL | re.IGNORECASE,
)
_EXAMPLE = "sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt"
# Longer texts are not URIs anybody wrote; refusing them early keeps every later step cheap.
_LONGEST_URI = 8192
_LONGEST_SHOWN = 120


class KacheryUri(NamedTuple):
    """What `kc.parse_uri` returns, as kachery-client had it."""

    algorithm: str
    hash: str
    filename: str


@dataclass(frozen=True)
class ContentUri:
    """The parts of a content URI.

    Attributes:
        sha1: the content's SHA-1, or the SHA-1 of a folder's listing.
        name: the name for people, decoded; may be empty.
        manifest: SHA-1 of the manifest, if the URI names one.
        is_folder: whether the content is a folder's listing.
        path: the file within the folder; empty for the folder itself.
    """

    sha1: str
    name: str = ""
    manifest: str | None = None
    is_folder: bool = False
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.is_folder:
            label = f".{_escaped(self.name)}" if self.name else ""
            return f"sha1dir://{self.sha1}{label}" + "".join(
                f"/{_escaped(part)}" for part in self.path
            )
        name = f"/{_escaped(self.name)}" if self.name else ""
        manifest = f"?manifest={self.manifest}" if self.manifest else ""
        return f"sha1://{self.sha1}{name}{manifest}"


def parse_content_uri(uri: str) -> ContentUri:
    """The parts of a content URI.

    Raises:
        InvalidUriError: not a content URI, or its hash is not 40 hex digits.
    """
    if not isinstance(uri, str):
        raise InvalidUriError(
            f"A URI is text, and this is {type(uri).__name__}.", hint=f"Example: {_EXAMPLE}"
        )
    if len(uri) > _LONGEST_URI:
        raise InvalidUriError(
            f"This URI has {len(uri)} characters.", hint="It was cut or pasted wrongly."
        )
    return _parse(uri)


def is_content_uri(text: str) -> bool:
    """Whether text claims to be a content URI (it may still be malformed)."""
    return text.lower().startswith(("sha1://", "sha1dir://")) or text.startswith("kachery:")


@functools.lru_cache(maxsize=4096)
def _parse(uri: str) -> ContentUri:
    """Loops load the same few URIs again and again, and parsing was a third of a small load."""
    if uri.startswith("kachery:"):
        return _parse_generation_5(uri)
    match = _FORM.fullmatch(uri)
    if match is None:
        raise InvalidUriError(f"{_shown(uri)} is not a kachery URI.", hint=f"Example: {_EXAMPLE}")
    sha1 = _checked_sha1(match["hash"], uri)
    label = unquote(match["label"] or "")
    parts = tuple(unquote(part) for part in (match["path"] or "").split("/") if part)
    query = dict(parse_qsl(match["query"] or ""))
    if match["scheme"].lower() == "sha1dir":
        return ContentUri(sha1, name=label, is_folder=True, path=parts)
    manifest = query.get("manifest")
    return ContentUri(
        sha1,
        name="/".join(parts) or query.get("label", label),
        manifest=None if manifest is None else _checked_sha1(manifest, uri),
    )


def parse_uri(uri: str) -> KacheryUri:
    """Split a content URI into algorithm, hash and filename, as kachery-client did.

    Example:
        >>> parse_uri("sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt").filename
        'file.txt'

    Raises:
        InvalidUriError: not a content URI.
    """
    parts = parse_content_uri(uri)
    manifest = f"?manifest={parts.manifest}" if parts.manifest else ""
    return KacheryUri("sha1", parts.sha1, f"{_escaped(parts.name)}{manifest}")


def build_uri(parts: KacheryUri) -> str:
    """The URI of an algorithm, a hash and a filename; the reverse of `parse_uri`.

    Raises:
        InvalidUriError: another algorithm than sha1, or the hash is not 40 hex digits.
    """
    if parts.algorithm != "sha1":
        raise InvalidUriError(
            f"The algorithm {parts.algorithm!r} is not known.", hint="Use 'sha1'."
        )
    return str(parse_content_uri(f"sha1://{parts.hash}/{parts.filename}"))


def _parse_generation_5(uri: str) -> ContentUri:
    fields = uri.split(":")
    if len(fields) not in (4, 5) or fields[2] != "sha1":
        raise InvalidUriError(
            f"{_shown(uri)} is not a kachery URI.",
            hint="Expected kachery:ZONE:sha1:HASH[:LABEL].",
        )
    return ContentUri(_checked_sha1(fields[3], uri), name=unquote(":".join(fields[4:])))


def _checked_sha1(text: str, uri: str) -> str:
    lowered = text.lower()
    if not is_sha1(lowered):
        raise InvalidUriError(
            f"The hash in {_shown(uri)} is not a SHA-1: {len(text)} characters, not 40 hex digits.",
            hint="Copy the whole URI again.",
        )
    return lowered


def _escaped(name: str) -> str:
    """A name made safe for a URI; slashes included, so that a name is one part of it."""
    return quote(name, safe="", errors="replace")


def _shown(uri: str) -> str:
    return repr(uri if len(uri) <= _LONGEST_SHOWN else f"{uri[:_LONGEST_SHOWN]}...")
