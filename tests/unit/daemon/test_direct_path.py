"""The direct path: only frames, only by ticket; whatever else is asked or sent ends quickly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from kachery_core.capabilities import content_key
from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    BadChunkError,
    BadEnvelopeError,
    ContentDamagedError,
    ContentNotFoundError,
    NoProviderError,
    TooBusyError,
    TransferCancelledError,
    TransferStalledError,
)
from kachery_core.sealing import TAG_SIZE
from kachery_daemon.network import tickets as tickets_module
from kachery_daemon.network.direct_client import DirectConnection, sizes_of_run, split_address
from kachery_daemon.network.direct_server import DirectServer
from kachery_daemon.network.frames import LARGEST_FRAME, Frames, open_frame
from kachery_daemon.network.tickets import Tickets
from kachery_daemon.system.threads import Threads
from tests.support.nodes import wait_until
from tests.support.samples import LABEL, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kachery_store.store import Store

DATA = sample(3 * CHUNK_SIZE + 777, "direct")
COUNT = 4


class Served:
    """A server in a loop of its own, in a thread."""

    def __init__(self, store: Store) -> None:
        self.tickets = Tickets()
        self.is_allowed = True
        self.sha1 = store.add_bytes(DATA, LABEL).sha1
        self.store = store
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        self._ready.wait(10)

    def ticket(self, sha1: str | None = None) -> bytes:
        return self.tickets.give("node", sha1 or self.sha1, lambda: self.is_allowed)

    def fetch(self, ticket: bytes, first: int = 0, last: int = COUNT) -> bytes:
        """What the real client gets."""
        connection = DirectConnection(self.address)
        sizes = sizes_of_run(len(DATA), first, last - first)
        pieces = []
        with contextlib.closing(connection):
            frames = connection.frames(ticket, sizes, first, lambda: None)
            for index, (frame, release) in enumerate(frames, first):
                pieces.append(bytes(open_frame(content_key(self.sha1), index, frame)))
                release()
        return b"".join(pieces)

    def raw(self, request: bytes) -> bytes:
        """What a stranger gets who sends some bytes."""
        answer = b""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        with connection, contextlib.suppress(OSError):  # it may not even listen to the end
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 16):
                answer += piece
        return answer

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        threads = Threads(2, 2)
        self.server = DirectServer(self.store, self.tickets, threads)
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)  # noqa: FBT003 - that is its name
        self.port = listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.server.add(listener)
        self.server.start()
        self._ready.set()
        await self._end.wait()
        await self.server.stop()
        threads.close()


@pytest.fixture
def served(store: Store) -> Iterator[Served]:
    served = Served(store)
    yield served
    served.stop()


def request_for(ticket: bytes, chunks: bytes = b"0-0") -> bytes:
    return b"GET /k/%b/%b HTTP/1.1\r\n\r\n" % (ticket.hex().encode(), chunks)


def test_with_a_ticket_frames_come_and_open_to_the_content(served: Served) -> None:
    ticket = served.ticket()
    assert served.fetch(ticket) == DATA
    assert served.fetch(ticket, 1, 3) == DATA[CHUNK_SIZE : 3 * CHUNK_SIZE]
    assert served.fetch(ticket, 3, 4) == DATA[3 * CHUNK_SIZE :]
    wait_until(lambda: served.server.served == COUNT + 2 + 1, "all frames are counted")


def test_one_connection_serves_many_requests(served: Served) -> None:
    connection = DirectConnection(served.address)
    with contextlib.closing(connection):
        for index in range(COUNT):
            sizes = sizes_of_run(len(DATA), index, 1)
            ((frame, release),) = connection.frames(served.ticket(), sizes, index, lambda: None)
            assert len(frame) == sizes[0] + TAG_SIZE
            release()


def test_the_bytes_on_the_way_are_not_the_content(served: Served) -> None:
    head, _, body = served.raw(request_for(served.ticket())).partition(b"\r\n\r\n")
    assert b"200" in head
    assert len(body) == CHUNK_SIZE + TAG_SIZE
    assert DATA[:64] not in body
    assert served.sha1.encode() not in head + body


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\x16\x03\x01" + bytes(300),
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /k/../../etc/passwd HTTP/1.1\r\n\r\n",
        b"POST /k/" + b"0" * 64 + b"/0-0 HTTP/1.1\r\n\r\n",
        b"GET /k/" + b"0" * 64 + b"/0-0 HTTP/1.0\r\n\r\n",
        b"GET /k/" + b"0" * 63 + b"/0-0 HTTP/1.1\r\n\r\n",
        b"GET /k/" + b"0" * 64 + b"/0-99999999999999999999 HTTP/1.1\r\n\r\n",
        b"GET /k/" + b"0" * 64 + b"/-1-0 HTTP/1.1\r\n\r\n",
        b"A" * 100_000,
        b"GET /k/" + b"0" * 64 + b"/0-0 HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    ],
)
def test_what_is_no_request_is_not_answered(served: Served, request_bytes: bytes) -> None:
    assert served.raw(request_bytes) == b""


def test_tickets_that_do_not_count_and_chunks_that_do_not_exist_look_the_same(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = served.raw(request_for(os.urandom(32)))
    assert b"404" in unknown
    assert served.raw(request_for(served.ticket(), b"0-4")) == unknown
    assert served.raw(request_for(served.ticket(), b"3-2")) == unknown
    served.is_allowed = False
    assert served.raw(request_for(served.ticket())) == unknown
    served.is_allowed = True
    monkeypatch.setattr(tickets_module, "TICKET_SECONDS", -1)
    assert served.raw(request_for(served.ticket())) == unknown


def test_who_is_not_allowed_any_more_gets_no_further_frame(served: Served) -> None:
    connection = DirectConnection(served.address)
    with contextlib.closing(connection):
        asks = iter([True, True, True])
        ticket = served.tickets.give("node", served.sha1, lambda: next(asks, False))
        frames = connection.frames(ticket, sizes_of_run(len(DATA), 0, 4), 0, lambda: None)
        next(frames)
        next(frames)
        with pytest.raises(TransferStalledError):
            next(frames)


def test_nobody_takes_all_places(served: Served) -> None:
    connections = []
    ticket = served.ticket()
    for _ in range(8):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", served.port))
        connection.sendall(request_for(ticket, b"0-3"))
        assert connection.recv(4) == b"HTTP"  # and takes no more of it
        connections.append(connection)
    with pytest.raises(TooBusyError):
        served.fetch(ticket)
    other = served.tickets.give("another node", served.sha1, lambda: True)
    assert served.fetch(other) == DATA
    for connection in connections:
        connection.close()

    def is_free() -> bool:
        with contextlib.suppress(TooBusyError):
            return served.fetch(ticket) == DATA
        return False

    wait_until(is_free, "the places are free again")


def test_who_only_connects_keeps_nobody_away(served: Served) -> None:
    idle = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(100)]
    assert served.fetch(served.ticket()) == DATA
    for connection in idle:
        connection.close()


def test_a_damaged_file_is_not_sent(served: Served) -> None:
    path = served.store.folder.object_path(served.sha1)
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(2 * CHUNK_SIZE + 5)
        file.write(b"damage")
    with pytest.raises(TransferStalledError):
        served.fetch(served.ticket())
    assert served.store.objects.find(served.sha1) is None


def test_only_verified_bytes_are_sealed(store: Store) -> None:
    sha1 = store.add_bytes(DATA, LABEL).sha1
    buffer = bytearray(LARGEST_FRAME)
    with Frames(store, sha1) as frames:
        assert frames.count == COUNT
        assert frames.length(0, COUNT) == len(DATA) + COUNT * TAG_SIZE
        frame = frames.fill(3, buffer)
        assert bytes(open_frame(content_key(sha1), 3, frame)) == DATA[3 * CHUNK_SIZE :]
        with pytest.raises(BadEnvelopeError):
            open_frame(content_key(sha1), 2, frames.fill(3, buffer))
    path = store.folder.object_path(sha1)
    path.chmod(0o644)
    path.write_bytes(bytes(len(DATA)))
    with pytest.raises(ContentDamagedError), Frames(store, sha1) as frames:
        frames.fill(0, buffer)
    with pytest.raises(ContentNotFoundError):
        Frames(store, sha1)


@pytest.mark.parametrize("data", [b"", b"x", bytes(CHUNK_SIZE)])
def test_short_content_is_one_frame(store: Store, data: bytes) -> None:
    sha1 = store.add_bytes(data, LABEL).sha1
    with Frames(store, sha1) as frames:
        assert (frames.count, frames.length(0, 1)) == (1, len(data) + TAG_SIZE)
        sealed = memoryview(bytearray(frames.sealed(0)))
        assert bytes(open_frame(content_key(sha1), 0, sealed)) == data


def answering(answer: bytes, *, pause: float = 0.0) -> tuple[str, Callable[[], None]]:
    """A server that sends these bytes to whoever connects; its address, and what ends it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)
                    time.sleep(pause)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    def end() -> None:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()

    return f"127.0.0.1:{listener.getsockname()[1]}", end


OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", TransferStalledError),
        (b"junk", TransferStalledError),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", NoProviderError),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1000), BadChunkError),
        (OK % (10 + TAG_SIZE + 1), BadChunkError),
        (OK % (1 << 62), BadChunkError),
        (OK % (10 + TAG_SIZE) + bytes(5), TransferStalledError),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 999999999999\r\n\r\n", TooBusyError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500, TransferStalledError),
    ],
)
def test_the_client_gives_up_on_wrong_answers(answer: bytes, error: type[Exception]) -> None:
    address, end = answering(answer)
    connection = DirectConnection(address)
    with contextlib.closing(connection), pytest.raises(error):
        list(connection.frames(bytes(32), [10], 0, lambda: None))
    end()


def test_a_client_that_waits_can_be_cut() -> None:
    address, end = answering(OK % (10 + TAG_SIZE), pause=30)
    connection = DirectConnection(address)
    result: list[Any] = []

    def wait() -> None:
        try:
            list(connection.frames(bytes(32), [10], 0, lambda: None))
        except TransferCancelledError as problem:
            result.append(problem)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    connection.cut()
    thread.join(5)
    assert not thread.is_alive()
    assert result
    connection.close()
    end()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "junk",
        "localhost:80",
        "example.org:80",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:99999",
        "127.0.0.1:-1",
        "127.0.0.1: 80",
        "[::1]",
        "1.2.3.4:٣",
    ],
)
def test_only_numbers_are_addresses(address: str) -> None:
    with pytest.raises(NoProviderError):
        split_address(address)


def test_addresses_of_both_kinds_are_understood() -> None:
    assert split_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert split_address("[::1]:8080") == ("::1", 8080)


def test_nobody_at_an_address_is_known_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NoProviderError):
        DirectConnection(f"127.0.0.1:{port}")


def test_old_tickets_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets_module, "_MOST", 10)
    tickets = Tickets()
    given = [tickets.give("node", "0" * 40, lambda: True) for _ in range(30)]
    assert tickets.find(given[0]) is None
    assert tickets.find(given[-1]) is not None
    assert len(set(given)) == 30
