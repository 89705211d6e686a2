"""A connection to the node's feed socket: appending, reading and waiting without HTTP."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from kachery_core.errors import WrongDaemonError
from kachery_core.wire.lines import ASKED, SIZE, decode_answer, encode_question
from kachery_jupyter.client.replies import Reply, gone, refusal

if TYPE_CHECKING:
    from kachery_jupyter.client.node import Door

_PATIENCE_SECONDS = 120.0
_PIECE = 1 << 18
# The longest answer is a run of batches: what was asked for, and up to one more group of appends.
_LARGEST_ANSWER = 128 << 20


class FeedLine:
    """One open connection."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.pid = os.getpid()
        self.was_used = False
        self._patience = 0.0
        try:
            self.socket = _connected(door)
        except OSError as problem:
            raise gone(door, problem) from None

    @staticmethod
    def answers(door: Door, method: str, path: str) -> bool:
        """Whether a question can be asked here."""
        return door.feeds_socket is not None and method == "POST" and path in ASKED

    def ask(self, path: str, body: bytes, wait_seconds: float) -> Reply:
        """One question, one answer."""
        patience = _PATIENCE_SECONDS + wait_seconds
        if patience != self._patience:
            self.socket.settimeout(patience)
            self._patience = patience
        self.socket.sendall(encode_question(ASKED[path], body))
        rest = self._read()
        self.was_used = True
        try:
            answer = decode_answer(rest)
        except ValueError as problem:
            raise _not_a_node() from problem
        if answer.is_error:
            raise refusal("on the feed socket", answer.body)
        return Reply(answer.facts, answer.body)

    def close(self) -> None:
        """Let go of it."""
        self.socket.close()

    def __del__(self) -> None:
        # Another node's line is let go when the environment changes, the last one at exit.
        if hasattr(self, "socket"):
            self.close()

    def _read(self) -> bytes | bytearray:
        """The bytes of an answer after its size."""
        start = self._received()
        while len(start) < SIZE.size:
            start += self._received()
        (size,) = SIZE.unpack_from(start)
        if size > _LARGEST_ANSWER:
            raise _not_a_node()
        filled = len(start) - SIZE.size
        if filled == size:
            return start[SIZE.size :]
        if filled > size:
            raise _not_a_node()
        rest = bytearray(size)
        view = memoryview(rest)
        view[:filled] = start[SIZE.size :]
        while filled < size:
            count = self.socket.recv_into(view[filled:], size - filled)
            if not count:
                raise ConnectionResetError("it closed the connection")
            filled += count
        return rest

    def _received(self) -> bytes:
        piece = self.socket.recv(_PIECE)
        if not piece:
            raise ConnectionResetError("it closed the connection")
        return piece


def _connected(door: Door) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(door.feeds_socket or "")
    except OSError:
        line.close()
        raise
    return line


def _not_a_node() -> WrongDaemonError:
    return WrongDaemonError("The node's feed socket answers what a node would not.")
