"""Direct connections to other nodes: kept for the next request, and where they do not lead."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from kachery_core.errors import NoProviderError
from kachery_daemon.network.direct_client import DirectConnection

if TYPE_CHECKING:
    from kachery_daemon.sharing.finding import Source
    from kachery_daemon.system.threads import Threads

# After so long, the direct path to a node that was not reached is tried again.
_AROUND_SECONDS = 60.0
_IDLE_SECONDS = 20.0
_MOST_IDLE = 4
_MOST_ADDRESSES = 4


class Connections:
    """Direct connections that are not used at the moment, and nodes that cannot be reached.

    Args:
        threads: where bytes are received.

    Attributes:
        received: chunks that came since the start and were right, on both ways.
    """

    def __init__(self, threads: Threads) -> None:
        self.threads = threads
        self.received = 0
        self._idle: dict[str, list[tuple[float, DirectConnection]]] = {}
        self._around: dict[str, float] = {}

    def may_reach(self, source: Source) -> bool:
        """Whether the direct path to a node is worth trying."""
        return bool(source.addresses) and self._around.get(source.node_id, 0) < time.monotonic()

    def go_around(self, source: Source) -> None:
        """The direct path did not lead there: use the hub for a while."""
        self._around[source.node_id] = time.monotonic() + _AROUND_SECONDS

    async def take(self, source: Source) -> tuple[DirectConnection, bool]:
        """A connection to a node, and whether it is new.

        Raises:
            NoProviderError: none of its addresses answers.
        """
        for address in source.addresses[:_MOST_ADDRESSES]:
            idle = self._idle.get(address, [])
            while idle:
                since, connection = idle.pop()
                if time.monotonic() - since < _IDLE_SECONDS:
                    return connection, False
                connection.close()
            self._idle.pop(address, None)
        work = asyncio.ensure_future(
            self.threads.receive(_connect, source.addresses[:_MOST_ADDRESSES])
        )
        try:
            return await asyncio.shield(work), True
        except asyncio.CancelledError:
            work.add_done_callback(_close_unused)
            raise

    def give_back(self, connection: DirectConnection) -> None:
        """Keep a connection whose last answer was read to its end."""
        idle = self._idle.setdefault(connection.address, [])
        if len(idle) < _MOST_IDLE:
            idle.append((time.monotonic(), connection))
        else:
            connection.close()

    def close(self) -> None:
        """Close all."""
        for idle in self._idle.values():
            for _, connection in idle:
                connection.close()
        self._idle.clear()


def _close_unused(work: asyncio.Future[DirectConnection]) -> None:
    """Nobody waits for this connection any more."""
    if not work.cancelled() and work.exception() is None:
        work.result().close()


def _connect(addresses: tuple[str, ...]) -> DirectConnection:
    """A connection to the first address that answers."""
    problem: NoProviderError | None = None
    for address in addresses:
        try:
            return DirectConnection(address)
        except NoProviderError as found:
            problem = found
    raise problem or NoProviderError("The other node has no address.")
