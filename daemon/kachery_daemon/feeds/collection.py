"""All feeds of this node: making, appending, reading, waiting, retiring."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from kachery_core.errors import (
    FeedForkedError,
    FeedNotWriteableError,
    FeedRollbackError,
    InvalidInputError,
)
from kachery_core.messages import LARGEST_PAYLOAD, Head, SubfeedKey
from kachery_daemon.feeds.committer import Committer
from kachery_daemon.feeds.heads import Heads
from kachery_daemon.feeds.log import SubfeedLog
from kachery_daemon.feeds.registry import Registry
from kachery_daemon.keyring import OWNER, delete_feed_key, feed_signer, make_feed_key
from kachery_store.disk import disk_errors, sync_directory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kachery_core.feeds import SubfeedName
    from kachery_core.keys import Signer
    from kachery_daemon.feeds.registry import FeedRecord
    from kachery_daemon.system.threads import Threads
    from kachery_store.folder import Folder


class Feeds:
    """The feeds one node writes.

    Args:
        folder: the storage folder; logs and keys are in its state folder.
        witness: where heads are kept outside the storage folder.
        threads: for everything that touches the disk.
    """

    def __init__(self, folder: Folder, witness: Path, threads: Threads) -> None:
        self._folder = folder
        self._threads = threads
        self.registry = Registry(folder.state)
        self._heads = Heads(folder.state / "heads.sqlite")
        witness.parent.mkdir(parents=True, exist_ok=True)
        self._witness = Heads(witness)
        self._loop = asyncio.get_running_loop()
        self._committer = Committer([self._heads, self._witness], self._announce)
        self._logs: dict[SubfeedKey, SubfeedLog] = {}
        self._signers: dict[str, Signer] = {}
        self._opening = asyncio.Lock()
        self._waiters: dict[SubfeedKey, set[asyncio.Event]] = {}

    async def create(self, name: str | None, writer: int = OWNER) -> FeedRecord:
        """Make a feed and its key.

        Raises:
            FeedExistsError: this writer has a feed of that name.
        """
        return await self._threads.run(self._create, name, writer)

    async def get(self, feed: str) -> FeedRecord:
        """The record of a feed.

        Raises:
            FeedNotFoundError: it is not on this node.
        """
        return await self._threads.run(self.registry.get, feed)

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
        _check_payloads(payloads)
        _check_writeable(await self.get(key.feed), writer)
        log = await self._log(key)
        signer = self._signers.get(key.feed)
        if signer is None:
            signer = await self._threads.run(feed_signer, self._folder, key.feed)
            self._signers[key.feed] = signer
        return await asyncio.wrap_future(self._committer.append(log, signer, append_id, payloads))

    async def read(self, key: SubfeedKey, position: int, max_bytes: int) -> tuple[Head, bytes]:
        """Batches from a position on: the head before them, and their bytes."""
        await self.get(key.feed)
        log = await self._log(key)
        return await self._threads.run(log.read, position, max_bytes)

    async def length(self, key: SubfeedKey) -> int:
        """How many messages a subfeed has."""
        await self.get(key.feed)
        return (await self._log(key)).head.length

    async def wait(
        self, positions: dict[SubfeedKey, int], timeout_seconds: float
    ) -> list[SubfeedKey]:
        """Wait until any subfeed has a message at its position; those that have one."""
        event = asyncio.Event()
        deadline = time.monotonic() + timeout_seconds
        for key in positions:
            self._waiters.setdefault(key, set()).add(event)
        try:
            while True:
                event.clear()
                ready = [
                    key for key, position in positions.items() if await self.length(key) > position
                ]
                left = deadline - time.monotonic()
                if ready or left <= 0:
                    return ready
                try:
                    await asyncio.wait_for(event.wait(), left)
                except asyncio.TimeoutError:
                    continue
        finally:
            for key in positions:
                self._waiters[key].discard(event)
                if not self._waiters[key]:
                    del self._waiters[key]

    async def name_subfeed(self, key: SubfeedKey, name: SubfeedName) -> None:
        """Remember what a subfeed is called."""
        await self._threads.run(self.registry.add_subfeed, key.feed, key.subfeed, name)

    async def retire(
        self, feed: str, successor: str | None, reason: str, writer: int = OWNER
    ) -> None:
        """Accept no more messages for a feed, for ever.

        Raises:
            FeedNotFoundError, FeedNotWriteableError: not here, or not yours.
        """
        _check_writeable(await self.get(feed), writer)
        await self._threads.run(self.registry.retire, feed, successor, reason)

    async def delete(self, feed: str, writer: int = OWNER) -> None:
        """Remove a feed, its key and its messages.

        Raises:
            FeedNotFoundError, FeedNotWriteableError: not here, or not yours.
        """
        record = await self.get(feed)
        if writer not in (OWNER, record.writer):
            raise _not_yours(feed)
        async with self._opening:
            for key in [key for key in self._logs if key.feed == feed]:
                self._logs.pop(key).close()
            self._signers.pop(feed, None)
            await self._threads.run(self._delete, feed)

    async def close(self) -> None:
        """Finish the appends in hand and close every log."""
        await self._threads.run(self._committer.close)
        for log in self._logs.values():
            log.close()
        self._logs.clear()

    def _create(self, name: str | None, writer: int) -> FeedRecord:
        feed = make_feed_key(self._folder)
        try:
            self.registry.add(feed, name, writer)
        except BaseException:
            delete_feed_key(self._folder, feed)
            raise
        return self.registry.get(feed)

    async def _log(self, key: SubfeedKey) -> SubfeedLog:
        log = self._logs.get(key)
        if log is None or log.failed:
            async with self._opening:
                log = self._logs.get(key)
                if log is None or log.failed:
                    log = await self._threads.run(self._open, key)
                    self._logs[key] = log
        return log

    def _open(self, key: SubfeedKey) -> SubfeedLog:
        folder = self._folder.state / "feeds" / key.feed
        with disk_errors(self._folder.root):
            for path in (folder.parent, folder):
                if not path.exists():
                    path.mkdir(mode=0o700)
                    sync_directory(path.parent)
        log = SubfeedLog(folder / f"{key.subfeed}.log", key, self._heads.find(key))
        try:
            _check_witness(log, self._witness.find(key))
        except BaseException:
            log.close()
            raise
        return log

    def _delete(self, feed: str) -> None:
        folder = self._folder.state / "feeds" / feed
        self.registry.remove(feed)
        for heads in (self._heads, self._witness):
            heads.forget(feed)
        if folder.exists():
            os.replace(folder, self._folder.trash / f"feed-{feed}-{time.time_ns()}")
            sync_directory(folder.parent)
        delete_feed_key(self._folder, feed)

    def _announce(self, key: SubfeedKey) -> None:
        """Wake whoever waits for this subfeed; called in the committer's thread."""
        if key in self._waiters:
            self._loop.call_soon_threadsafe(self._wake, key)

    def _wake(self, key: SubfeedKey) -> None:
        for event in self._waiters.get(key, ()):
            event.set()


