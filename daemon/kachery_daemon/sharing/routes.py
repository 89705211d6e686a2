"""The two ways on which bytes come from another node: directly, and through the hub.

The direct path is tried first. Where it does not lead to a node, the hub is used for a while before
it is tried again; what has arrived by then counts either way.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core.capabilities import content_discovery, content_key, frame_nonce
from kachery_core.errors import (
    BadChunkError,
    NoProviderError,
    TooBusyError,
    TransferStalledError,
)
from kachery_core.roles import Role
from kachery_core.sealing import unseal, unseal_note
from kachery_core.wire.node import pack, unpack
from kachery_core.wire.node_files import AskChunks, AskTable, AskTicket, TablePart, Ticket
from kachery_daemon.network.direct_client import sizes_of_run
from kachery_daemon.network.frames import LARGEST_FRAME, open_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_daemon.network.direct_client import DirectConnection
    from kachery_daemon.sharing.connections import Connections
    from kachery_daemon.sharing.finding import Source
    from kachery_daemon.sharing.sinks import Sink

ASK_SECONDS = 10.0
# A chunk may take so long through the hub: nothing is seen of it until all of it is there.
_CHUNK_SECONDS = 20.0
_TICKET_MARGIN = 5.0
_SLOW_SECONDS = 5.0
_FAST_SECONDS = 1.0
_MOST_QUESTIONS = 3
_MOST_IN_ONE = 4
_HEARD_SECONDS = 1.0


@dataclass(frozen=True)
class Run:
    """Some chunks to fetch from one source.

    Attributes:
        first: index of the first chunk.
        count: how many.
        sink: where they go.
        took: called in the event loop for each chunk: its index, whether it was right.
        heard: called in the event loop while bytes arrive.
    """

    first: int
    count: int
    sink: Sink
    took: Callable[[int, bool], None]
    heard: Callable[[], None]


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


class Route:
    """One content of one source.

    Args:
        source: who has it.
        sha1: of the content.
        connections: shared by all routes.

    Attributes:
        path: on which way the last bytes came: direct, hub, or '' before any did.
    """

    def __init__(self, source: Source, sha1: str, connections: Connections) -> None:
        self.source = source
        self.path = ""
        self._key = content_key(sha1)
        self._discovery = content_discovery(sha1)
        self._connections = connections
        self._ticket = b""
        self._ticket_end = 0.0
        self._pace = Pace()

    async def table(self, largest: int) -> bytes:
        """The encoded chunk table, unchecked.

        Raises:
            BadChunkError: it is no table, or larger than it may be.
            NoProviderError: the node has nothing (any more).
        """
        pieces: list[bytes] = []
        parts, size = 1, 0
        question = pack(AskTable(self._discovery))
        source = self.source
        asking = source.link.ask(
            source.subject, question, role=Role.PROVIDE_FILES, timeout=ASK_SECONDS
        )
        async for answer in asking:
            if not answer.body:
                break
            part = unpack(answer.body, TablePart)
            piece = unseal_note(self._key, part.note)
            parts, size = part.parts, size + len(piece)
            if part.part != len(pieces) or size > largest:
                raise BadChunkError("Another node sent a chunk table that is none.")
            pieces.append(piece)
        if len(pieces) != parts:
            raise NoProviderError("The other node did not send its chunk table.")
        return b"".join(pieces)

    async def fetch(self, run: Run) -> None:
        """Fetch chunks; returns when all came, or when the other node ended it.

        Raises:
            BadEnvelopeError, BadChunkError: the other node broke the rules.
            NoProviderError: it is not there any more.
            TransferStalledError, TooBusyError, UnavailableError: it did not deliver.
        """
        came: set[int] = set()

        def took(index: int, is_right: bool) -> None:
            came.add(index)
            run.took(index, is_right)

        mine = Run(run.first, run.count, run.sink, took, run.heard)
        if self._connections.may_reach(self.source):
            try:
                await self._fetch_directly(mine)
            except (NoProviderError, TooBusyError, TransferStalledError):
                self._ticket = b""
                if came:
                    raise
                self._connections.go_around(self.source)
            else:
                return
        await self._fetch_by_hub(mine)

    async def _fetch_directly(self, run: Run) -> None:
        ticket = await self._current_ticket()
        connection, is_new = await self._connections.take(self.source)
        try:
            await self._receive(connection, ticket, run)
        except TransferStalledError:
            if is_new or connection.has_received:
                raise
            # The other side closed it while it was idle.
            connection, _ = await self._connections.take(self.source)
            await self._receive(connection, ticket, run)

    async def _receive(self, connection: DirectConnection, ticket: bytes, run: Run) -> None:
        work = asyncio.ensure_future(
            self._connections.threads.receive(
                self._receive_in_thread, connection, ticket, run, asyncio.get_running_loop()
            )
        )
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            connection.cut()
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # how it ended is of no interest: it was cut
            connection.close()
            raise
        self._connections.give_back(connection)

    def _receive_in_thread(
        self,
        connection: DirectConnection,
        ticket: bytes,
        run: Run,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        sizes = sizes_of_run(run.sink.manifest.size, run.first, run.count)

        told_at = time.monotonic()

        def heard() -> None:
            nonlocal told_at
            if time.monotonic() - told_at > _HEARD_SECONDS:
                told_at = time.monotonic()
                loop.call_soon_threadsafe(run.heard)

        frames = connection.frames(ticket, sizes, run.first, heard)
        for index, (frame, release) in enumerate(frames, run.first):
            try:
                data = open_frame(self._key, index, frame)
            except BaseException:
                release()
                connection.close()
                raise
            is_right = run.sink.put(index, data, release)
            self.path = "direct"
            loop.call_soon_threadsafe(run.took, index, is_right)
            if not is_right:
                connection.close()
                raise BadChunkError("Another node sent wrong bytes.")

    async def _current_ticket(self) -> bytes:
        if self._ticket and time.monotonic() < self._ticket_end:
            return self._ticket
        source = self.source
        asking = source.link.ask(
            source.subject,
            pack(AskTicket(self._discovery)),
            role=Role.PROVIDE_FILES,
            timeout=ASK_SECONDS,
        )
        body = b""
        async for answer in asking:
            body = answer.body
        if not body:
            raise NoProviderError("The other node does not have it any more.")
        ticket = unpack(body, Ticket)
        self._ticket = ticket.ticket
        self._ticket_end = time.monotonic() + ticket.seconds - _TICKET_MARGIN
        return self._ticket

    async def _fetch_by_hub(self, run: Run) -> None:
        """Several questions are on their way at a time; ends at the first that fails."""
        left = deque(range(run.first, run.first + run.count))
        workers: set[asyncio.Task[None]] = set()
        try:
            while left or workers:
                while left and len(workers) < self._pace.questions:
                    indices = [left.popleft() for _ in range(min(self._pace.chunks, len(left)))]
                    workers.add(asyncio.ensure_future(self._fetch_some_by_hub(indices, run)))
                done, workers = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
                # All are looked at: several may fail at the same time.
                problems = [each for each in (one.exception() for one in done) if each is not None]
                if problems:
                    raise problems[0]
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _fetch_some_by_hub(self, indices: list[int], run: Run) -> None:
        source, started = self.source, time.monotonic()
        question = pack(AskChunks(self._discovery, indices[0], len(indices)))
        asking = asyncio.ensure_future(
            source.link.bulk_request(
                source.subject,
                question,
                _CHUNK_SECONDS,
                largest=len(indices) * LARGEST_FRAME,
            )
        )
        try:
            # It sees to it by itself that something comes.
            while not (await asyncio.wait([asking], timeout=_HEARD_SECONDS))[0]:
                run.heard()
        finally:
            asking.cancel()
        frames = asking.result()
        self._pace.answered(time.monotonic() - started)
        if len(frames) != len(indices):
            raise NoProviderError("The other node does not have it any more.")
        loop = asyncio.get_running_loop()
        for index, frame in zip(indices, frames, strict=True):
            await self._connections.threads.receive(self._take_in_thread, index, frame, run, loop)

    def _take_in_thread(
        self, index: int, frame: bytes, run: Run, loop: asyncio.AbstractEventLoop
    ) -> None:
        data = unseal(self._key, frame_nonce(index), frame)
        is_right = run.sink.put(index, memoryview(data))
        self.path = "hub"
        loop.call_soon_threadsafe(run.took, index, is_right)
