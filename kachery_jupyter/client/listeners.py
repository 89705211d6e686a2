"""Who listens on a port of this computer: the user id the kernel reports."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_LISTENING = "0A"


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