def _check_payloads(payloads: Sequence[bytes]) -> None:
    if not payloads:
        raise InvalidInputError("There is no message to append.")
    largest = max(map(len, payloads))
    if largest > LARGEST_PAYLOAD:
        raise InvalidInputError(
            f"A message has {largest:,} bytes; a feed takes at most {LARGEST_PAYLOAD:,}.",
            hint="Store the value (kc.store_json, kc.store_npy) and append its URI.",
        )


def _check_writeable(record: FeedRecord, writer: int) -> None:
    if writer not in (OWNER, record.writer):
        raise _not_yours(record.feed)
    if record.retired is not None:
        successor = record.retired["successor"]
        raise FeedNotWriteableError(
            f"The feed {record.feed} is retired: {record.retired['reason'] or 'no reason given'}.",
            hint=f"Its successor is {successor}." if successor else "Create a new feed.",
            feed=record.feed,
            successor=successor,
        )


def _not_yours(feed: str) -> FeedNotWriteableError:
    return FeedNotWriteableError(
        f"The feed {feed} belongs to another user of this computer.",
        hint="Create a feed of your own; everybody here can read it.",
        feed=feed,
    )


def _check_witness(log: SubfeedLog, seen: Head) -> None:
    """Compare a log with what was seen of it outside this storage folder.

    Appending to an older copy would give one index two messages.
    """
    if log.head.length < seen.length:
        raise FeedRollbackError(
            f"This copy of feed {log.key.feed} ends at message {log.head.length},"
            f" and {seen.length} were already written to it.",
            hint="It was restored from an older backup. Restore a newer one, or start a new feed"
            " and retire this one.",
            feed=log.key.feed,
            here=log.head.length,
            seen=seen.length,
        )
    if not log.contains(seen):
        raise FeedForkedError(
            f"Message {seen.length - 1} of feed {log.key.feed} is not the one seen before.",
            hint="Two copies of this node wrote the same feed. Start a new feed.",
            feed=log.key.feed,
            index=seen.length - 1,
        )
