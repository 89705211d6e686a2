"""A connection to the node that stays open: questions and answers in microseconds.

One for each thread. Only what the node itself writes is understood: a status line, headers with a
Content-Length, a body.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import (
    DaemonNotRunningError,
    InvalidRequestError,
    KacheryError,
    WrongDaemonError,
    error_from_wire,
)
from kachery_jupyter.client.connection import current_node, forget_place
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


class Reply(msgspec.Struct, frozen=True):
    """What the node answered."""

    headers: dict[str, str]
    body: bytes


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
    head = f"{method} /api/v1{path} HTTP/1.1\r\n{headers}"
    line = _kept_line(door)
    if line is not None:
        try:
            return _ask(line, head, body, wait_seconds)
        except ConnectionError as problem:
            if isinstance(problem, KacheryError):
                raise
    return _ask(_Line(door), head, body, wait_seconds)


def ask_patiently(path: str, body: bytes, wait_seconds: float = 0.0) -> Reply:
    """Ask the node that is running; while it is being restarted, again and again for a while.

    Only for questions that may be asked twice: reading, and appends that carry their id.

    Raises:
        KacheryError: what the node answered, or that there is none.
    """
    deadline = time.monotonic() + _RETRY_SECONDS
    while True:
        try:
            return ask(current_node().door, "POST", path, body, wait_seconds)
        except (DaemonNotRunningError, WrongDaemonError):
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_PAUSE_SECONDS)
            forget_place()


def _kept_line(door: Door) -> _Line | None:
    line: _Line | None = getattr(_lines, "line", None)
    return line if line is not None and line.door == door and line.pid == os.getpid() else None


def _ask(line: _Line, head: str, body: bytes, wait_seconds: float) -> Reply:
    """Ask, and keep the connection only if the whole answer came."""
    _lines.line = None
    is_kept = line.was_used
    try:
        with stoppable(line.socket):
            reply = line.ask(head, body, wait_seconds)
    except WrongDaemonError:
        line.close()
        raise
    except KacheryError:
        _lines.line = line
        raise
    except OSError as problem:
        line.close()
        if is_kept and isinstance(problem, ConnectionError):
            raise
        raise _gone(line.door, problem) from problem
    except BaseException:
        line.close()
        raise
    _lines.line = line
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
            raise _gone(door, problem) from problem
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
            raise _refusal(status, answer)
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
        line.connect(door.socket)
        return line
    line = socket.create_connection(("127.0.0.1", door.port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _refusal(status: int, answer: bytes) -> KacheryError:
    """What the node said; it has words of its own for all but broken requests."""
    try:
        return error_from_wire(json.loads(answer)["error"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return InvalidRequestError(f"The node refused this question (status {status}).")


def _gone(door: Door, problem: OSError) -> DaemonNotRunningError:
    return DaemonNotRunningError(
        f"The kachery node at port {door.port} does not answer: {problem}.",
        hint="Start it again: `kachery daemon start`.",
        port=door.port,
    )
