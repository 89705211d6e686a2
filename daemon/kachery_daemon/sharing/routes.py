"""The two ways on which bytes come from another node: directly, and through the hub.

The direct path is tried first. Where it does not lead to a node, the hub is used for a while before
it is tried again; what has arrived by then counts either way.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from typing import TYPE_CHECKING

from kachery_core.capabilities import content_discovery, content_key
from kachery_core.errors import (
    BadChunkError,
    NoProviderError,
    TooBusyError,
    TransferStalledError,
)
from kachery_core.roles import Role
from kachery_core.sealing import unseal_note
from kachery_core.wire.node import pack, unpack
from kachery_core.wire.node_files import AskTable, AskTicket, TablePart, Ticket
from kachery_daemon.network.direct_client import sizes_of_run
from kachery_daemon.network.frames import open_frame
from kachery_daemon.sharing.arrivals import Arrivals, Run
from kachery_daemon.sharing.hub_way import HubWay

if TYPE_CHECKING:
    from kachery_daemon.network.direct_client import DirectConnection
    from kachery_daemon.sharing.connections import Connections
    from kachery_daemon.sharing.finding import Source

ASK_SECONDS = 10.0
_TICKET_MARGIN = 5.0
_HEARD_SECONDS = 1.0


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
        self._hub = HubWay(source, sha1, connections.threads)

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
        await self._hub.fetch(mine, self._came_by_hub)

    def _came_by_hub(self) -> None:
        self.path = "hub"

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
        arrivals = Arrivals(run.took)
        work = asyncio.ensure_future(
            self._connections.threads.receive(
                self._receive_in_thread, connection, ticket, run, arrivals
            )
        )
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            connection.cut()
            work.add_done_callback(functools.partial(_close, connection))
            with contextlib.suppress(asyncio.CancelledError):  # said again
                await asyncio.wait([work])
            raise
        except BaseException:
            connection.close()  # nobody knows how much of the answer was read
            raise
        finally:
            arrivals.tell()
        self._connections.give_back(connection)

    def _receive_in_thread(
        self, connection: DirectConnection, ticket: bytes, run: Run, arrivals: Arrivals
    ) -> None:
        """All of it in one thread: what a chunk needs is done while the next one comes."""
        told_at = time.monotonic()

        def heard() -> None:
            nonlocal told_at
            if time.monotonic() - told_at > _HEARD_SECONDS:
                told_at = time.monotonic()
                arrivals.call(run.heard)

        sizes = sizes_of_run(run.sink.manifest.size, run.first, run.count)
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
            arrivals.bring(index, is_right=is_right)
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


def _close(connection: DirectConnection, work: asyncio.Future[None]) -> None:
    """Close a connection that was cut, once nobody uses it."""
    if not work.cancelled():
        work.exception()  # how it ended is of no interest
    connection.close()
