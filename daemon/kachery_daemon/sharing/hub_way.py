"""Chunks of one content of one source, through the hub: asked for a few at a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from kachery_core.capabilities import content_discovery, content_key, frame_nonce
from kachery_core.errors import NoProviderError
from kachery_core.sealing import unseal
from kachery_core.wire.node import pack
from kachery_core.wire.node_files import AskChunks
from kachery_daemon.network.ending import end_tasks
from kachery_daemon.network.frames import LARGEST_FRAME
from kachery_daemon.sharing.arrivals import Arrivals

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_daemon.sharing.arrivals import Run
    from kachery_daemon.sharing.finding import Source
    from kachery_daemon.system.threads import Threads

# A chunk may take so long: nothing is seen of it until all of it is there.
_CHUNK_SECONDS = 20.0
_SLOW_SECONDS = 5.0
_FAST_SECONDS = 1.0
_MOST_QUESTIONS = 3
_MOST_IN_ONE = 4
_HEARD_SECONDS = 1.0


class Pace:
    """How much is asked for at a time through the hub: little at first, more while it is fast.

    Attributes:
        chunks: in one question.
        questions: on their way at a time.
    """

    def __init__(self) -> None:
        self.chunks = 1
        self.questions = 1

    def answered(self, seconds: float) -> None:
        """An answer took so long."""
        if seconds > _SLOW_SECONDS:
            self.chunks, self.questions = 1, 1
        elif seconds < _FAST_SECONDS:
            self.questions = min(self.questions + 1, _MOST_QUESTIONS)
            self.chunks = min(2 * self.chunks, _MOST_IN_ONE)


class HubWay:
    """The way through the hub to one content of one source.

    Args:
        source: who has it.
        sha1: of the content.
        threads: for opening what comes.
    """

    def __init__(self, source: Source, sha1: str, threads: Threads) -> None:
        self._source = source
        self._threads = threads
        self._key = content_key(sha1)
        self._discovery = content_discovery(sha1)
        self._pace = Pace()

    async def fetch(self, run: Run, came: Callable[[], None]) -> None:
        """Fetch chunks; with several questions on their way; the first failure ends it.

        Args:
            run: which, and where they go.
            came: called when one of them is here.

        Raises:
            BadEnvelopeError: the other node broke the rules.
            NoProviderError: it is not there any more.
            TransferStalledError, TooBusyError, UnavailableError: it did not deliver.
        """
        left = deque(range(run.first, run.first + run.count))
        workers: set[asyncio.Task[None]] = set()
        try:
            while left or workers:
                while left and len(workers) < self._pace.questions:
                    indices = [left.popleft() for _ in range(min(self._pace.chunks, len(left)))]
                    workers.add(asyncio.ensure_future(self._fetch_some(indices, run, came)))
                done, workers = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
                # All are looked at: several may fail at the same time.
                problems = [each for each in (one.exception() for one in done) if each is not None]
                if problems:
                    raise problems[0]
        finally:
            await end_tasks(workers)

    async def _fetch_some(self, indices: list[int], run: Run, came: Callable[[], None]) -> None:
        source, started = self._source, time.monotonic()
        arrivals = Arrivals(run.took)
        taking: list[asyncio.Future[None]] = []

        def take(frame: bytes) -> None:
            # What is here before an interruption is not asked for again.
            if len(taking) < len(indices):
                index = indices[len(taking)]
                work = self._threads.receive(self._take_in_thread, index, frame, run, arrivals)
                taking.append(asyncio.ensure_future(work))
                came()

        question = pack(AskChunks(self._discovery, indices[0], len(indices)))
        asking = asyncio.ensure_future(
            source.link.bulk_request(
                source.subject,
                question,
                _CHUNK_SECONDS,
                largest=len(indices) * LARGEST_FRAME,
                take=take,
            )
        )
        try:
            # It sees to it by itself that something comes.
            while not (await asyncio.wait([asking], timeout=_HEARD_SECONDS))[0]:
                run.heard()
        finally:
            asking.cancel()
            await asyncio.gather(*taking, return_exceptions=True)
            arrivals.tell()
        for work in taking:
            work.result()
        asking.result()
        self._pace.answered(time.monotonic() - started)
        if len(taking) != len(indices):
            raise NoProviderError("The other node does not have it any more.")

    def _take_in_thread(self, index: int, frame: bytes, run: Run, arrivals: Arrivals) -> None:
        data = unseal(self._key, frame_nonce(index), frame)
        is_right = run.sink.put(index, memoryview(data))
        arrivals.bring(index, is_right=is_right)
