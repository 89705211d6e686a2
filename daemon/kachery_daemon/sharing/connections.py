"""Direct connections to other nodes: kept for the next request, and where they do not lead."""

from __future__ import annotations

import asyncio
import threading
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
        self._is_over = False

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
        attempt = _Attempt()
        try:
            found = await self.threads.receive(attempt.connect, source.addresses[:_MOST_ADDRESSES])
        except asyncio.CancelledError:
            attempt.give_up()
            raise
        return found, True

    def give_back(self, connection: DirectConnection) -> None:
        """Keep a connection whose last answer was read to its end."""
        idle = self._idle.setdefault(connection.address, [])
        if len(idle) < _MOST_IDLE and not self._is_over:
            idle.append((time.monotonic(), connection))
        else:
            connection.close()

    def close(self) -> None:
        """Close all, and those that are given back later."""
        self._is_over = True
        for idle in self._idle.values():
            for _, connection in idle:
                connection.close()
        self._idle.clear()


class _Attempt:
    """To connect, in a thread; whoever wanted it may be gone when it has worked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: DirectConnection | None = None
        self._is_given_up = False

    def connect(self, addresses: tuple[str, ...]) -> DirectConnection:
        connection = _connect(addresses)
        with self._lock:
            self._connection = connection
            if self._is_given_up:
                connection.close()
        return connection

    def give_up(self) -> None:
        with self._lock:
            self._is_given_up = True
            if self._connection is not None:
                self._connection.close()


def _connect(addresses: tuple[str, ...]) -> DirectConnection:
    """A connection to the first address that answers."""
    problem: NoProviderError | None = None
    for address in addresses:
        try:
            return DirectConnection(address)
        except NoProviderError as found:
            problem = found
    raise problem or NoProviderError("The other node has no address.")
