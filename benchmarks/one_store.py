"""A program that stores one file when told to, and says what it took.

`python -m benchmarks.one_store store FILE`, `... upload FILE SOCKET` or `... hash FILE`. It prints
"ready", waits for a line, and prints the seconds and the memory above idle (-1 if it is not its
own memory that counts).
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cpu import memory_of
from benchmarks.nodes import UnixConnection, uri_of

if TYPE_CHECKING:
    from collections.abc import Callable

_ROUNDS_OF_HASHING = 2


def main(arguments: list[str]) -> None:
    """Prepare, wait for the word, do it."""
    kind, path, *rest = arguments
    work = {"store": _store, "upload": _upload, "hash": _hash}[kind](Path(path), *rest)
    resting = memory_of("self", "VmRSS")
    _say("ready")
    sys.stdin.readline()
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    highest = memory_of("self", "VmHWM")
    is_own = kind == "store" and resting is not None and highest is not None
    _say(f"{seconds} {highest - resting if is_own else -1}")


def _store(path: Path) -> Callable[[], object]:
    import kachery_jupyter as kc

    kc.store_text("the first call loads what is loaded late")
    return lambda: kc.store_file(str(path))


def _upload(path: Path, address: str) -> Callable[[], object]:
    connection = UnixConnection(Path(address))
    connection.connect()

    def send() -> None:
        connection.putrequest("POST", "/api/v1/files?name=upload.bin&kind=file")
        connection.putheader("Content-Type", "application/octet-stream")
        connection.putheader("Content-Length", str(path.stat().st_size))
        connection.endheaders()
        with path.open("rb") as file:
            connection.sock.sendfile(file)
        uri_of(connection.getresponse())

    return send


def _hash(path: Path) -> Callable[[], object]:
    memory = path.read_bytes()

    def hash_all() -> None:
        threads = [
            threading.Thread(target=lambda: hashlib.sha1(memory).digest())
            for _ in range(_ROUNDS_OF_HASHING)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return hash_all


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
