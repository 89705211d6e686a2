"""The direct path, providing side: sealed frames over plain HTTP, for who has a ticket.

    GET /k/<ticket, 64 hex>/<first>-<last>      frames first to last, one after the other

That is all it knows. The event loop reads the requests, so that who only connects keeps no thread
busy; a thread of its own sends each answer with `sendall`, which is faster than the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import re
import socket
from collections import Counter
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_daemon.network.blocking import set_patience
from kachery_daemon.network.ending import within
from kachery_daemon.network.frames import LARGEST_FRAME, Frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_daemon.network.frames import FrameSource
    from kachery_daemon.network.tickets import Grant, Tickets
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store

_REQUEST = re.compile(rb"GET /k/([0-9a-f]{64})/(\d{1,9})-(\d{1,9}) HTTP/1\.1\r\n", re.ASCII)
_LONGEST_HEAD = 2048
_MOST_CONNECTIONS = 256
_MOST_FOR_ONE = 8
_MOST_AT_ONCE = 16
# A connection that asks for nothing is closed, and so is one that does not take what it asked for.
_IDLE_SECONDS = 30.0
_SEND_SECONDS = 60.0
_log = logging.getLogger(__name__)


class DirectServer:
    """Answers requests for frames.

    Args:
        store: the content.
        tickets: who may have what.
        threads: where the bytes are read, sealed and sent.

    Attributes:
        served: frames sent since the start.
        open_frames: finds the frames of a content by its SHA-1.
    """

    def __init__(self, store: Store, tickets: Tickets, threads: Threads) -> None:
        self.served = 0
        self.open_frames: Callable[[str], FrameSource] = functools.partial(Frames, store)
        self._tickets = tickets
        self._threads = threads
        self._listeners: list[socket.socket] = []
        self._accepting: dict[socket.socket, asyncio.Task[None]] = {}
        self._connections: dict[asyncio.Task[None], socket.socket] = {}
        self._sending: Counter[str] = Counter()

    def add(self, listener: socket.socket) -> None:
        """Take a socket that listens; from any thread."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Begin to answer on the sockets that were added."""
        for listener in self._listeners:
            if listener not in self._accepting:
                self._accepting[listener] = asyncio.ensure_future(self._accept(listener))

    async def stop(self) -> None:
        """Stop at once; what is half sent ends there."""
        tasks = [*self._accepting.values(), *self._connections]
        for task in tasks:
            task.cancel()
        for connection in self._connections.values():
            _cut(connection)
        await asyncio.gather(*tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.close()
        self._listeners = []
        self._accepting = {}

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as problem:  # too many open files, or the other side was faster
                _log.debug("a connection was not accepted: %s", problem)
                await asyncio.sleep(0.1)
                continue
            connection.setblocking(False)  # noqa: FBT003 - that is its name
            if len(self._connections) >= _MOST_CONNECTIONS:
                connection.close()
                continue
            task = asyncio.ensure_future(self._serve(connection))
            self._connections[task] = connection
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task).close()
        if not task.cancelled() and (problem := task.exception()) is not None:
            _log.error("a direct transfer failed", exc_info=problem)

    async def _serve(self, connection: socket.socket) -> None:
        """Answer one connection's requests, one after the other."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            while (match := await _request(connection)) is not None:
                ticket, first, last = bytes.fromhex(match[1].decode()), int(match[2]), int(match[3])
                grant = self._tickets.find(ticket)
                if grant is None or last < first:
                    await _refuse(connection, b"404 Not Found")
                elif self._is_busy(grant.node_id):
                    await _refuse(connection, b"503 Service Unavailable")
                elif not await self._answer(connection, grant, first, last + 1):
                    return

    def _is_busy(self, node_id: str) -> bool:
        total = sum(self._sending.values())
        return total >= _MOST_AT_ONCE or self._sending[node_id] >= _MOST_FOR_ONE

    async def _answer(self, connection: socket.socket, grant: Grant, first: int, last: int) -> bool:
        """Send frames; whether the connection may be used again."""
        self._sending[grant.node_id] += 1
        try:
            return await self._threads.send(self._send, connection, grant, first, last)
        except KacheryError as problem:
            _log.info("%s could not be sent: %s", grant.sha1, problem)
            return False
        finally:
            connection.setblocking(False)  # noqa: FBT003 - that is its name
            self._sending[grant.node_id] -= 1
            if not self._sending[grant.node_id]:
                del self._sending[grant.node_id]

    def _send(self, connection: socket.socket, grant: Grant, first: int, last: int) -> bool:
        """Send frames from a thread."""
        set_patience(connection, _SEND_SECONDS)
        with self.open_frames(grant.sha1) as frames:
            if last > frames.count:
                connection.sendall(_head(b"404 Not Found", 0))
                return True
            connection.sendall(_head(b"200 OK", frames.length(first, last)))
            buffer = bytearray(LARGEST_FRAME)
            for index in range(first, last):
                if not grant.is_allowed():
                    return False
                connection.sendall(frames.fill(index, buffer))
                self.served += 1
        return True


async def _request(connection: socket.socket) -> re.Match[bytes] | None:
    """The next request; None if the other side left, or does not speak our language."""
    loop = asyncio.get_running_loop()
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = await within(loop.sock_recv(connection, _LONGEST_HEAD), _IDLE_SECONDS)
        head += piece
        if not piece or len(head) > _LONGEST_HEAD:
            return None
    return _REQUEST.match(head)


async def _refuse(connection: socket.socket, status: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(connection, _head(status, 0))


def _head(status: bytes, length: int) -> bytes:
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n"
        % (status, length)
    )


def _cut(connection: socket.socket) -> None:
    """Wake up whoever waits for this connection."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
