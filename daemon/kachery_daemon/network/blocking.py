"""Sockets that threads wait for: one call of the system for a megabyte, and an end to waiting.

Python gives a socket a timeout by asking, before each call, whether there is something to do, and
then gets what there is at that moment. Here the system waits itself, until all of it is there.
"""

from __future__ import annotations

import socket
import struct
import sys

# Elsewhere a call that timed out leaves the socket in a state that nobody promises anything about.
_BY_THE_SYSTEM = sys.platform in {"linux", "darwin"}
_ALL_OF_IT = socket.MSG_WAITALL if _BY_THE_SYSTEM else 0


def set_patience(line: socket.socket, seconds: float) -> None:
    """Let calls of `receive` and `send` that wait return after so long."""
    if not _BY_THE_SYSTEM:
        line.settimeout(seconds)
        return
    line.setblocking(True)  # noqa: FBT003 - that is its name
    moment = struct.pack("@ll", int(seconds), int(seconds % 1 * 1e6))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, moment)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, moment)


def receive(line: socket.socket, view: memoryview, *, whole: bool) -> int | None:
    """Fill a buffer with what comes; how many bytes came, 0 at the end, None for none so far.

    Args:
        line: has a patience.
        view: the buffer.
        whole: wait until it is full, as long as there is patience.
    """
    try:
        return line.recv_into(view, 0, _ALL_OF_IT if whole else 0)
    except (BlockingIOError, TimeoutError):
        return None
