"""Who is at the other end of a local connection: the user id the kernel reports."""

from __future__ import annotations

import os
import socket
import struct
import sys
from pathlib import Path

_LISTENING = "0A"
_XUCRED_SIZE = 76  # <sys/ucred.h> of macOS


def own_uid() -> int:
    """This process's user."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def peer_uid(connection: socket.socket) -> int | None:
    """The user at the other end of a UNIX socket; None where the system does not tell."""
    if sys.platform == "darwin":
        local, peer_credentials = 0, 1
        found = connection.getsockopt(local, peer_credentials, _XUCRED_SIZE)
        return int(struct.unpack_from("2I", found)[1])
    if hasattr(socket, "SO_PEERCRED"):
        size = struct.calcsize("3i")
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3i", found)[1])
    return None


def listener_uid(port: int) -> int | None:
    """The user who listens on 127.0.0.1 at a port; None where the system does not tell."""
    loopback = socket.inet_aton("127.0.0.1")
    # The kernel prints addresses in its own byte order; the exact one answers before "any".
    exact = f"{struct.unpack('=I', loopback)[0]:08X}"
    for address, table in ((exact, "tcp"), ("0" * 8, "tcp"), ("0" * 32, "tcp6")):
        uid = _uid_of(f"{address}:{port:04X}", Path("/proc/net") / table)
        if uid is not None:
            return uid
    return None


def _uid_of(local_address: str, table: Path) -> int | None:
    try:
        lines = table.read_text("ascii").splitlines()
    except OSError:
        return None
    for line in lines[1:]:
        columns = line.split()
        if columns[1] == local_address and columns[3] == _LISTENING:
            return int(columns[7])
    return None
