"""Which user is at the other end of a local connection, as the kernel knows it."""

from __future__ import annotations

import os
import socket
import struct
import sys

_LOCAL_PEERCRED = 1  # <sys/un.h> on macOS and the BSDs, at level 0
_UID_COLUMN = 7


def own_uid() -> int:
    """The user this process runs as; 0 where there are no user ids."""
    geteuid = getattr(os, "geteuid", None)
    return int(geteuid()) if geteuid is not None else 0


def uid_of_unix_peer(connection: socket.socket) -> int | None:
    """The user who connected to a UNIX socket; None if the system does not tell."""
    if os.name == "nt":
        return None
    option = getattr(socket, "SO_PEERCRED", None)
    if option is not None:
        return int(struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, option, 12))[1])
    return int(struct.unpack_from("II", connection.getsockopt(0, _LOCAL_PEERCRED, 76))[1])


def uid_of_tcp_peer(peer: tuple[str, int], own_port: int) -> int | None:
    """The user of a TCP connection within this computer; None if the system does not tell.

    Good for saying who did something, not for deciding what they may.
    """
    if sys.platform != "linux":
        return None
    ending = f":{peer[1]:04X}"
    own_ending = f":{own_port:04X}"
    try:
        with open(
            "/proc/net/tcp6" if ":" in peer[0] else "/proc/net/tcp", encoding="ascii"
        ) as table:
            for line in table:
                columns = line.split()
                if columns[1].endswith(ending) and columns[2].endswith(own_ending):
                    return int(columns[_UID_COLUMN])
    except OSError:
        return None
    return None
