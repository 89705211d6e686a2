"""Feeds: making them, finding them, and waiting for many at once."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from kachery_core.errors import FeedNotFoundError, InvalidUriError
from kachery_core.feeds import is_feed_uri, parse_feed_uri, subfeed_hash
from kachery_core.messages import SubfeedKey
from kachery_core.wire.feeds import FeedInfo, FeedList, Ready
from kachery_jupyter.client.feed_html import feed_html
from kachery_jupyter.client.legacy_readers import LegacyReader
from kachery_jupyter.client.line import ask_patiently
from kachery_jupyter.client.subfeeds import Subfeed, Truth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kachery_core.feeds import SubfeedName
    from kachery_core.wire.feeds import SubfeedInfo


class Feed:
    """Logs written under one key. Made by `create_feed` and `load_feed`."""

    def __init__(self, info: FeedInfo) -> None:
        self._info = info

    def __repr__(self) -> str:
        return f"<Feed {self.uri}>"

    def _repr_html_(self) -> str:
        return feed_html(self._info)

    @property
    def uri(self) -> str:
        """The feed's URI."""
        return self._info.uri

    @property
    def feed_id(self) -> str:
        """The feed's public key, 64 hex digits."""
        return self._info.feed

    @property
    def name(self) -> str | None:
        """What its maker calls it."""
        return self._info.name

    @property
    def is_writeable(self) -> Truth:
        """Whether messages can be appended here."""
        return Truth(self._info.is_writeable)

    @property
    def retired(self) -> dict[str, Any] | None:
        """{"successor", "reason"} once the feed has ended, otherwise None."""
        return self._info.retired

    @property
    def created_at(self) -> datetime | None:
        """When it was made, as far as that is known."""
        seconds = self._info.created_at
        return datetime.fromtimestamp(seconds, timezone.utc) if seconds else None

    def describe(self) -> FeedInfo:
        """What the node knows of the feed now, with its subfeeds."""
        return _describe(self.feed_id)

    def load_subfeed(self, name: SubfeedName, position: int = 0, channel: str = "") -> Subfeed:
        """One of the feed's logs; it need not have any message yet.

        Args:
            name: text, or a dict or list that identifies it.
            position: index of the first message to be read.
            channel: accepted; channels come later.
        """
        del channel
        key = SubfeedKey(self.feed_id, subfeed_hash(name))
        reader = LegacyReader(key) if self._info.legacy else None
        writeable = self._info.is_writeable
        return Subfeed(self.feed_id, name, position, is_writeable=writeable, reader=reader)

    def list_subfeeds(self) -> dict[str, int]:
        """The names of the subfeeds, and how many messages each has."""
        return {_shown(one): one.length for one in _describe(self.feed_id).subfeeds}

    def retire(self, successor: str | None = None, reason: str = "") -> None:
        """Accept no more messages, for ever.

        Args:
            successor: URI of the feed that follows.
            reason: for readers.
        """
        body = json.dumps({"successor": successor, "reason": reason}).encode()
        reply = ask_patiently(f"/feeds/{self.feed_id}/retire", body)
        self._info = msgspec.json.decode(reply.body, type=FeedInfo)

    def delete(self) -> None:
        """Delete the feed with its key and its messages."""
        delete_feed(self.uri)

    # As kachery_p2p spelled it.
    def get_uri(self) -> str:
        """The feed's URI."""
        return self.uri

    def get_feed_id(self) -> str:
        """The feed's public key."""
        return self.feed_id

    def get_subfeed(self, name: SubfeedName, position: int = 0) -> Subfeed:
        """The same as `load_subfeed`."""
        return self.load_subfeed(name, position)


def create_feed(name: str | None = None) -> Feed:
    """Make a feed, and with it a key that only this node holds.

    Args:
        name: what you call it here, for `load_feed`.

    Raises:
        FeedExistsError: you have a feed of that name.
        UnavailableError: no node is running; feeds need one.

    Example:
        >>> subfeed = create_feed().load_subfeed("primes")
        >>> subfeed.append_message({"n": 1, "p": 2})
    """
    # Perhaps it was made and only the answer was lost: the id makes asking again safe.
    request = {"name": name, "creation_id": secrets.token_hex(16)}
    reply = ask_patiently("/feeds", json.dumps(request).encode())
    return Feed(msgspec.json.decode(reply.body, type=FeedInfo))


