"""Whose account this program runs in, and whose one at the other end of a UNIX socket does."""

from __future__ import annotations

import os
import socket
import struct
import sys

_UCRED = "3i"  # pid, uid, gid of <sys/socket.h> on Linux
_XUCRED_SIZE = 76  # <sys/ucred.h> of macOS
_LOCAL_PEERCRED = 1  # <sys/un.h> of macOS, at level 0


def own_uid() -> int:
    """The user this process runs as; 0 where there are no user ids."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def uid_of_unix_peer(connection: socket.socket) -> int | None:
    """The user at the other end of a UNIX socket; None where the system does not tell."""
    if sys.platform == "darwin":
        found = connection.getsockopt(0, _LOCAL_PEERCRED, _XUCRED_SIZE)
        return int(struct.unpack_from("2I", found)[1])
    if hasattr(socket, "SO_PEERCRED"):
        size = struct.calcsize(_UCRED)
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack(_UCRED, found)[1])
    return None
