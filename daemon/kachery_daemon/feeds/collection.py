"""All feeds of this node: making, appending, reading, waiting, comparing, retiring."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kachery_core.errors import BrokenChainError, StorageFailedError
from kachery_core.feeds import CONTROL_NAME, control_subfeed
from kachery_core.forks import find_fork
from kachery_core.messages import SubfeedKey
from kachery_daemon.feeds.appending import Appending
from kachery_daemon.feeds.committer import Committer
from kachery_daemon.feeds.copies import Copies
from kachery_daemon.feeds.elsewhere import Nowhere
from kachery_daemon.feeds.heads import Heads
from kachery_daemon.feeds.inventory import Inventory
from kachery_daemon.feeds.legacy import LegacyFeeds
from kachery_daemon.feeds.logs import Logs, close_all
from kachery_daemon.feeds.opening import Opener
from kachery_daemon.feeds.refusals import (
    check_name,
    check_not_control,
    check_owned,
    check_payloads,
    check_writeable,
    ending,
    forked,
    not_found,
)
from kachery_daemon.feeds.registry import FeedRecord, Registry
from kachery_daemon.feeds.served import Served
from kachery_daemon.feeds.waiting import Waiters
from kachery_daemon.keyring import OWNER, delete_feed_key, make_feed_key

if TYPE_CHECKING:
    from collections.abc import KeysView
    from concurrent.futures import Future
    from pathlib import Path

    from kachery_core.feeds import SubfeedName
    from kachery_core.messages import Head
    from kachery_daemon.feeds.elsewhere import Elsewhere
    from kachery_daemon.feeds.opening import OpenSubfeed
    from kachery_daemon.system.threads import Threads
    from kachery_store.folder import Folder


class Feeds:
    """The feeds one node writes, and its copies of those that others write.

    Args:
        folder: the storage folder; logs and keys are in its state folder.
        witness: where heads are kept outside the storage folder.
        threads: for everything that touches the disk.
    """

    def __init__(self, folder: Folder, witness: Path, threads: Threads) -> None:
        self._folder = folder
        self._threads = threads
        self._witness_path = witness
        self._registry = Registry(folder.state)
        self.legacy = LegacyFeeds(folder.root)
        self.waiters = Waiters()
        self.served = Served(self._registry, threads)
        self.copies = Copies(folder, self._registry, threads, self._opened)
        self.elsewhere: Elsewhere = Nowhere()
        self._records: dict[str, FeedRecord] = {}
        # Feeds whose last message is being written; one feed ends at a time.
        self._ending: set[str] = set()
        self._ends = asyncio.Lock()
        self._open: dict[SubfeedKey, OpenSubfeed] = {}
        self.inventory = Inventory(folder, self._registry, threads, self._open)

    async def start(self) -> None:
        """Read which feeds there are."""
        await self._threads.run(self._start)

    async def create(
        self, name: str | None, writer: int = OWNER, creation_id: str | None = None
    ) -> FeedRecord:
        """Make a feed and its key; under the same id, a writer makes only one.

        Raises:
            FeedExistsError: this writer has a feed of that name.
        """
        record = await self._threads.run(self._create, name, writer, creation_id)
        return self._records.setdefault(record.feed, record)

    @property
    def identities(self) -> KeysView[str]:
        """The public keys of all feeds that are here."""
        return self._records.keys()

    def all(self) -> list[FeedRecord]:
        """Every feed, the newest first."""
        return sorted(self._records.values(), key=lambda record: -record.created_at)

    def get(self, feed: str) -> FeedRecord:
        """The record of a feed.

        Raises:
            FeedNotFoundError: it is not on this node.
        """
        record = self._records.get(feed)
        if record is None:
            raise not_found(feed)
        return record

    def find_by_name(self, name: str, writer: int) -> FeedRecord | None:
        """The feed a writer calls by this name."""
        named = (one for one in self._records.values() if (one.name, one.writer) == (name, writer))
        return next(named, None)

    async def subfeeds(self, feed: str) -> dict[str, SubfeedName]:
        """The names of a feed's subfeeds by their hashes."""
        return await self._threads.run(self._registry.subfeeds, feed)

    async def name_subfeed(self, key: SubfeedKey, name: SubfeedName, writer: int = OWNER) -> None:
        """Remember what a subfeed is called; its writer says so."""
        check_writeable(self.get(key.feed), writer)
        check_name(key, name)
        await self._threads.run(self._registry.add_subfeed, key.feed, key.subfeed, name)

    async def append(
        self, key: SubfeedKey, append_id: bytes, payloads: list[bytes], writer: int = OWNER
    ) -> tuple[int, int]:
        """Append messages; durable when this returns.

        Returns:
            The index of the first message, and how many there are.

        Raises:
            FeedNotFoundError, FeedNotWriteableError: not here, not yours, or retired.
            InvalidInputError: a message is too large.
            FeedRollbackError, FeedForkedError: this is an older or another copy of the feed.
        """
        while (done := self.append_soon(key, append_id, payloads, writer)) is None:
            await self._appending.prepare(key)
        return await asyncio.wrap_future(done)

    def append_soon(
        self, key: SubfeedKey, append_id: bytes, payloads: list[bytes], writer: int = OWNER
    ) -> Future[tuple[int, int]] | None:
        """Begin an append if nothing of what it needs is on the disk; otherwise None.

        Everything is checked here, without a pause before the committer has it: nothing that
        ends a feed comes in between. The rest is as for `append`.
        """
        check_payloads(payloads)
        check_not_control(key)
        check_writeable(self.get(key.feed), writer)
        if key.feed in self._ending:
            raise ending(key.feed)
        return self._appending.begin(key, append_id, payloads)

    async def read(
        self, key: SubfeedKey, position: int, max_bytes: int, channel: str = ""
    ) -> tuple[Head, bytes]:
        """Batches from a position on: the head before them, and their bytes.

        Args:
            key: the subfeed; if others write it, what they have is brought here first.
            position: index of a message.
            max_bytes: about how much; a run ends at a signature.
            channel: the only channel to look on; '' for all.

        Raises:
            FeedNotFoundError: not here.
            FeedForkedError: from this position on there are two histories.
        """
        await self.elsewhere.catch_up({key: position}, channel)
        opened = await self._opened(key)
        if opened.fork is not None and position >= opened.fork.index:
            raise forked(opened.fork)
        try:
            return await self._threads.run(opened.log.read, position, max_bytes)
        except StorageFailedError:
            if self._logs.get(key) is opened:
                raise
        # It was closed meanwhile: its feed was deleted, or its disk failed and it is opened again.
        return await self.read(key, position, max_bytes)

    async def length(self, key: SubfeedKey) -> int:
        """How many messages a subfeed has that can be believed."""
        opened = await self._opened(key)
        length = opened.log.head.length
        return length if opened.fork is None else min(length, opened.fork.index)

    async def is_ready(self, key: SubfeedKey, position: int) -> bool:
        """Whether whoever reads a subfeed there has something to hear: a message, or of a fork."""
        opened = await self._opened(key)
        return opened.fork is not None or opened.log.head.length > position

    async def wait(
        self, positions: dict[SubfeedKey, int], timeout_seconds: float
    ) -> list[SubfeedKey]:
        """Wait until any subfeed is ready at its position; those that are."""

        async def ready() -> list[SubfeedKey]:
            return [key for key, at in positions.items() if await self.is_ready(key, at)]

        with self.elsewhere.following(positions):
            return await self.waiters.wait(positions, ready, timeout_seconds)

    async def compare(self, key: SubfeedKey, before: Head, theirs: bytes) -> None:
        """Compare a run of batches from elsewhere with the messages here.

        Raises:
            FeedForkedError: it is another history of the same subfeed; the proof is kept.
            UntrustworthyError: it is no history of this subfeed at all.
        """
        opened = await self._opened(key)
        ours_before, ours = await self._threads.run(opened.log.read, before.length, len(theirs))
        if ours_before != before:
            raise BrokenChainError(
                f"The run does not begin at a head of {key.feed} that is known here.",
                hint="Compare from the feed's beginning.",
            )
        proof = await self._threads.run(find_fork, key, before, ours, theirs)
        if proof is not None:
            raise forked(await self.copies.keep_fork(proof))

    async def retire(
        self, feed: str, successor: str | None, reason: str, writer: int = OWNER
    ) -> FeedRecord:
        """Accept no more messages for a feed, for ever.

        Raises:
            FeedNotFoundError, FeedNotWriteableError: not here, or not yours.
        """
        async with self._ends:
            record = self.get(feed)
            check_owned(record, writer)
            if record.retired == {"successor": successor, "reason": reason}:
                return record  # asked again because the answer was lost
            check_writeable(record, writer)
            self._ending.add(feed)
            try:
                key = SubfeedKey(feed, control_subfeed())
                await self.name_subfeed(key, CONTROL_NAME)
                await self._appending.end(key, successor, reason)
                record = await self._threads.run(self._registry.retire, feed, successor, reason)
                self._records[feed] = record
            finally:
                self._ending.discard(feed)
            return record

    async def delete(self, feed: str, writer: int = OWNER) -> None:
        """Move a feed and its messages to the trash, and forget its key.

        Raises:
            FeedNotFoundError, FeedNotWriteableError: not here, or not yours.
        """
        async with self._ends:
            record = self.get(feed)
            check_owned(record, writer)
            del self._records[feed]
            self._appending.forget(feed)
            self.elsewhere.forget(feed)
            async with self._logs.without(feed) as logs:
                await self.copies.settle()
                # In the committer's thread: an append is before the end, or it is refused.
                await asyncio.wrap_future(self._committer.run(lambda: close_all(logs)))
                await self._threads.run(self._opener.remove, record)

    async def close(self) -> None:
        """Finish the appends in hand and close every log."""
        await self._threads.run(self.copies.close)
        await self._threads.run(self._committer.close)
        self._logs.close()

    async def _opened(self, key: SubfeedKey) -> OpenSubfeed:
        return await self._logs.open(key)

    def _start(self) -> None:
        self._witness_path.parent.mkdir(parents=True, exist_ok=True)
        self._heads = Heads(self._folder.state / "heads.sqlite")
        self._witness = Heads(self._witness_path)
        self._committer = Committer([self._heads, self._witness], self.waiters.wake_from_thread)
        self._records = {record.feed: record for record in self._registry.all()}
        self.served.start(self._witness)
        self.inventory.start(self._heads)
        noted = [self._heads, self._witness]
        self.copies.start(self._records, noted, self.waiters.wake_from_thread)
        self._opener = Opener(self._folder, self._registry, noted, self.copies)
        self._logs = Logs(self._threads, self.get, self._opener.open, self._open, self.inventory)
        self._appending = Appending(
            self._folder, self._threads, self._logs, self._committer, self._witness, self.served
        )

    def _create(self, name: str | None, writer: int, creation_id: str | None) -> FeedRecord:
        feed = make_feed_key(self._folder)
        record = None
        try:
            record = self._registry.add(feed, name, writer, creation_id)
        finally:
            if record is None or record.feed != feed:
                delete_feed_key(self._folder, feed)
        return record
