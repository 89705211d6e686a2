"""Packets of strangers are looked through in a process of their own, which may hang or fall.

HDF5 runs without end on some bytes, and falls over others. What it finds comes back as plain data.
The process is started for the first packet that needs it, and serves until the subscriber closes;
if it does not answer in time it is ended, the packet is refused, and the next one gets a new one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from kachery_core.errors import BadPacketError
from kachery_core.packets.findings import Found, found_from_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

# Of what follows, and whether it is what was found, rather than why it is refused.
LENGTH = struct.Struct(">Q?")
# Starting takes longer on a busy computer; looking a packet through takes milliseconds.
_START_SECONDS = 60.0
_LOOK_SECONDS = 5.0
_BYTES_PER_SECOND = 20_000_000
_PIECE = 1 << 20


class Looker:
    """Says what is in a packet, from another process.

    Args:
        largest: bytes that the values of one packet may have.
        patience: seconds to wait for what takes milliseconds.
    """

    def __init__(self, largest: int, patience: float = _LOOK_SECONDS) -> None:
        self.ended = 0
        self._largest = largest
        self._patience = patience
        self._program: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._turn = threading.Lock()

    def __call__(self, packet: memoryview) -> Found:
        """What is in a packet.

        Raises:
            BadPacketError: it is damaged, or wants more than to be read; or no answer came.
        """
        with self._turn:
            try:
                line = self._line or self._start()
                patience = self._patience + len(packet) / _BYTES_PER_SECOND
                line.settimeout(patience)
                line.sendall(LENGTH.pack(len(packet), False))  # noqa: FBT003
                line.sendall(packet)
                data, is_found = self._answer(line, patience)
            except OSError as problem:
                self.ended += 1
                self._stop()
                raise BadPacketError(
                    "The packet is damaged: HDF5 came to no end with it, or fell over it."
                ) from problem
        if not is_found:
            raise BadPacketError(data.decode("utf-8", "replace"))
        return found_from_bytes(data)

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._stop()

    def _answer(self, line: socket.socket, patience: float) -> tuple[bytearray, bool]:
        deadline = time.monotonic() + patience
        size, is_found = LENGTH.unpack(_exactly(line, LENGTH.size, deadline))
        # The values, and as much again for what is said of them.
        if size > 2 * self._largest + _PIECE:
            raise ConnectionError("an answer that is too long")
        return _exactly(line, size, deadline), is_found

    def _start(self) -> socket.socket:
        line, theirs = socket.socketpair()
        with theirs:
            environment = os.environ | {
                "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
                "OPENBLAS_NUM_THREADS": "1",
            }
            self._program = subprocess.Popen(  # noqa: S603 - this Python, our own module
                [
                    sys.executable, "-m", "kachery_jupyter.streams.look_program",
                    str(theirs.fileno()), str(self._largest),
                ],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        self._line = line
        line.settimeout(_START_SECONDS)
        _exactly(line, 1, time.monotonic() + _START_SECONDS)
        return line

    def _stop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._program is not None:
            with contextlib.suppress(OSError):
                self._program.kill()
            self._program.wait()
            self._program = None


def _exactly(line: socket.socket, size: int, deadline: float) -> bytearray:
    data = bytearray()
    while len(data) < size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        line.settimeout(left)
        piece = line.recv(min(_PIECE, size - len(data)))
        if not piece:
            raise ConnectionError("the other end is gone")
        data += piece
    return data


def looking_here(largest: int) -> Callable[[memoryview], Found]:
    """Says what is in a packet, in this process: for who is trusted. Any filter may run."""
    from kachery_core.packets.image_looking import look_through  # noqa: PLC0415 - an extra

    def look(packet: memoryview) -> Found:
        return look_through(packet, largest, any_filter=True)

    return look
