"""Redis and NATS servers to measure beside a node: on free ports, in folders of their own."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.nodes import free_port
from benchmarks.peers import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_START_SECONDS = 20.0
_NO_SERVER = "not installed (`apt-get install redis-server`)"
# Every write is on the disk before it is answered. Rewriting the log is off: it would disturb.
_REDIS = """
port 0
unixsocket {socket}
dir {folder}
appendonly yes
appendfsync always
auto-aof-rewrite-percentage 0
save ""
daemonize no
"""
_NATS = """
host: "127.0.0.1"
port: {port}
jetstream {{ store_dir: "{folder}", sync_interval: always }}
"""


@dataclass(frozen=True)
class Broker:
    """A server that runs, or why there is none.

    Attributes:
        address: a UNIX socket or a port.
        pid: of its process; 0 if there is none.
        absent: why not, or "".
    """

    address: str = ""
    pid: int = 0
    absent: str = ""

    @property
    def pids(self) -> tuple[int, ...]:
        """Its process, if there is one."""
        return (self.pid,) if self.pid else ()


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[Broker]:
    """Redis with `appendfsync always` on a UNIX socket, Debian's or another on the path."""
    program = shutil.which("redis-server")
    absent = ("" if program else _NO_SERVER) or missing("redis") or missing("hiredis")
    if absent:
        yield Broker(absent=absent)
        return
    folder.mkdir(parents=True)
    address = folder / "redis.sock"
    configuration = folder / "redis.conf"
    configuration.write_text(_REDIS.format(socket=address, folder=folder), "utf-8")
    with _running([str(program), str(configuration)], folder) as process:
        _wait_until_open(process, folder, lambda: _connect_unix(address))
        yield Broker(str(address), process.pid)


@contextlib.contextmanager
def nats_server(folder: Path) -> Iterator[Broker]:
    """NATS JetStream that syncs always, on a free port; pip's or another on the path."""
    beside = Path(sys.executable).parent / "nats-server"
    program = str(beside) if beside.exists() else shutil.which("nats-server")
    absent = ("" if program else "not installed") or missing("nats")
    if absent:
        yield Broker(absent=absent)
        return
    folder.mkdir(parents=True)
    port = free_port()
    configuration = folder / "nats.conf"
    configuration.write_text(_NATS.format(port=port, folder=folder / "jetstream"), "utf-8")
    with _running([str(program), "--config", str(configuration)], folder) as process:
        _wait_until_open(process, folder, lambda: _connect(port))
        yield Broker(str(port), process.pid)


@contextlib.contextmanager
def _running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with _log(folder).open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_open(
    process: subprocess.Popen[bytes], folder: Path, connect: Callable[[], None]
) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError):
            connect()
            return
        if process.poll() is not None or time.monotonic() > deadline:
            said = _log(folder).read_text("utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"{process.args!r} did not start:\n{said}")
        time.sleep(0.05)


def _connect_unix(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(str(path))


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


def _log(folder: Path) -> Path:
    return folder / "server.log"
