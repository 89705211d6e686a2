"""How the bytes of a connection to a hub come and go: for nats-py, instead of asyncio's streams.

asyncio's TLS hands on what it opens in pieces of 16 KB, through a buffer that stops the socket at
128 KB, and copies what waits to be sent again and again: three times the work for a megabyte, all
of it in the event loop. Here a piece is as long as what has come.

Imported with the first connection: a node without channels never needs nats-py.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from typing import TYPE_CHECKING

from nats.aio.transport import Transport
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from urllib.parse import ParseResult

_RECEIVED_AT_ONCE = 256 << 10
_SEALED_AT_ONCE = 256 << 10
# TLS opens one record at a time.
_RECORD = 16 << 10
_LONGEST_LINE = 1 << 20


class WideTransport(Transport):
    """TCP or TLS to one server.

    Attributes:
        received: bytes that came so far.
    """

    def __init__(self) -> None:
        self.received = 0
        self._line: socket.socket | None = None
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._room = memoryview(bytearray(_RECEIVED_AT_ONCE))
        self._opened = memoryview(bytearray(_RECEIVED_AT_ONCE + _RECORD))
        self._early = b""
        self._is_over = False
        self._waits: set[asyncio.Future[None]] = set()
        self._left: deque[bytes] = deque()
        self._sending: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        """Whether there is one: nats-py makes its own if there is none before it connects."""
        return True

    @override
    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Connect to the first address of a host that answers."""
        await asyncio.wait_for(self._connect(uri.hostname or "", uri.port or 0), connect_timeout)

    @override
    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,
        connect_timeout: int,
    ) -> None:
        """Go on with TLS."""
        host = uri if isinstance(uri, str) else uri.hostname
        self._tls = ssl_context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        await asyncio.wait_for(self._shake_hands(self._tls), connect_timeout)

    @override
    def write(self, payload: bytes) -> None:
        """Send bytes, soon and in their order."""
        self.writelines([payload])

    @override
    def writelines(self, payload: Iterable[bytes]) -> None:
        """Send bytes, soon and in their order."""
        if self._is_over:
            return
        self._left.extend(payload)
        self._begin_sending()

    @override
    async def drain(self) -> None:
        """Wait until everything has been sent.

        Raises:
            OSError: it cannot be sent any more.
        """
        if self._sending is not None:
            await asyncio.shield(self._sending)

    @override
    async def read(self, buffer_size: int) -> bytes:
        """What has come; nothing at the end.

        Raises:
            OSError: the connection broke.
        """
        if self._early:
            data, self._early = self._early, b""
            return data
        await asyncio.sleep(0)  # however much comes, others get their turn
        return await self._read()

    @override
    async def readline(self) -> bytes:
        """One line, with its end."""
        while b"\n" not in self._early and not self._is_over:
            self._early += await self._read()
            if len(self._early) > _LONGEST_LINE:
                raise ConnectionResetError("what was answered is no NATS")
        line, end, self._early = self._early.partition(b"\n")
        return line + end

    @override
    def close(self) -> None:
        """End it; what has not been sent is lost."""
        self._is_over = True
        line, self._line = self._line, None
        for ready in self._waits:
            if not ready.done():
                ready.set_result(None)  # for the end of it
        if line is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(line)
            loop.remove_writer(line)
            line.close()

    abort = close

    @override
    async def wait_closed(self) -> None:
        """It is closed at once."""

    @override
    def at_eof(self) -> bool:
        """Whether nothing more will come."""
        return self._is_over and not self._early

    async def _connect(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        problem = OSError(f"{host} has no address")
        for family, kind, proto, _, address in await loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            line = socket.socket(family, kind, proto)
            try:
                line.setblocking(False)  # noqa: FBT003 - that is its name
                await loop.sock_connect(line, address)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as found:
                problem = found
                line.close()
            except BaseException:
                line.close()
                raise
            else:
                self._line = line
                return
        raise problem

    async def _shake_hands(self, tls: ssl.SSLObject) -> None:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send_outgoing()
            except ssl.SSLError:
                await self._send_outgoing()  # why not
                raise
            else:
                await self._send_outgoing()
                return
            count = await self._receive()
            if not count:
                raise ConnectionResetError("the other side ended it")
            self._incoming.write(self._room[:count])

    async def _read(self) -> bytes:
        """What comes next."""
        while not self._is_over:
            count = await self._receive()
            self.received += count
            if self._tls is None:
                data = bytes(self._room[:count])
            else:
                self._incoming.write(self._room[:count])
                data = self._open(self._tls)
                if self._outgoing.pending:
                    self._begin_sending()
            if not count:
                self._is_over = True
            if data:
                return data
        return b""

    def _open(self, tls: ssl.SSLObject) -> bytes:
        """All that can be opened of what came."""
        pieces = []
        filled = 0
        with contextlib.suppress(ssl.SSLWantReadError):
            while count := tls.read(_RECORD, self._opened[filled:]):
                filled += int(count)
                if filled > _RECEIVED_AT_ONCE:
                    pieces.append(bytes(self._opened[:filled]))
                    filled = 0
            self._is_over = True  # it said goodbye
        pieces.append(bytes(self._opened[:filled]))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _begin_sending(self) -> None:
        """One task sends everything: what TLS makes must leave in the order it was made."""
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._send())
            self._sending.add_done_callback(_look)

    async def _send(self) -> None:
        while self._left or self._outgoing.pending:
            data = memoryview(self._left.popleft() if self._left else b"")
            if self._tls is None:
                await self._send_all(data)
                continue
            while data:
                data = data[self._tls.write(data[:_SEALED_AT_ONCE]) :]
                if self._outgoing.pending > _SEALED_AT_ONCE:
                    await self._send_outgoing()
            if not self._left:
                await self._send_outgoing()

    async def _send_outgoing(self) -> None:
        if self._outgoing.pending:
            await self._send_all(memoryview(self._outgoing.read()))
            await asyncio.sleep(0)

    async def _send_all(self, data: memoryview) -> None:
        while data:
            line = self._open_line()
            try:
                data = data[line.send(data) :]
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await self._wait(line, loop.add_writer, loop.remove_writer)

    async def _receive(self) -> int:
        """Fill the room with what comes; the number of bytes."""
        while (line := self._line) is not None:
            try:
                return line.recv_into(self._room)
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await self._wait(line, loop.add_reader, loop.remove_reader)
        return 0

    async def _wait(
        self,
        line: socket.socket,
        add: Callable[[socket.socket, Callable[[], None]], None],
        remove: Callable[[socket.socket], object],
    ) -> None:
        """Wait until a socket can do something."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waits.add(ready)
        add(line, lambda: None if ready.done() else ready.set_result(None))
        try:
            await ready
        finally:
            self._waits.discard(ready)
            if self._line is line:
                remove(line)

    def _open_line(self) -> socket.socket:
        if self._line is None:
            raise ConnectionResetError("the connection has ended")
        return self._line


def _look(sending: asyncio.Task[None]) -> None:
    """Whoever reads learns of a broken connection as well: nobody has to wait for this."""
    if not sending.cancelled():
        sending.exception()
