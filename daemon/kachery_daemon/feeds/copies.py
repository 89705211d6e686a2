"""Feeds of other nodes that are kept here: verified copies, in the same files as one's own feeds.

A copy grows only by runs that its writer signed and that continue what is here. It is never
shorter, and never other, than what was once seen of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Literal

import msgspec

from kachery_core.errors import BrokenChainError, InvalidInputError
from kachery_core.feeds import control_subfeed, subfeed_hash
from kachery_core.forks import check_fork, find_fork
from kachery_core.messages import Head, decode_batches, outline_batches
from kachery_core.runs import cut_run
from kachery_daemon.feeds.copying import CopyCommitter, DividedError, Run
from kachery_daemon.feeds.histories import goes_through, head_of, run_from, signed_head
from kachery_daemon.feeds.log import SubfeedLog
from kachery_daemon.feeds.refusals import forked, other_than_seen
from kachery_store.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path
    from typing import Protocol

    from kachery_core.feeds import SubfeedName
    from kachery_core.forks import ForkProof
    from kachery_core.messages import SubfeedKey
    from kachery_daemon.feeds.heads import Heads
    from kachery_daemon.feeds.registry import FeedRecord, Registry
    from kachery_daemon.system.threads import Threads
    from kachery_store.folder import Folder

    class OpenSubfeed(Protocol):
        """A subfeed in use."""

        log: SubfeedLog
        fork: ForkProof | None


class _LastMessage(msgspec.Struct):
    """How a writer ends a feed; `docs/feeds.md`."""

    retired: Literal[True]
    successor: str | None = None
    reason: str = ""


_COMPARED_AT_ONCE = 1 << 20
_log = logging.getLogger(__name__)


class Copies:
    """The feeds of other nodes.

    Args:
        folder: the storage folder.
        registry: which there are.
        threads: for everything that touches the disk.
        opened: opens a subfeed, of a copy or of one's own.
    """

    def __init__(
        self,
        folder: Folder,
        registry: Registry,
        threads: Threads,
        opened: Callable[[SubfeedKey], Awaitable[OpenSubfeed]],
    ) -> None:
        self._folder = folder
        self._registry = registry
        self._threads = threads
        self._opened = opened
        self._seen: dict[SubfeedKey, Head] = {}

    def start(
        self,
        records: dict[str, FeedRecord],
        heads: list[Heads],
        wake: Callable[[SubfeedKey], None],
    ) -> None:
        """Enter the copies among the feeds of the node (blocking).

        Args:
            records: the feeds of the node; kept up to date.
            heads: where it is noted how far they go; the first is beside the logs.
            wake: called when a subfeed has new messages, in another thread.
        """
        self._records = records
        self._heads = heads
        self._wake = wake
        self._committer = CopyCommitter(heads, wake)
        for record in self._registry.copies():
            records.setdefault(record.feed, record)

    async def add(self, feed: str, names: Mapping[str, SubfeedName] | None = None) -> None:
        """Keep a copy of a feed from now on, and remember what its subfeeds are called.

        Args:
            feed: its public key; nothing changes if it is one's own.
            names: names by hashes, as others say; those that do not fit are left out.
        """
        if feed not in self._records:
            record = await self._threads.run(self._registry.add_copy, feed)
            self._records.setdefault(feed, record)
        if names and self._records[feed].is_copy:
            await self._threads.run(self._add_names, feed, names)

    async def take(self, key: SubfeedKey, before: Head, data: bytes) -> Head:
        """Join a run that came from another node to the copy; durable when this returns.

        Args:
            key: which subfeed.
            before: the head before the run, as whoever sent it says.
            data: the run.

        Returns:
            The copy's head afterwards.

        Raises:
            GapError: messages between the copy and the run are missing.
            DividedError: the run is signed and is another history, which begins before the run.
            FeedForkedError: the same, and the proof is kept.
            BrokenChainError, BadSignatureError: the run is not the writer's.
        """
        opened = await self._opened(key)
        if opened.fork is not None:
            raise forked(opened.fork)
        run = Run(opened.log, self._seen.get(key), before, data, Future())
        self._committer.take(run)
        try:
            head = await asyncio.wrap_future(run.done)
        except DividedError:
            proof = await self.prove(key, before, data)
            if proof is None:
                raise
            raise forked(await self.keep_fork(proof)) from None
        if key.subfeed == control_subfeed():
            await self._threads.run(self._note_end, opened.log)
        return head

    async def prove(self, key: SubfeedKey, before: Head, data: bytes) -> ForkProof | None:
        """Compare a signed run with what is here; a proof if they part inside the run."""
        opened = await self._opened(key)
        return await self._threads.run(_prove, opened.log, before, data)

    async def keep_fork(self, proof: ForkProof) -> ForkProof:
        """Keep the proof of a fork, for ever; the first one of the subfeed.

        Raises:
            BrokenChainError, BadSignatureError: it proves nothing.
        """
        opened = await self._opened(proof.key)
        await self._threads.run(check_fork, proof)
        await self._threads.run(self._registry.add_fork, proof)
        kept = await self._threads.run(self._registry.find_fork, proof.key)
        opened.fork = kept or proof
        self._wake(proof.key)
        return opened.fork

    async def fork(self, key: SubfeedKey) -> ForkProof | None:
        """The proof that a subfeed has two histories, if it has."""
        return (await self._opened(key)).fork

    async def head(self, key: SubfeedKey, length: int | None = None) -> Head:
        """The newest head of a subfeed that is here, or an earlier one."""
        log = (await self._opened(key)).log
        if length is None or length == log.head.length:
            return log.head
        return await self._threads.run(head_of, log, length)

    async def signed_head(self, key: SubfeedKey) -> tuple[Head, bytes]:
        """The newest head of a subfeed that is here, and its writer's signature."""
        opened = await self._opened(key)
        return await self._threads.run(signed_head, opened.log)

    async def run_from(self, key: SubfeedKey, length: int, max_bytes: int) -> tuple[Head, bytes]:
        """A signed run that begins exactly after `length` messages, and the head there."""
        opened = await self._opened(key)
        return await self._threads.run(run_from, opened.log, length, max_bytes)

    async def settle(self) -> None:
        """Wait until everything that came so far is written or refused."""
        await asyncio.wrap_future(self._committer.settle())

    def close(self) -> None:
        """Finish what is being written (blocking)."""
        self._committer.close()

    def open_log(self, path: Path, key: SubfeedKey) -> SubfeedLog:
        """The log of a copy (blocking); damaged parts come again from other nodes.

        Raises:
            FeedForkedError: it is not what was once seen of the subfeed.
        """
        noted = [heads.find(key) for heads in self._heads]
        log = self._sound_log(path, key, noted[0])
        for seen in noted:
            if not goes_through(log, seen):
                log.close()
                raise other_than_seen(key, seen)
        highest = max(noted, key=lambda head: head.length)
        if highest.length > log.head.length:
            self._seen[key] = highest
        return log

    def _sound_log(self, path: Path, key: SubfeedKey, seen: Head) -> SubfeedLog:
        try:
            return SubfeedLog(path, key, seen)
        except BrokenChainError as problem:
            _log.warning("a copy is damaged and is fetched again: %s", problem)
        aside = self._folder.trash / f"copy-{key.feed}-{key.subfeed}-{time.time_ns()}"
        with disk_errors(self._folder.root):
            if path.exists():
                shutil.copyfile(path, aside)
                os.chmod(aside, 0o600)
        return SubfeedLog(path, key, Head(), is_replaceable=True)

    def _add_names(self, feed: str, names: Mapping[str, SubfeedName]) -> None:
        known = self._registry.subfeeds(feed)
        fitting = {
            subfeed: name
            for subfeed, name in names.items()
            if subfeed not in known and _is_name_of(name, subfeed)
        }
        if fitting:
            self._registry.add_subfeeds(feed, fitting)

    def _note_end(self, log: SubfeedLog) -> None:
        """Remember how the writer ended the feed, if its last words are that."""
        _, run = run_from(log, max(log.head.length - 1, 0), 1)
        for batch, _ in decode_batches(run):
            with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
                said = msgspec.json.decode(batch.payloads[-1], type=_LastMessage)
                retired = {"successor": said.successor, "reason": said.reason}
                record = self._registry.end_copy(log.key.feed, retired)
                if record is not None and log.key.feed in self._records:
                    self._records[log.key.feed] = record


def _prove(log: SubfeedLog, before: Head, data: bytes) -> ForkProof | None:
    """Where a signed run parts from a log, piece by piece; None if it does so earlier or never."""
    while data:
        ours_before, ours = run_from(log, before.length, _COMPARED_AT_ONCE)
        if ours_before != before or not ours:
            return None
        proof = find_fork(log.key, before, ours, data)
        if proof is not None:
            return proof
        *_, last = outline_batches(ours)
        *_, end = outline_batches(data)
        if last.head.length >= end.head.length:
            return None
        before, data = cut_run(log.key, before, data, last.head.length)
    return None


def _is_name_of(name: SubfeedName, subfeed: str) -> bool:
    try:
        return subfeed_hash(name) == subfeed
    except InvalidInputError:
        return False
