"""The process in which packets of strangers are looked through; `looker` starts and ends it."""

from __future__ import annotations

import contextlib
import resource
import socket
import sys

from kachery_core.errors import BadPacketError
from kachery_core.packets.findings import found_to_bytes
from kachery_core.packets.image_looking import look_through
from kachery_jupyter.streams.extras import require
from kachery_jupyter.streams.looker import LENGTH

_SECONDS = 60
_OWN_MEMORY = 2 << 30


def main(descriptor: int, largest: int) -> None:
    """Answer until the other end is gone."""
    require("h5py")
    # Whatever a packet does to HDF5, it does not do it to the computer.
    with contextlib.suppress(ValueError, OSError):
        memory = _OWN_MEMORY + 4 * largest
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=descriptor) as line, line.makefile("rwb") as stream:
        stream.write(b"+")
        stream.flush()
        while head := stream.read(LENGTH.size):
            _allow_seconds()
            size, _ = LENGTH.unpack(head)
            data, is_found = _looked(memoryview(bytearray(stream.read(size))), largest)
            stream.write(LENGTH.pack(len(data), is_found))
            stream.write(data)
            stream.flush()


def _looked(packet: memoryview, largest: int) -> tuple[bytes, bool]:
    try:
        return found_to_bytes(look_through(packet, largest)), True
    except BadPacketError as problem:
        return str(problem).encode(), False


def _allow_seconds() -> None:
    """If this process hangs and nobody is left to end it, the kernel does."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + _SECONDS
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
