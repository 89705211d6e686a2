"""Which user is at the other end of a TCP connection, as far as the kernel tells."""

from __future__ import annotations

import sys

_UID_COLUMN = 7


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
