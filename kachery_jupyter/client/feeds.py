"""Feeds: making them, finding them, and waiting for many at once."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from kachery_core.errors import FeedNotFoundError, InvalidUriError
from kachery_core.feeds import feed_of, is_feed_uri, parse_feed_uri, subfeed_hash
from kachery_core.messages import SubfeedKey
from kachery_core.wire.feeds import FeedInfo, FeedList, Ready
from kachery_jupyter.client.dependencies import note_loaded
from kachery_jupyter.client.feed_html import feed_html
from kachery_jupyter.client.legacy_readers import LegacyReader
from kachery_jupyter.client.line import ask_patiently
from kachery_jupyter.client.readers import VerifiedReader
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
    def is_copy(self) -> Truth:
        """Whether another node writes it, and this one keeps a verified copy."""
        return Truth(self._info.is_copy)

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
            channel: name of the only channel on which another node's messages are looked for.
        """
        key = SubfeedKey(self.feed_id, subfeed_hash(name))
        reader = LegacyReader(key) if self._info.legacy else VerifiedReader(key, channel)
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
    channel: str = "",
) -> Feed:
    """A feed by the name you gave it, or by its URI; it may be another node's.

    Args:
        feed_name_or_uri: a name, or `feed://...`.
        timeout_sec: how long to look for it on channels, in seconds; about 5 if None.
        create: make a feed of that name if there is none.
        channel: name of the only channel to look on; '' for all.

    Raises:
        FeedNotFoundError: it is not here, and nobody on the channels has it.
        InvalidUriError: a URI of a subfeed, or of no feed at all.
        ChannelNotFoundError, RoleMissingError: this node is not in that channel, or may not ask
            for feeds there.
    """
    if is_feed_uri(feed_name_or_uri):
        return Feed(_describe(feed_of(feed_name_or_uri), channel, timeout_sec))
    found = _find_named(feed_name_or_uri)
    if found is not None:
        return Feed(found)
    if create:
        return create_feed(feed_name_or_uri)
    raise FeedNotFoundError(
        f"You have no feed named {feed_name_or_uri!r}.",
        hint="Make it: kc.create_feed(name), or kc.load_feed(name, create=True).",
    )


def load_subfeed(
    uri: str, position: int = 0, channel: str = "", timeout_sec: float | None = None
) -> Subfeed:
    """A subfeed by its URI; it may be another node's.

    What another node writes is copied here while you read it, verified, and goes on by itself.

    Args:
        uri: `feed://.../name`.
        position: index of the first message to be read.
        channel: name of the only channel to look on; '' for all.
        timeout_sec: how long to look for its feed on channels, in seconds; about 5 if None.

    Raises:
        InvalidUriError: not the URI of a subfeed.
        FeedNotFoundError: its feed is not here, and nobody on the channels has it.
        ChannelNotFoundError, RoleMissingError: see `load_feed`.
    """
    parts = parse_feed_uri(uri)
    if parts.subfeed is None:
        raise InvalidUriError(f"{uri} is a feed, not a subfeed.", hint=f"Add a name: {uri}/main")
    feed = Feed(_describe(parts.feed, channel, timeout_sec))
    note_loaded(uri)
    return feed.load_subfeed(parts.subfeed, position, channel)


def list_feeds() -> list[Feed]:
    """The feeds of this node and its copies of others' (`is_copy`), the newest first."""
    reply = ask_patiently("/feeds", method="GET")
    return [Feed(info) for info in msgspec.json.decode(reply.body, type=FeedList).feeds]


def get_feed_id(feed_name: str, create: bool = False) -> str:  # noqa: FBT002 - as kachery had it
    """The public key of the feed you gave this name.

    Raises:
        FeedNotFoundError: there is none, and `create` is False.
    """
    return load_feed(feed_name, create=create).feed_id


def delete_feed(feed_name_or_uri: str) -> None:
    """Delete a feed with its key and its messages; of another node's, only the copy here.

    Raises:
        FeedNotFoundError: it is not here.
        FeedNotWriteableError: it is another user's.
    """
    is_uri = is_feed_uri(feed_name_or_uri)
    feed_id = feed_of(feed_name_or_uri) if is_uri else load_feed(feed_name_or_uri).feed_id
    was_here = any(one.feed_id == feed_id for one in list_feeds())
    try:
        ask_patiently(f"/feeds/{feed_id}", method="DELETE")
    except FeedNotFoundError:
        if not was_here:  # otherwise an answer was lost, and this was the second time
            raise


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
        channel: name of the only channel on which messages of other nodes are looked for.
        signed: give the signed form of each message.

    Returns:
        The messages of those subfeeds that have any, by your keys.
    """
    watched = {key: _as_subfeed(watch, channel) for key, watch in subfeed_watches.items()}
    positions = [
        {"feed": one.feed_id, "subfeed": one.subfeed_hash, "position": one.position}
        for one in watched.values()
    ]
    question = {"positions": positions, "wait_msec": wait_msec, "channel": channel}
    body = json.dumps(question).encode()
    reply = ask_patiently("/messages/watch", body, wait_msec / 1000)
    keys = list(watched)
    return {
        keys[place]: watched[keys[place]].get_next_messages(wait_msec=0, signed=signed)
        for place in msgspec.json.decode(reply.body, type=Ready).ready
    }


def _as_subfeed(watch: Subfeed | Mapping[str, Any], channel: str) -> Subfeed:
    if isinstance(watch, Subfeed):
        return watch
    name = watch.get("subfeedName") or f"~{watch['subfeedHash']}"
    reader = VerifiedReader(SubfeedKey(watch["feedId"], subfeed_hash(name)), channel)
    return Subfeed(watch["feedId"], name, int(watch.get("position", 0)), reader=reader)


def _shown(one: SubfeedInfo) -> str:
    if one.name is None:
        return f"~{one.subfeed}"
    return one.name if isinstance(one.name, str) else json.dumps(one.name)


def _describe(feed: str, channel: str = "", timeout_sec: float | None = None) -> FeedInfo:
    given = {"channel": channel or None, "timeout_seconds": timeout_sec}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    path = f"/feeds/{feed}?{query}" if query else f"/feeds/{feed}"
    reply = ask_patiently(path, wait_seconds=timeout_sec or 0.0, method="GET")
    return msgspec.json.decode(reply.body, type=FeedInfo)


def _find_named(name: str) -> FeedInfo | None:
    reply = ask_patiently(f"/feeds?name={quote(name, safe='')}", method="GET")
    feeds = msgspec.json.decode(reply.body, type=FeedList).feeds
    return feeds[0] if feeds else None