def load_feed(
    feed_name_or_uri: str,
    timeout_sec: float | None = None,
    create: bool = False,  # noqa: FBT002 - as kachery had it
) -> Feed:
    """A feed by the name you gave it, or by its URI.

    Args:
        feed_name_or_uri: a name, or `feed://...`.
        timeout_sec: accepted; nothing here takes long.
        create: make a feed of that name if there is none.

    Raises:
        FeedNotFoundError: it is not here.
        InvalidUriError: a URI of a subfeed, or of no feed at all.
    """
    del timeout_sec
    if is_feed_uri(feed_name_or_uri):
        parts = parse_feed_uri(feed_name_or_uri)
        if parts.subfeed is not None:
            raise InvalidUriError(
                f"{feed_name_or_uri} is a subfeed.", hint="Use kc.load_subfeed for it."
            )
        return Feed(_describe(parts.feed))
    found = _find_named(feed_name_or_uri)
    if found is not None:
        return Feed(found)
    if create:
        return create_feed(feed_name_or_uri)
    raise FeedNotFoundError(
        f"You have no feed named {feed_name_or_uri!r}.",
        hint="Make it: kc.create_feed(name), or kc.load_feed(name, create=True).",
    )


def load_subfeed(uri: str, position: int = 0, channel: str = "") -> Subfeed:
    """A subfeed by its URI.

    Raises:
        InvalidUriError: not the URI of a subfeed.
        FeedNotFoundError: its feed is not here.
    """
    parts = parse_feed_uri(uri)
    if parts.subfeed is None:
        raise InvalidUriError(f"{uri} is a feed, not a subfeed.", hint=f"Add a name: {uri}/main")
    return Feed(_describe(parts.feed)).load_subfeed(parts.subfeed, position, channel)


def list_feeds() -> list[Feed]:
    """The feeds of this node, the newest first."""
    reply = ask_patiently("/feeds", method="GET")
    return [Feed(info) for info in msgspec.json.decode(reply.body, type=FeedList).feeds]


def get_feed_id(feed_name: str, create: bool = False) -> str:  # noqa: FBT002 - as kachery had it
    """The public key of the feed you gave this name.

    Raises:
        FeedNotFoundError: there is none, and `create` is False.
    """
    return load_feed(feed_name, create=create).feed_id


def delete_feed(feed_name_or_uri: str) -> None:
    """Delete a feed with its key and its messages.

    Raises:
        FeedNotFoundError: it is not here.
        FeedNotWriteableError: it is somebody else's.
    """
    feed_id = load_feed(feed_name_or_uri).feed_id
    # It was there just now: if it is not, an answer was lost, and this is the second time.
    with suppress(FeedNotFoundError):
        ask_patiently(f"/feeds/{feed_id}", method="DELETE")


def watch_for_new_messages(
    subfeed_watches: Mapping[str, Subfeed | Mapping[str, Any]],
    *,
    wait_msec: int = 0,
    channel: str = "",
    signed: bool = False,
) -> dict[str, list[Any]]:
    """Wait for new messages of many subfeeds at once.

    Args:
        subfeed_watches: for each key of yours, a Subfeed (its position advances), or
            {"feedId", "subfeedName" or "subfeedHash", "position"}.
        wait_msec: how long to wait if there is none yet, in milliseconds.
        channel: accepted; channels come later.
        signed: give the signed form of each message.

    Returns:
        The messages of those subfeeds that have any, by your keys.
    """
    del channel
    watched = {key: _as_subfeed(watch) for key, watch in subfeed_watches.items()}
    positions = [
        {"feed": one.feed_id, "subfeed": one.subfeed_hash, "position": one.position}
        for one in watched.values()
    ]
    body = json.dumps({"positions": positions, "wait_msec": wait_msec}).encode()
    reply = ask_patiently("/messages/watch", body, wait_msec / 1000)
    keys = list(watched)
    return {
        keys[place]: watched[keys[place]].get_next_messages(wait_msec=0, signed=signed)
        for place in msgspec.json.decode(reply.body, type=Ready).ready
    }


def _as_subfeed(watch: Subfeed | Mapping[str, Any]) -> Subfeed:
    if isinstance(watch, Subfeed):
        return watch
    name = watch.get("subfeedName") or f"~{watch['subfeedHash']}"
    return Subfeed(watch["feedId"], name, int(watch.get("position", 0)))


def _shown(one: SubfeedInfo) -> str:
    if one.name is None:
        return f"~{one.subfeed}"
    return one.name if isinstance(one.name, str) else json.dumps(one.name)


def _describe(feed: str) -> FeedInfo:
    reply = ask_patiently(f"/feeds/{feed}", method="GET")
    return msgspec.json.decode(reply.body, type=FeedInfo)


def _find_named(name: str) -> FeedInfo | None:
    reply = ask_patiently(f"/feeds?name={quote(name, safe='')}", method="GET")
    feeds = msgspec.json.decode(reply.body, type=FeedList).feeds
    return feeds[0] if feeds else None
