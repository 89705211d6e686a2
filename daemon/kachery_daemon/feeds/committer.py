"""One thread that makes appends durable, all that wait in one go.

An append is chained, signed, written and synced before anyone hears of it: a crash can lose only
what was never acknowledged, and can never fork a feed. Everything that waited while the disk was
busy is written together, with one signature and one sync for each subfeed.
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
from kachery_core.messages import Batch, encode_batch, head_bytes, make_batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_core.keys import Signer
    from kachery_core.messages import Head, SubfeedKey
    from kachery_daemon.feeds.heads import Heads
    from kachery_daemon.feeds.log import SubfeedLog

# Readers are handed whole groups, so a group stays small.
_LARGEST_GROUP = 256
_LARGEST_GROUP_BYTES = 8 << 20
_NOTE_SECONDS = 0.1
_WARN_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Append(msgspec.Struct):
    """Messages somebody waits to have appended."""

    log: SubfeedLog
    signer: Signer
    append_id: bytes
    payloads: list[bytes]
    done: Future[tuple[int, int]]


class Errand(msgspec.Struct):
    """Something to be done between appends, after all that were asked for before."""

    work: Callable[[], None]
    done: Future[None]


class Committer:
    """Owns the thread that writes all logs of the node.

    Args:
        heads: told how far each subfeed goes, shortly after it went there.
        on_commit: called in the committer's thread when new messages can be read.
    """

    def __init__(self, heads: list[Heads], on_commit: Callable[[SubfeedKey], None]) -> None:
        self._heads = heads
        self._on_commit = on_commit
        self._queue: queue.SimpleQueue[Append | Errand | None] = queue.SimpleQueue()
        self._unnoted: dict[SubfeedKey, Head] = {}
        self._is_open = True
        self._warned = float("-inf")
        self._thread = threading.Thread(target=self._run, name="kachery-feeds", daemon=True)
        self._thread.start()

    def append(
        self, log: SubfeedLog, signer: Signer, append_id: bytes, payloads: list[bytes]
    ) -> Future[tuple[int, int]]:
        """Append messages; the index of the first and their number, once they are durable."""
        append = Append(log, signer, append_id, payloads, Future())
        self._queue.put(append)
        return append.done

    def run(self, work: Callable[[], None]) -> Future[None]:
        """Do something in the committer's thread, once all appends before it are over."""
        errand = Errand(work, Future())
        self._queue.put(errand)
        return errand.done

    def close(self) -> None:
        """Finish what waits, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        last_note = 0.0
        while True:
            group, errand = self._next_group()
            is_over = not self._is_open
            by_log: dict[int, list[Append]] = {}
            for append in group:
                by_log.setdefault(id(append.log), []).append(append)
            for appends in by_log.values():
                self._commit(appends)
            if errand is not None:
                _run(errand)
            if self._unnoted and (
                not self._is_open or time.monotonic() - last_note > _NOTE_SECONDS
            ):
                self._note()
                last_note = time.monotonic()
            if is_over:
                break
        for heads in self._heads:
            heads.close()

    def _note(self) -> None:
        """Remember how far the logs go; if that fails, it is tried again at the next time."""
        try:
            for heads in self._heads:
                heads.note(self._unnoted)
        except (KacheryError, OSError) as problem:
            # Tried ten times a second, told once a minute: a full disk stays full for a while.
            if time.monotonic() - self._warned > _WARN_SECONDS:
                _log.warning("how far the feeds go could not be noted: %s", problem)
                self._warned = time.monotonic()
        else:
            self._unnoted = {}

    def _next_group(self) -> tuple[list[Append], Errand | None]:
        """All appends that wait now, up to an errand or the end.

        Empty after a while if heads are still to be noted.
        """
        group: list[Append] = []
        size = 0
        with contextlib.suppress(queue.Empty):
            one = self._queue.get(timeout=_NOTE_SECONDS if self._unnoted else None)
            while isinstance(one, Append):
                group.append(one)
                size += sum(map(len, one.payloads))
                if len(group) >= _LARGEST_GROUP or size >= _LARGEST_GROUP_BYTES:
                    return group, None
                one = self._queue.get_nowait()
            self._is_open = one is not None
            return group, one
        return group, None

    def _commit(self, appends: list[Append]) -> None:
        """Chain, sign, write, sync, show, answer: in this order."""
        log = appends[0].log
        # Whoever gave up before the writing began is not answered, and appends nothing.
        appends = [one for one in appends if one.done.set_running_or_notify_cancel()]
        if not appends:
            return
        try:
            fresh, batches = _chained(log, appends)
            if batches:
                batches[-1] = _signed(log.key, batches[-1], appends[0].signer)
                data = b"".join(map(encode_batch, batches))
                log.write(data)
                log.sync()
                log.advance(batches, len(data))
                self._unnoted[log.key] = log.head
        except Exception as problem:  # noqa: BLE001 - whoever waits hears of it; the thread lives on
            for append in appends:
                append.done.set_exception(problem)
            return
        for append in appends:
            append.done.set_result(fresh[append.append_id])
        if batches:
            self._on_commit(log.key)


def _run(errand: Errand) -> None:
    problem: Exception | None = None
    try:
        errand.work()
    except Exception as caught:  # noqa: BLE001 - whoever waits hears of it; the thread lives on
        problem = caught
    if errand.done.set_running_or_notify_cancel():
        if problem is None:
            errand.done.set_result(None)
        else:
            errand.done.set_exception(problem)


def _chained(
    log: SubfeedLog, appends: list[Append]
) -> tuple[dict[bytes, tuple[int, int]], list[Batch]]:
    """Where each append is, and the batches of those that were not made before."""
    places: dict[bytes, tuple[int, int]] = {}
    batches: list[Batch] = []
    head = log.head
    now = time.time_ns() // 1000
    for append in appends:
        known = places.get(append.append_id) or log.find_append(append.append_id)
        if known is None:
            batch = make_batch(log.key, head, now, append.append_id, append.payloads)
            head = batch.head
            batches.append(batch)
            known = (batch.first, len(batch.payloads))
        places[append.append_id] = known
    return places, batches


def _signed(key: SubfeedKey, batch: Batch, signer: Signer) -> Batch:
    return msgspec.structs.replace(batch, signature=signer.sign(head_bytes(key, batch.head)))
