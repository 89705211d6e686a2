"""The feed socket: the same questions about messages as over HTTP, at a fifth of the price.

A UNIX socket beside the node's own, with the same mode, so the kernel tells who asks and no web
page gets here. `kachery_core.wire.lines` has the form of questions and answers.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from kachery_core.errors import EndpointNotFoundError, InvalidRequestError, TooLargeError
from kachery_core.wire.feeds import Appended, NewMessages, ReadRequest, Watch
from kachery_core.wire.lines import ASKED, LARGEST_QUESTION, SIZE, encode_answer
from kachery_daemon.api import messages
from kachery_daemon.api.door import Role, check_role
from kachery_daemon.api.endpoint import decode_body
from kachery_daemon.api.failures import error_for, to_wire
from kachery_store.accounts import uid_of_unix_peer

if TYPE_CHECKING:
    from concurrent.futures import Future

    from kachery_core.messages import SubfeedKey
    from kachery_daemon.api.services import Services

_APPEND, _READ, _WATCH = (
    ASKED[path] for path in ("/messages/append", "/messages/read", "/messages/watch")
)
_BODIES: dict[int, type] = {_APPEND: NewMessages, _READ: ReadRequest, _WATCH: Watch}
_INTERNAL = 500
_SEND_BUFFER = 1 << 20


class FeedLine(asyncio.Protocol):
    """One connection. Whoever asks waits for the answer, so nothing piles up here."""

    def __init__(self, server: FeedLines) -> None:
        self._server = server
        self._services = server.services
        self._asked: bytes | bytearray = b""
        self._is_answering = False
        self._is_append = False
        self._task: asyncio.Task[None] | None = None
        self._since = time.monotonic()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream socket has
        self._transport = transport
        connection = transport.get_extra_info("socket")
        try:
            uid = uid_of_unix_peer(connection)
            # Half as many turns for an answer of some megabytes; the system gives what it allows.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        except OSError:  # whoever it was has gone already
            uid = None
        self._asker = self._services.door.asker_on_unix(uid)
        self._server.lines.add(self)
        self._loop = asyncio.get_running_loop()
        self._watch = self._loop.call_later(self._server.shortest_seconds / 2, self._look)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._server.lines.discard(self)
        self._watch.cancel()
        # An append goes on: its writer asks again, under the same id.
        if self._task is not None and not self._is_append:
            self._task.cancel()

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_answering or self._transport.get_write_buffer_size():
            # More questions than answers: they would fill the memory.
            self.close()
            return
        if self._asked:
            self._asked = bytearray(self._asked) if isinstance(self._asked, bytes) else self._asked
            self._asked += data
        else:
            self._asked = data
            self._since = time.monotonic()
        try:
            self._take()
        except Exception as problem:  # noqa: BLE001 - told to whoever asks
            self._refuse(problem)
            self._transport.close()

    def close(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _take(self) -> None:
        """Begin with a question, once all of it is here."""
        asked = self._asked
        check_role(self._asker, Role.USER)
        if len(asked) <= SIZE.size:
            return
        (size,) = SIZE.unpack_from(asked)
        if not 0 < size <= LARGEST_QUESTION:
            raise TooLargeError(
                f"A question of {size:,} bytes is not answered.", limit_bytes=LARGEST_QUESTION
            )
        missing = size - (len(asked) - SIZE.size)
        if missing > 0:
            return
        if missing < 0:
            raise InvalidRequestError("The next question came before the answer to this one.")
        what = asked[SIZE.size]
        text = bytes(memoryview(asked)[SIZE.size + 1 :])
        self._asked = b""
        self._begin(what, text)

    def _begin(self, what: int, text: bytes) -> None:
        self._is_answering = True
        self._is_append = what == _APPEND
        self._services.active.add(self)
        try:
            body = _body(what, text)
            if self._is_append:
                writer = messages.writer_of(self._asker)
                done = messages.append_soon(self._services.feeds, body, writer)
                if done is not None:
                    # A task would cost more than all that was done up to here.
                    done.add_done_callback(self._tell_from_thread)
                    return
        except Exception as problem:  # noqa: BLE001 - told to whoever asks
            self._refuse(problem)
            return
        self._task = self._loop.create_task(self._answer(what, body))

    def _tell_from_thread(self, done: Future[tuple[int, int]]) -> None:
        self._loop.call_soon_threadsafe(self._tell, done)

    def _tell(self, done: Future[tuple[int, int]]) -> None:
        problem = done.exception()
        if problem is not None:
            self._refuse(problem)
        else:
            self._send(encode_answer(msgspec.json.encode(Appended(*done.result()))))

    async def _answer(self, what: int, body: Any) -> None:
        try:
            answer = await self._found(what, body)
        except asyncio.CancelledError:
            self._rest()
        except Exception as problem:  # noqa: BLE001 - told to whoever asks
            self._refuse(problem)
        else:
            self._send(answer)

    async def _found(self, what: int, body: Any) -> bytes:
        feeds = self._services.feeds
        if what == _APPEND:
            appended = await messages.append(feeds, body, messages.writer_of(self._asker))
            return encode_answer(msgspec.json.encode(appended))
        if what == _READ:
            facts, run = await messages.read(feeds, body, self._wait)
            lower = {name.lower(): value for name, value in facts.items()}
            return encode_answer(run, msgspec.json.encode(lower))
        return encode_answer(msgspec.json.encode(await messages.watch(feeds, body, self._wait)))

    async def _wait(self, positions: dict[SubfeedKey, int], wait_msec: int) -> None:
        if wait_msec:
            await self._services.feeds.wait(positions, wait_msec / 1000)

    def _refuse(self, problem: BaseException) -> None:
        self._send(encode_answer(to_wire(error_for(problem, _INTERNAL)), is_error=True))

    def _send(self, answer: bytes) -> None:
        self._rest()
        self._transport.write(answer)

    def _rest(self) -> None:
        """Nothing is being asked now."""
        self._is_answering = False
        self._task = None
        self._since = time.monotonic()
        self._services.active.discard(self)

    def _look(self) -> None:
        """Close a line on which nothing happens."""
        server = self._server
        is_stalled = self._asked or self._transport.get_write_buffer_size()
        limit = server.services.limits.stall_seconds if is_stalled else server.idle_seconds
        if not self._is_answering and time.monotonic() - self._since > limit:
            self.close()
            return
        self._watch = self._loop.call_later(server.shortest_seconds / 2, self._look)


def _body(what: int, text: bytes) -> Any:
    body_type = _BODIES.get(what)
    if body_type is None:
        raise EndpointNotFoundError("Nothing of this kind is answered here.")
    return decode_body(text, body_type)


class FeedLines:
    """All connections at the feed socket.

    Args:
        services: what answers.
        idle_seconds: how long a line stays open without a question.
    """

    def __init__(self, services: Services, idle_seconds: float) -> None:
        self.services = services
        self.idle_seconds = idle_seconds
        self.shortest_seconds = min(idle_seconds, services.limits.stall_seconds)
        self.lines: set[FeedLine] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, listener: socket.socket) -> None:
        """Answer on a listening UNIX socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: FeedLine(self), sock=listener)

    def stop(self) -> None:
        """Let nobody in any more."""
        if self._server is not None:
            self._server.close()

    def close(self) -> None:
        """Cut every connection."""
        self.stop()
        for line in list(self.lines):
            line.close()
