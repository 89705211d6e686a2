"""Feeds: make, append, read, wait."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from kachery_core.errors import FeedNotFoundError, UnavailableError
from kachery_core.feeds import FeedUri
from kachery_core.keys import is_public_key
from kachery_core.messages import Head, SubfeedKey
from kachery_core.wire.feeds import (
    LARGEST_APPEND,
    LARGEST_COMPARISON,
    Appended,
    Compared,
    Comparison,
    FeedInfo,
    FeedList,
    FeedQuery,
    LegacyMessages,
    LegacyRequest,
    LookQuery,
    NewFeed,
    NewMessages,
    ReadRequest,
    Ready,
    Retirement,
    SubfeedInfo,
    Watch,
)
from kachery_core.wire.local import API_PATH
from kachery_daemon.api import messages
from kachery_daemon.api.endpoint import BYTES, Endpoint
from kachery_daemon.api.operations import operation
from kachery_daemon.keyring import OWNER

if TYPE_CHECKING:
    from kachery_daemon.feeds.registry import FeedRecord


class _FeedEndpoint(Endpoint):
    _wait: asyncio.Task[Any] | None = None
    _is_gone = False

    async def wait_for_messages(self, positions: dict[SubfeedKey, int], wait_msec: int) -> None:
        """Wait until a subfeed goes on, the time is over, or the reader has gone away."""
        if not wait_msec:
            return
        work = self.services.feeds.wait(positions, wait_msec / 1000)
        self._wait = asyncio.ensure_future(work)
        with contextlib.suppress(asyncio.CancelledError):
            await self._wait
        if self._is_gone:
            raise UnavailableError("The reader has gone away.")

    @override
    def on_connection_close(self) -> None:
        self._is_gone = True
        if self._wait is not None:
            self._wait.cancel()
        super().on_connection_close()

    @property
    def writer(self) -> int:
        """Who asks, as feeds know their writers."""
        return messages.writer_of(self.asker)

    def described(self, record: FeedRecord, subfeeds: list[SubfeedInfo]) -> FeedInfo:
        """A record as it goes over the wire."""
        return FeedInfo(
            record.feed,
            str(FeedUri(record.feed)),
            record.name if self.writer in (OWNER, record.writer) else None,
            record.retired is None and not record.is_copy and self.writer in (OWNER, record.writer),
            record.created_at,
            record.retired,
            subfeeds,
            is_copy=record.is_copy,
        )


class FeedsEndpoint(_FeedEndpoint):
    """All feeds."""

    PATH = f"{API_PATH}/feeds"

    @operation("The feeds of this node, or the one of a name.", FeedList, query=FeedQuery)
    async def get(self, query: FeedQuery) -> FeedList:
        """List feeds."""
        feeds = self.services.feeds
        if query.name is None:
            records = feeds.all()
        else:
            record = feeds.find_by_name(query.name, self.writer)
            records = [] if record is None else [record]
        return FeedList([self.described(record, []) for record in records])

    @operation("Make a feed.", FeedInfo, body=NewFeed)
    async def post(self, body: NewFeed) -> FeedInfo:
        """Make a feed."""
        record = await self.services.feeds.create(body.name, self.writer, body.creation_id)
        return self.described(record, [])


class FeedEndpoint(_FeedEndpoint):
    """One feed."""

    PATH = f"{API_PATH}/feeds/{{feed}}"

    @operation("One feed, its subfeeds and how far they go.", FeedInfo, query=LookQuery)
    async def get(self, feed: str, query: LookQuery) -> FeedInfo:
        """Describe a feed; look for it on the channels if another node writes it."""
        feeds = self.services.feeds
        legacy = await self.services.threads.run(feeds.legacy.subfeeds, _checked(feed))
        if legacy:
            old = [SubfeedInfo(subfeed, None, length) for subfeed, length in legacy.items()]
            return FeedInfo(
                feed,
                str(FeedUri(feed)),
                None,
                is_writeable=False,
                created_at=0.0,
                retired=None,
                subfeeds=old,
                legacy=True,
            )
        await feeds.elsewhere.look(feed, query.channel, query.timeout_seconds)
        record = feeds.get(feed)
        names = await feeds.subfeeds(feed)
        subfeeds = [
            SubfeedInfo(subfeed, name, await self._length(SubfeedKey(feed, subfeed)))
            for subfeed, name in names.items()
        ]
        return self.described(record, subfeeds)

    async def _length(self, key: SubfeedKey) -> int:
        feeds = self.services.feeds
        return max(await feeds.length(key), feeds.elsewhere.told(key))

    @operation("Delete a feed: its key and its messages go to the trash.", FeedList)
    async def delete(self, feed: str) -> FeedList:
        """Delete a feed."""
        await self.services.feeds.delete(_checked(feed), self.writer)
        return FeedList([])


class RetireEndpoint(_FeedEndpoint):
    """The end of one feed."""

    PATH = f"{API_PATH}/feeds/{{feed}}/retire"

    @operation("Accept no more messages for a feed.", FeedInfo, body=Retirement)
    async def post(self, feed: str, body: Retirement) -> FeedInfo:
        """Retire a feed."""
        feeds = self.services.feeds
        record = await feeds.retire(_checked(feed), body.successor, body.reason, self.writer)
        return self.described(record, [])


class AppendEndpoint(_FeedEndpoint):
    """New messages."""

    PATH = f"{API_PATH}/messages/append"
    largest_body = LARGEST_APPEND + (1 << 20)

    @operation("Append messages; durable when answered.", Appended, body=NewMessages)
    async def post(self, body: NewMessages) -> Appended:
        """Append messages."""
        return await messages.append(self.services.feeds, body, self.writer)


class ReadEndpoint(_FeedEndpoint):
    """Messages from a position on."""

    PATH = f"{API_PATH}/messages/read"

    @operation("Messages as batches, from those of a position on.", None, body=ReadRequest)
    async def post(self, body: ReadRequest) -> None:
        """Send messages, or nothing if none came in time."""
        facts, run = await messages.read(self.services.feeds, body, self.wait_for_messages)
        self.set_header("Content-Type", BYTES)
        for name, value in facts.items():
            self.set_header(name, value)
        await self.finish(run)


class LegacyEndpoint(_FeedEndpoint):
    """Messages of feeds that an old kachery daemon wrote."""

    PATH = f"{API_PATH}/messages/legacy"

    @operation("Signed messages of an old feed.", LegacyMessages, body=LegacyRequest)
    async def post(self, body: LegacyRequest) -> LegacyMessages:
        """Send old messages."""
        legacy, run = self.services.feeds.legacy, self.services.threads.run
        texts = await run(legacy.read, body.feed, body.subfeed, body.position, body.limit)
        length = await run(legacy.length, body.feed, body.subfeed)
        return LegacyMessages([msgspec.Raw(text.encode()) for text in texts], length)


class CompareEndpoint(_FeedEndpoint):
    """Copies of a feed from elsewhere."""

    PATH = f"{API_PATH}/messages/compare"
    largest_body = LARGEST_COMPARISON

    @operation("Compare a run of batches with the feed that is here.", Compared, body=Comparison)
    async def post(self, body: Comparison) -> Compared:
        """Find a fork, and keep its proof."""
        key = SubfeedKey(body.feed, body.subfeed)
        before = Head(body.before_length, bytes.fromhex(body.before_entry))
        await self.services.feeds.compare(key, before, body.run)
        return Compared(await self.services.feeds.length(key))


class WatchEndpoint(_FeedEndpoint):
    """Many subfeeds at once."""

    PATH = f"{API_PATH}/messages/watch"

    @operation("Wait until any of many subfeeds has a new message.", Ready, body=Watch)
    async def post(self, body: Watch) -> Ready:
        """Say which subfeeds have messages."""
        return await messages.watch(self.services.feeds, body, self.wait_for_messages)


def _checked(feed: str) -> str:
    if not is_public_key(feed):
        raise FeedNotFoundError(f"{feed[:100]!r} is not a feed: 64 hex digits, lower case.")
    return feed


FEED_ENDPOINTS: tuple[type[Endpoint], ...] = (
    FeedsEndpoint,
    FeedEndpoint,
    RetireEndpoint,
    AppendEndpoint,
    ReadEndpoint,
    LegacyEndpoint,
    CompareEndpoint,
    WatchEndpoint,
)
