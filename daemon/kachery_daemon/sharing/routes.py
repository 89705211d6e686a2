"""The two ways on which bytes come from another node: directly, and through the hub.

The direct path is tried first. Where it does not lead to a node, the hub is used for a while before
it is tried again; what has arrived by then counts either way.
"""

from __future__ import annotations

import asyncio
import time
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
from kachery_daemon.network.frames import open_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kachery_daemon.network.direct_client import DirectConnection
    from kachery_daemon.sharing.connections import Connections
    from kachery_daemon.sharing.finding import Source
    from kachery_daemon.sharing.sinks import Sink

ASK_SECONDS = 10.0
# A chunk may take so long through the hub: nothing is seen of it until all of it is there.
_CHUNK_SECONDS = 20.0
_TICKET_MARGIN = 5.0
_WINDOW = 4


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

        def heard() -> None:
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
        """Several chunks are on their way at a time; ends at the first that does not come."""
        indices = iter(range(run.first, run.first + run.count))
        workers = [
            asyncio.ensure_future(self._fetch_some_by_hub(indices, run)) for _ in range(_WINDOW)
        ]
        try:
            done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            for worker in done:
                worker.result()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _fetch_some_by_hub(self, indices: Iterator[int], run: Run) -> None:
        source = self.source
        for index in indices:
            question = pack(AskChunks(self._discovery, index, 1))
            frames = await source.link.bulk_request(source.subject, question, _CHUNK_SECONDS)
            if len(frames) != 1:
                raise NoProviderError("The other node does not have it any more.")
            await self._connections.threads.receive(
                self._take_in_thread, index, frames[0], run, asyncio.get_running_loop()
            )

    def _take_in_thread(
        self, index: int, frame: bytes, run: Run, loop: asyncio.AbstractEventLoop
    ) -> None:
        data = unseal(self._key, frame_nonce(index), frame)
        is_right = run.sink.put(index, memoryview(data))
        self.path = "hub"
        loop.call_soon_threadsafe(run.took, index, is_right)
