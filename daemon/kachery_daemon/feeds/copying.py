"""One thread that makes copies of other nodes' feeds durable, all that waits in one go.

A run that came from another node is checked against the chain that is held, written and synced
before anyone can read it. It can only continue that chain: a copy never gets shorter, and what was
once seen never becomes something else. A thread of its own, so that a node that catches up with
others still takes the appends of its own programs at once.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import KacheryError
from kachery_core.messages import encode_batch
from kachery_core.runs import batches_from, check_foreign_run, head_at, with_few_signatures
from kachery_daemon.feeds.histories import head_of
from kachery_daemon.feeds.refusals import other_than_seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_core.messages import Batch, Head, SubfeedKey
    from kachery_daemon.feeds.heads import Heads
    from kachery_daemon.feeds.log import SubfeedLog

_LARGEST_GROUP = 256
_NOTE_SECONDS = 0.1
_WARN_SECONDS = 60.0
_log = logging.getLogger(__name__)


class DividedError(Exception):
    """A run is signed by the feed's writer, and it is another history than the one held here."""


class GapError(Exception):
    """A run begins after messages that are not here yet."""


class Run(msgspec.Struct):
    """A run that came from another node, and whoever waits for it to be durable.

    Attributes:
        log: the copy.
        seen: a head that was once seen of the subfeed, if the copy has not got that far again.
        before: the head before the run, as whoever sent it says.
        data: its batches.
        done: the copy's head afterwards.
    """

    log: SubfeedLog
    seen: Head | None
    before: Head
    data: bytes
    done: Future[Head]


class CopyCommitter:
    """Owns the thread that writes the logs of all copies.

    Args:
        heads: told how far each copy goes, shortly after it went there.
        on_commit: called in the thread when new messages can be read.
    """

    def __init__(self, heads: list[Heads], on_commit: Callable[[SubfeedKey], None]) -> None:
        self._heads = heads
        self._on_commit = on_commit
        self._queue: queue.SimpleQueue[Run | Future[None] | None] = queue.SimpleQueue()
        self._unnoted: dict[SubfeedKey, Head] = {}
        self._warned = float("-inf")
        self._thread = threading.Thread(target=self._run, name="kachery-copies", daemon=True)
        self._thread.start()

    def take(self, run: Run) -> None:
        """Join a run to its copy; `run.done` has the outcome."""
        self._queue.put(run)

    def settle(self) -> Future[None]:
        """Done when everything that waits now has been written or refused."""
        settled: Future[None] = Future()
        self._queue.put(settled)
        return settled

    def close(self) -> None:
        """Finish what waits, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        last_note = 0.0
        is_open = True
        while is_open:
            group = self._next_group()
            is_open = None not in group
            self._commit_all([one for one in group if isinstance(one, Run)])
            settled = [one for one in group if isinstance(one, Future)]
            is_due = settled or not is_open or time.monotonic() - last_note > _NOTE_SECONDS
            if self._unnoted and is_due:
                self._note()
                last_note = time.monotonic()
            for one in settled:
                one.set_result(None)
        for heads in self._heads:
            heads.close()

    def _commit_all(self, runs: list[Run]) -> None:
        by_log: dict[int, list[Run]] = {}
        for run in runs:
            by_log.setdefault(id(run.log), []).append(run)
        for together in by_log.values():
            self._commit(together)

    def _note(self) -> None:
        """Remember how far the copies go; if that fails, it is tried again at the next time."""
        try:
            for heads in self._heads:
                heads.note(self._unnoted)
        except (KacheryError, OSError) as problem:
            if time.monotonic() - self._warned > _WARN_SECONDS:
                _log.warning("how far the copied feeds go could not be noted: %s", problem)
                self._warned = time.monotonic()
        else:
            self._unnoted = {}

    def _next_group(self) -> list[Run | Future[None] | None]:
        """All that waits now; empty after a while if heads are still to be noted."""
        group: list[Run | Future[None] | None] = []
        with contextlib.suppress(queue.Empty):
            group.append(self._queue.get(timeout=_NOTE_SECONDS if self._unnoted else None))
            while len(group) < _LARGEST_GROUP:
                group.append(self._queue.get_nowait())
        return group

    def _commit(self, runs: list[Run]) -> None:
        """Join what fits, write, sync, show, answer: in this order."""
        log = runs[0].log
        joined, fresh = _joined(log, runs)
        try:
            if fresh:
                data = b"".join(map(encode_batch, fresh))
                log.write(data)
                log.sync()
                log.advance(fresh, len(data))
                self._unnoted[log.key] = log.head
        except Exception as problem:  # noqa: BLE001 - whoever waits hears of it; the thread lives on
            for run in joined:
                run.done.set_exception(problem)
            return
        for run in joined:
            run.done.set_result(log.head)
        if fresh:
            self._on_commit(log.key)


def _joined(log: SubfeedLog, runs: list[Run]) -> tuple[list[Run], list[Batch]]:
    """The runs that continue a log, and what is new in them; those who wait for others are told."""
    joined: list[Run] = []
    fresh: list[Batch] = []
    for run in runs:
        if not run.done.set_running_or_notify_cancel():
            continue
        try:
            fresh += _continuation(log, fresh, run)
        except Exception as problem:  # noqa: BLE001 - whoever waits hears of it; the thread lives on
            run.done.set_exception(problem)
        else:
            joined.append(run)
    return joined, fresh


def _continuation(log: SubfeedLog, fresh: list[Batch], run: Run) -> list[Batch]:
    """The messages of a run that are new after those of the log and of other runs before it.

    Raises:
        GapError: messages between the log and the run are missing.
        DividedError: the run is signed, and is another history.
        UntrustworthyError: the run is not the writer's, or not what was once seen.
    """
    key = log.key
    held = fresh[-1].head if fresh else log.head
    batches = check_foreign_run(key, run.before, run.data)
    end = batches[-1].head
    if run.before.length > held.length:
        raise GapError(f"the run begins at message {run.before.length}, held are {held.length}")
    if run.before != held:
        shared = min(end.length, held.length)
        if head_at(key, run.before, batches, shared) != _held_head(log, fresh, shared):
            raise DividedError(f"the run is not the history that is held up to message {shared}")
        batches = batches_from(batches, held.length)
    if not batches:
        return []
    seen = run.seen
    is_reached = seen is not None and held.length < seen.length <= end.length
    if seen is not None and is_reached and head_at(key, held, batches, seen.length) != seen:
        raise other_than_seen(key, seen)
    return with_few_signatures(key, batches)


def _held_head(log: SubfeedLog, fresh: list[Batch], length: int) -> Head:
    if fresh and length > log.head.length:
        return head_at(log.key, log.head, fresh, length)
    return head_of(log, length)
