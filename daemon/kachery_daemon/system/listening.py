"""Listening sockets: both loopback addresses at one port, and a UNIX socket."""

from __future__ import annotations

import errno
import logging
import os
import socket
from typing import TYPE_CHECKING

from kachery_core.errors import PortTakenError

if TYPE_CHECKING:
    from pathlib import Path

_BACKLOG = 128
_LONGEST_SOCKET_PATH = 100
_TRIES = 20
_NO_IPV6 = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}
_log = logging.getLogger(__name__)


def listen_on_loopback(port: int) -> tuple[list[socket.socket], int]:
    """Sockets on 127.0.0.1 and ::1, and their port.

    Args:
        port: 0 for any free port.

    Raises:
        PortTakenError: another program has the port, on either address.
    """
    for left in reversed(range(_TRIES)):
        first = _listen(socket.AF_INET, "127.0.0.1", port)
        actual = int(first.getsockname()[1])
        try:
            return [first, *_listen_on_ipv6(actual)], actual
        except PortTakenError:
            first.close()
            if port or not left:
                raise
    raise AssertionError("unreachable: the last try returns or raises")


def listen_on_path(path: Path, mode: int, group: int | None) -> socket.socket | None:
    """A UNIX socket at a path; None where that is not possible."""
    if not hasattr(socket, "AF_UNIX") or len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
        return None
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        if group is not None:
            os.chown(path, -1, group)
        path.chmod(mode)
        listener.listen(_BACKLOG)
    except OSError as problem:
        # Some network file systems have no sockets; TCP is enough.
        _log.warning("no UNIX socket at %s: %s", path, problem)
        listener.close()
        path.unlink(missing_ok=True)
        return None
    listener.setblocking(False)  # noqa: FBT003 - that is its name
    return listener


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            # Not on Windows, where it would let two programs have one port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as problem:
        listener.close()
        if problem.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise PortTakenError(
                f"Port {port} on {address} is not free: {problem.strerror}.",
                hint="Stop the other program, or name another port with KACHERY_DAEMON_PORT or"
                " --port; 0 is any free one.",
                port=port,
            ) from problem
        raise
    listener.setblocking(False)  # noqa: FBT003 - that is its name
    return listener


def _listen_on_ipv6(port: int) -> list[socket.socket]:
    if not socket.has_ipv6:
        return []
    try:
        return [_listen(socket.AF_INET6, "::1", port)]
    except PortTakenError:
        raise
    except OSError as problem:
        if problem.errno in _NO_IPV6:
            return []
        raise
