"""The direct path, asking side: frames over plain HTTP, received by blocking calls in threads.

The other node names its addresses and may name any: nothing is sent there but a request for one
ticket, and what comes back counts only if it opens with the content's key and is what the chunk
table says.
"""

from __future__ import annotations

import contextlib
import http
import ipaddress
import queue
import re
import socket
import threading
import time
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    BadChunkError,
    KacheryError,
    NoProviderError,
    TooBusyError,
    TransferCancelledError,
    TransferStalledError,
)
from kachery_core.sealing import TAG_SIZE
from kachery_daemon.network.blocking import receive, set_patience
from kachery_daemon.network.frames import LARGEST_FRAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_CONNECT_SECONDS = 1.0
_STALL_SECONDS = 10.0
# So often whoever waits looks up, says that bytes came, or that none did.
_LOOK_SECONDS = 1.0
_LONGEST_HEAD = 2048
_UNREAD = 2 << 20
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ", re.ASCII)
_LENGTH = re.compile(rb"\r\ncontent-length: ?(\d{1,19})\r\n", re.ASCII | re.IGNORECASE)
# Buffers of one connection: one that fills, and some that wait to be hashed.
_BUFFERS = 6
_LOWEST_PORT = 1
_HIGHEST_PORT = 65_535


class DirectConnection:
    """One connection to a provider, used for one request at a time; a thread waits in it.

    Args:
        address: host:port.

    Attributes:
        address: the same.
        has_received: whether the last request got any frame.

    Raises:
        NoProviderError: nobody answers there.
    """

    def __init__(self, address: str) -> None:
        host, port = split_address(address)
        self.address = address
        self.has_received = False
        self._lock = threading.Lock()
        self._is_cut = False
        try:
            self._socket = socket.create_connection((host, port), _CONNECT_SECONDS)
        except OSError as problem:
            raise NoProviderError(f"Nobody answers at {address}: {problem}.") from problem
        set_patience(self._socket, _LOOK_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_WINDOW_CLAMP"):
            # What was sent and not read yet is lost when a transfer is interrupted.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, _UNREAD)
        self._free: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
        for _ in range(_BUFFERS):
            self._free.put(bytearray(LARGEST_FRAME))

    def frames(
        self, ticket: bytes, sizes: Sequence[int], first: int, heard: Callable[[], None]
    ) -> Iterator[tuple[memoryview, Callable[[], None]]]:
        """The frames of a run of chunks, one after the other; each is to be released.

        Args:
            ticket: 32 bytes.
            sizes: bytes of each chunk of the run.
            first: index of the first.
            heard: called now and then while bytes arrive.

        Raises:
            NoProviderError: the ticket does not count (any more).
            TooBusyError: the other node sends as much as it accepts.
            TransferStalledError: no bytes come any more, or the connection broke.
            TransferCancelledError: it was cut from this side.
            BadChunkError: it would send another number of bytes than the chunks have.
        """
        self.has_received = False
        path = f"/k/{ticket.hex()}/{first}-{first + len(sizes) - 1}"
        try:
            self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: node\r\n\r\n".encode("ascii"))
            head, early = self._head(heard)
            _check(head, sum(sizes) + len(sizes) * TAG_SIZE)
            for size in sizes:
                buffer = self._free.get()
                frame = memoryview(buffer)[: size + TAG_SIZE]
                taken = min(len(early), len(frame))
                frame[:taken] = early[:taken]
                early = early[taken:]
                self._receive(frame[taken:], heard)
                self.has_received = True
                yield frame, lambda buffer=buffer: self._free.put(buffer)  # type: ignore[misc]
        except KacheryError:
            self.close()
            raise
        except OSError as problem:
            self.close()
            if self._is_cut:
                raise TransferCancelledError("The transfer was given up.") from problem
            raise TransferStalledError(f"A direct transfer broke: {problem}.") from problem

    def cut(self) -> None:
        """End what is going on; from any thread."""
        with self._lock, contextlib.suppress(OSError):
            self._is_cut = True
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._socket.close()

    def _head(self, heard: Callable[[], None]) -> tuple[bytes, bytes]:
        """The head of an answer, and what came of its body."""
        buffer = memoryview(bytearray(_LONGEST_HEAD))
        count = 0
        while b"\r\n\r\n" not in bytes(buffer[:count]) and count < _LONGEST_HEAD:
            count += self._some(buffer[count:], whole=False)
            heard()
        head, end, early = bytes(buffer[:count]).partition(b"\r\n\r\n")
        if not end:
            raise ConnectionResetError("what was answered is no HTTP")
        return head + b"\r\n", early

    def _receive(self, frame: memoryview, heard: Callable[[], None]) -> None:
        while frame:
            frame = frame[self._some(frame, whole=True) :]
            heard()

    def _some(self, view: memoryview, *, whole: bool) -> int:
        """Fill a buffer, as far as bytes come soon; at least one."""
        end = time.monotonic() + _STALL_SECONDS
        while (count := receive(self._socket, view, whole=whole)) is None:
            if time.monotonic() > end:
                raise TimeoutError("nothing came for long")
        if not count:
            raise ConnectionResetError("the other side ended it early")
        return count


def _check(head: bytes, length: int) -> None:
    status = _STATUS.match(head)
    if status is None:
        raise ConnectionResetError("what was answered is no HTTP")
    if int(status[1]) == http.HTTPStatus.SERVICE_UNAVAILABLE:
        raise TooBusyError("The other node sends as much as it accepts.")
    if int(status[1]) != http.HTTPStatus.OK:
        raise NoProviderError("The other node does not accept the ticket (any more).")
    said = _LENGTH.search(head)
    if said is None or int(said[1]) != length:
        raise BadChunkError("The other node would send another number of bytes.")


def split_address(address: str) -> tuple[str, int]:
    """Host and port of an address; a host must be a number, nothing is looked up for others.

    Raises:
        NoProviderError: it is no such address.
    """
    host, _, port = address.rpartition(":")
    with contextlib.suppress(ValueError):
        number = int(port)
        if port.isascii() and port.isdecimal() and _LOWEST_PORT <= number <= _HIGHEST_PORT:
            return str(ipaddress.ip_address(host.strip("[]"))), number
    raise NoProviderError(f"{address[:100]!r} is no address of a node.")


def sizes_of_run(size: int, first: int, count: int) -> list[int]:
    """Bytes of each chunk of a run.

    Args:
        size: bytes of the content.
        first: index of the first chunk.
        count: how many.
    """
    starts = range(first * CHUNK_SIZE, (first + count) * CHUNK_SIZE, CHUNK_SIZE)
    return [min(CHUNK_SIZE, size - start) for start in starts]
