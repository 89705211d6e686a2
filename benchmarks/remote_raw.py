"""The limit for what moves between processes: one sends pieces, the other receives them.

`python -m benchmarks.remote_raw` is the sender, in a process of its own: it says its port and gives
everybody who connects as many bytes as they ask for with eight bytes.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.measuring import Elapsed

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 20


class RawSender:
    """The sender as the receiver sees it.

    Args:
        process: the sender.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self.pid = process.pid
        self._port = int(process.stdout.readline())

    def receive(self, size: int) -> Elapsed:
        """Seconds that this many bytes take; nothing is kept of them."""
        buffer = memoryview(bytearray(_PIECE))
        with socket.create_connection(("127.0.0.1", self._port)) as line:
            began = time.perf_counter()
            line.sendall(size.to_bytes(8, "big"))
            while size > 0:
                count = line.recv_into(buffer)
                if not count:
                    raise RuntimeError("The raw sender ended too early.")
                size -= count
            return Elapsed(time.perf_counter() - began)


@contextlib.contextmanager
def raw_sender() -> Iterator[RawSender]:
    """A sender, ended afterwards."""
    command = [sys.executable, "-m", "benchmarks.remote_raw"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield RawSender(process)
        finally:
            process.terminate()


def main() -> None:
    """Send, until ended."""
    piece = memoryview(bytes(range(256)) * (_PIECE // 256))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            line, _ = listener.accept()
            with line:
                size = int.from_bytes(line.recv(8, socket.MSG_WAITALL), "big")
                while size > 0:
                    part = piece[: min(size, _PIECE)]
                    line.sendall(part)
                    size -= len(part)


if __name__ == "__main__":
    main()
