"""The way to the node: one connection for each question, with flow control in both directions.

Questions go over the node's UNIX socket wherever there is one: the kernel then proves who asks, and
nothing secret is sent. Over TCP the owner's token is sent, which no browser ever sees. HTTP/1.0, so
that an answer ends with its connection, and to hang up is to cancel.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tornado.httputil import HTTPHeaders, HTTPInputError, parse_response_start_line
from typing_extensions import Self

from kachery_core.errors import (
    DaemonNotRunningError,
    KacheryError,
    TooLargeError,
    WrongDaemonError,
    error_from_wire,
)
from kachery_core.wire.local import API_PATH, LARGEST_JSON, TOKEN_HEADER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PIECE = 1 << 18
# An explanation asks every channel; nothing that is waited for like this takes longer.
_ANSWER_SECONDS = 120.0
_CONTINUE = 100
_FIRST_ERROR = 400
_LONG_BODY = 1 << 20
_HEAD_BYTES = 64 << 10
_LONGEST_LINE = 16 << 20


@dataclass(frozen=True)
class Upstream:
    """Where the node is.

    Attributes:
        port: its TCP port on 127.0.0.1.
        token: proves its owner; sent over TCP only.
        socket: path of its UNIX socket, or None.
    """

    port: int
    token: str
    socket: str | None = None

    @asynccontextmanager
    async def asking(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        size: int = 0,
    ) -> AsyncIterator[Exchange]:
        """One question; it ends with the block.

        Args:
            method: of HTTP.
            path: below the API's, already escaped.
            headers: to add.
            size: bytes of the body, which is sent with `Exchange.send`.

        Raises:
            DaemonNotRunningError: no node answers there.
        """
        reader, writer = await self._connected()
        exchange = Exchange(reader, writer, is_patient=size > _LONG_BODY)
        try:
            host = "kachery" if self.socket else f"127.0.0.1:{self.port}"
            lines = {"Host": host, "Content-Length": str(size), **(headers or {})}
            if size > _LONG_BODY:
                # A refusal that comes while a body is sent is lost with the connection.
                lines["Expect"] = "100-continue"
            if not self.socket:
                lines[TOKEN_HEADER] = self.token
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            writer.write(f"{method} {API_PATH}{path} HTTP/1.0\r\n{head}\r\n".encode("latin-1"))
            yield exchange
        finally:
            exchange.end()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """One question with JSON or without; the JSON that comes back.

        Raises:
            KacheryError: what the node answered, of the same class as over there.
        """
        headers = {} if body is None else {"Content-Type": "application/json"}
        async with self.asking(method, path, headers, size=len(body or b"")) as exchange:
            if body:
                await exchange.send(body)
            answer = await exchange.answer()
            return await answer.read(4 * LARGEST_JSON)

    async def is_there(self) -> bool:
        """Whether somebody listens there."""
        try:
            _, writer = await self._connected()
        except DaemonNotRunningError:
            return False
        writer.close()
        return True

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            if self.socket:
                return await asyncio.open_unix_connection(self.socket, limit=_LONGEST_LINE)
            return await asyncio.open_connection("127.0.0.1", self.port, limit=_LONGEST_LINE)
        except OSError as problem:
            raise no_node() from problem


class Exchange:
    """A question that is being asked; the answer is read all the while, for it may come early.

    Args:
        reader: from the node.
        writer: to it.
        is_patient: send no body before the node has said that it takes one.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_patient: bool
    ) -> None:
        self._writer = writer
        self._is_welcome = asyncio.Event()
        self._answering = asyncio.ensure_future(self._answer(reader))
        self._answering.add_done_callback(lambda _: self._is_welcome.set())
        if not is_patient:
            self._is_welcome.set()

    async def send(self, data: bytes) -> None:
        """Send some of the body; returns when there is room for more.

        A node that has refused and hung up takes no more; its answer says why.
        """
        await self._is_welcome.wait()
        if self._answering.done():
            return
        with suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def answer(self, seconds: float | None = _ANSWER_SECONDS) -> Answer:
        """The beginning of the answer.

        Raises:
            KacheryError: what the node answered, of the same class as over there.
            DaemonNotRunningError: it ended meanwhile, or does not answer in time.
        """
        try:
            return await asyncio.wait_for(self._answering, seconds)
        except asyncio.TimeoutError as problem:
            raise no_node() from problem

    def end(self) -> None:
        """Nobody wants to know the answer any more."""
        if not self._answering.cancel() and not self._answering.cancelled():
            self._answering.exception()

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as problem:
                raise no_node() from problem
            answer = Answer.begun(head, reader)
            if answer.status != _CONTINUE:
                break
            self._is_welcome.set()
        if answer.status >= _FIRST_ERROR:
            raise _refusal(await answer.read(LARGEST_JSON))
        return answer


@dataclass(frozen=True)
class Answer:
    """What the node answers: status, headers, and a body that may be long."""

    status: int
    headers: HTTPHeaders
    reader: asyncio.StreamReader

    @classmethod
    def begun(cls, head: bytes, reader: asyncio.StreamReader) -> Self:
        """An answer whose head has come."""
        first, _, rest = head[:_HEAD_BYTES].decode("latin-1").partition("\r\n")
        try:
            return cls(parse_response_start_line(first).code, HTTPHeaders.parse(rest), reader)
        except HTTPInputError as problem:
            raise _no_node_of_ours() from problem

    async def read(self, largest: int) -> bytes:
        """All of the body.

        Raises:
            TooLargeError: it is longer than that.
        """
        body = bytearray()
        async for piece in self.pieces():
            body += piece
            if len(body) > largest:
                raise TooLargeError("The node's answer is too long.", limit_bytes=largest)
        return bytes(body)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes.

        Raises:
            DaemonNotRunningError: the node ended, or gave up, before the end of the body.
        """
        announced = int(self.headers.get("Content-Length", -1))
        left = announced
        while piece := await self._next():
            left -= len(piece)
            yield piece
        if announced >= 0 and left:
            raise no_node()

    async def lines(self) -> AsyncIterator[Any]:
        """The body's lines, each JSON, as they come; ends when the node hangs up."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                yield json.loads(await self.reader.readuntil(b"\n"))

    async def _next(self) -> bytes:
        try:
            return await self.reader.read(PIECE)
        except ConnectionError as problem:
            raise no_node() from problem


def no_node() -> DaemonNotRunningError:
    """Nobody answers."""
    return DaemonNotRunningError(
        "No kachery node answers here.", hint="The log of the Jupyter server says why."
    )


def _refusal(body: bytes) -> KacheryError:
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return _no_node_of_ours()
    return error_from_wire(error) if isinstance(error, dict) else _no_node_of_ours()


def _no_node_of_ours() -> WrongDaemonError:
    return WrongDaemonError(
        "What answers at the node's place is no kachery node.",
        hint="Restart the Jupyter server; its log says which node it uses.",
    )
