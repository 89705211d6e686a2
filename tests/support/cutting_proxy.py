"""A network that can be cut: a TCP proxy on the loopback address.

drop    what is sent is lost, and connections that lost something stay silent for ever
stall   nothing moves; it goes on where it was once that is over
reset   every connection is reset, and every new one
delay   every piece arrives later
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

CUTS = ("drop", "stall", "reset", "delay")
_PIECE = 128 << 10
_RESET = struct.pack("ii", 1, 0)


class _Pair:
    """One connection through the proxy: the side that came, and the side it came for."""

    def __init__(self, *sides: socket.socket) -> None:
        self.sides = sides
        self.is_lost = False

    def close(self, *, by_reset: bool = False) -> None:
        for side in self.sides:
            if by_reset:
                with contextlib.suppress(OSError):
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            side.close()


class CuttingProxy:
    """Stands in front of a port of this computer. Any thread may use it.

    Args:
        target: the port.
        overhear: is given every piece on its way to the target.

    Attributes:
        port: where it listens itself, on 127.0.0.1.
        sent: bytes that came back from the target and arrived.
        rate: bytes per second of each connection and direction; 0 for as fast as it goes.
    """

    def __init__(self, target: int, overhear: Callable[[bytes], None] | None = None) -> None:
        self.target = target
        self.sent = 0
        self.rate = 0.0
        self._overhear = overhear
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.setblocking(False)  # noqa: FBT003 - that is its name
        self.port = int(self._listener.getsockname()[1])
        self._cut = ""
        self._delay = 0.0
        self._pairs: dict[_Pair, asyncio.Task[None]] = {}
        self._loop = asyncio.new_event_loop()
        self._moves = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="cutting proxy", daemon=True)
        self._thread.start()

    def cut(self, how: str, delay: float = 0.1) -> None:
        """Be cut from now on; see the top of this file.

        Args:
            how: one of `CUTS`.
            delay: seconds, for `delay`.
        """
        self._call(self._do_cut(how, delay))

    def heal(self) -> None:
        """Let everything pass again."""
        self._call(self._do_cut("", 0.0))

    def close(self) -> None:
        """End it and every connection."""
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._moves.set()
        accepting = self._loop.create_task(self._accept())
        self._loop.run_forever()
        accepting.cancel()
        self._loop.run_until_complete(asyncio.gather(accepting, return_exceptions=True))

    async def _do_cut(self, how: str, delay: float) -> None:
        self._cut, self._delay = how, delay
        (self._moves.clear if how == "stall" else self._moves.set)()
        if how == "reset":
            for pair in list(self._pairs):
                pair.close(by_reset=True)
                self._pairs[pair].cancel()

    async def _end(self) -> None:
        self._listener.close()
        tasks = list(self._pairs.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            try:
                came, _ = await self._loop.sock_accept(self._listener)
            except OSError:
                return  # closed
            there = socket.socket()
            pair = _Pair(came, there)
            for side in pair.sides:
                side.setblocking(False)  # noqa: FBT003 - that is its name
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._cut == "reset":
                pair.close(by_reset=True)
                continue
            task = self._pairs[pair] = self._loop.create_task(self._serve(pair))
            task.add_done_callback(lambda _, pair=pair: self._forget(pair))

    def _forget(self, pair: _Pair) -> None:
        self._pairs.pop(pair, None)
        pair.close()

    async def _serve(self, pair: _Pair) -> None:
        came, there = pair.sides
        with contextlib.suppress(OSError):
            await self._loop.sock_connect(there, ("127.0.0.1", self.target))
            pumps = [
                self._loop.create_task(self._pump(pair, came, there)),
                self._loop.create_task(self._pump(pair, there, came)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, pair: _Pair, source: socket.socket, sink: socket.socket) -> None:
        while data := await self._loop.sock_recv(source, _PIECE):
            await self._moves.wait()
            if self._cut == "delay":
                await asyncio.sleep(self._delay)
            pair.is_lost = pair.is_lost or self._cut == "drop"
            if pair.is_lost:
                continue
            await self._loop.sock_sendall(sink, data)
            self._note(data, is_answer=sink is pair.sides[0])
            if self.rate:
                await asyncio.sleep(len(data) / self.rate)
        if pair.is_lost:
            await asyncio.Event().wait()  # not even the end arrives

    def _note(self, data: bytes, *, is_answer: bool) -> None:
        if is_answer:
            self.sent += len(data)
        elif self._overhear is not None:
            self._overhear(data)
