"""A connection to the node that stays open: questions and answers in microseconds.

One of each kind for each thread: what the feed socket answers is asked there, the rest over HTTP.
Of HTTP only what the node itself writes is understood: a status line, headers with a
Content-Length, a body.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING

from kachery_core.errors import (
    DaemonNotRunningError,
    KacheryError,
    WrongDaemonError,
)
from kachery_jupyter.client.connection import current_node, forget_place, had_node
from kachery_jupyter.client.feed_line import FeedLine
from kachery_jupyter.client.replies import Reply, gone, refusal
from kachery_jupyter.client.stopping import stoppable

if TYPE_CHECKING:
    from kachery_jupyter.client.node import Door

_FIRST_ERROR = 400
_PATIENCE_SECONDS = 120.0
_PIECE = 1 << 18
# A node that was restarted answers again within seconds.
_RETRY_SECONDS = 10.0
_RETRY_PAUSE_SECONDS = 0.1
_lines = threading.local()


def ask(
    door: Door,
    method: str,
    path: str,
    body: bytes = b"",
    wait_seconds: float = 0.0,
    headers: str = "",
) -> Reply:
    """One question, one answer; asked again on a new connection if the old one was closed.

    Only for questions that may be asked twice.

    Args:
        door: where the node is.
        method: GET, POST or DELETE.
        path: below the API's own path.
        body: JSON.
        wait_seconds: how long the node may take on purpose.
        headers: more of them, each ended by CR LF.

    Raises:
        KacheryError: what the node answered, of the same class as over there.
    """
    kind: type[_Line | FeedLine] = _Line
    head = f"{method} /api/v1{path} HTTP/1.1\r\n{headers}"
    if FeedLine.answers(door, method, path):
        kind, head = FeedLine, path
    line = _kept_line(door, kind)
    if line is not None:
        try:
            return _ask(line, head, body, wait_seconds)
        except ConnectionError as problem:
            if isinstance(problem, KacheryError):
                raise
    return _ask(kind(door), head, body, wait_seconds)


def ask_patiently(
    path: str, body: bytes = b"", wait_seconds: float = 0.0, method: str = "POST"
) -> Reply:
    """Ask the node that is running; while it is being restarted, again and again for a while.

    Only for questions that may be asked twice: reading, and what carries an id. Where no node was
    found before, none is waited for.

    Raises:
        KacheryError: what the node answered, or that there is none.
    """
    deadline = time.monotonic() + _RETRY_SECONDS
    while True:
        try:
            return ask(current_node().door, method, path, body, wait_seconds)
        except (DaemonNotRunningError, WrongDaemonError):
            if time.monotonic() > deadline or not had_node():
                raise
            time.sleep(_RETRY_PAUSE_SECONDS)
            forget_place()


def _kept_line(door: Door, kind: type[_Line | FeedLine] | None = None) -> _Line | FeedLine | None:
    """This thread's line to a node, of one kind; with HTTP unless another is named."""
    line: _Line | FeedLine | None = getattr(_lines, _place(kind or _Line), None)
    return line if line is not None and line.door == door and line.pid == os.getpid() else None


def _place(kind: type[_Line | FeedLine]) -> str:
    return "feed_line" if kind is FeedLine else "line"


def _ask(line: _Line | FeedLine, head: str, body: bytes, wait_seconds: float) -> Reply:
    """Ask, and keep the connection only if the whole answer came."""
    place = _place(type(line))
    setattr(_lines, place, None)
    is_kept = line.was_used
    try:
        with stoppable(line.socket):
            reply = line.ask(head, body, wait_seconds)
    except WrongDaemonError:
        line.close()
        raise
    except KacheryError:
        setattr(_lines, place, line)
        raise
    except OSError as problem:
        line.close()
        if is_kept and isinstance(problem, ConnectionError):
            raise
        raise gone(line.door, problem) from None
    except BaseException:
        line.close()
        raise
    setattr(_lines, place, line)
    return reply


class _Line:
    """One open connection."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.pid = os.getpid()
        self.was_used = False
        try:
            self.socket = _connected(door)
        except OSError as problem:
            raise gone(door, problem) from None
        token = f"Kachery-Token: {door.token}\r\n" if door.token else ""
        host = "kachery" if door.socket else f"127.0.0.1:{door.port}"
        self._headers = f"Host: {host}\r\n{token}Content-Type: application/json\r\n"

    def ask(self, head: str, body: bytes, wait_seconds: float) -> Reply:
        self.socket.settimeout(_PATIENCE_SECONDS + wait_seconds)
        head = f"{head}{self._headers}Content-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode("ascii") + body)
        status, headers, rest = self._read_head()
        answer = self._read_body(rest, int(headers.get("content-length", "0")))
        self.was_used = True
        if status >= _FIRST_ERROR:
            raise refusal(f"status {status}", answer)
        return Reply(headers, answer)

    def close(self) -> None:
        self.socket.close()

    def __del__(self) -> None:
        # Another node's line is let go when the environment changes, the last one at exit.
        if hasattr(self, "socket"):
            self.close()

    def _read_head(self) -> tuple[int, dict[str, str], bytes]:
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            piece = self.socket.recv(_PIECE)
            if not piece:
                raise ConnectionResetError("it closed the connection")
            data += piece
        first, *lines = data[:end].decode("latin-1").split("\r\n")
        if not first.startswith("HTTP/1.1 "):
            raise WrongDaemonError("The node's port answers what a node would not.")
        headers = {}
        for text in lines:
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        return int(first[9:12]), headers, data[end + 4 :]

    def _read_body(self, start: bytes, length: int) -> bytes:
        if len(start) >= length:
            return start
        body = bytearray(length)
        view = memoryview(body)
        view[: len(start)] = start
        filled = len(start)
        while filled < length:
            count = self.socket.recv_into(view[filled:], length - filled)
            if not count:
                raise ConnectionResetError("it closed the connection")
            filled += count
        return bytes(body)


def _connected(door: Door) -> socket.socket:
    if door.socket is not None:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.connect(door.socket)
        except OSError:
            line.close()
            raise
        return line
    line = socket.create_connection(("127.0.0.1", door.port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line
