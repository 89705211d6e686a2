"""Real nodes to measure: a standing one, and one embedded in a Jupyter server."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_SECONDS = 30.0
_TOKEN = "benchmark"


@dataclass(frozen=True)
class RunningNode:
    """A node that answers.

    Attributes:
        storage: its storage folder.
        socket: its UNIX socket.
        pid: of the process it runs in.
        jupyter_port: where the Jupyter server around it listens; 0 for a standing node.
    """

    storage: Path
    socket: Path
    pid: int
    jupyter_port: int = 0


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket; the node knows its owner there without a token."""

    def __init__(self, path: Path) -> None:
        super().__init__("kachery", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@contextlib.contextmanager
def standing_node(storage: Path) -> Iterator[RunningNode]:
    """A node of its own, as `kachery daemon start` makes it; this process becomes its client."""
    _use_storage(storage)
    command = [sys.executable, "-m", "kachery_jupyter.cli", "daemon", "start"]
    with _running(command, storage.parent / "node.log") as process:
        yield _ready(storage, process)


@contextlib.contextmanager
def jupyter_node(storage: Path) -> Iterator[RunningNode]:
    """A Jupyter server with an embedded node; this process becomes the node's client."""
    _use_storage(storage)
    port = free_port()
    command = [
        *(sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root"),
        f"--port={port}",
        f"--IdentityProvider.token={_TOKEN}",
        f"--ServerApp.root_dir={storage.parent}",
        "--ServerApp.jpserver_extensions={'kachery_jupyter': True}",
    ]
    with _running(command, storage.parent / "jupyter.log") as process:
        node = _ready(storage, process)
        _wait_until_answering(port, process)
        yield RunningNode(storage, node.socket, process.pid, port)


def jupyter_connection(port: int) -> tuple[http.client.HTTPConnection, dict[str, str]]:
    """A connection to the Jupyter server and the headers that open its doors."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    return connection, {"Authorization": f"token {_TOKEN}"}


def post(connection: http.client.HTTPConnection, body: bytes, kind: str = "text") -> str:
    """Store bytes through a node; the URI."""
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(body))}
    connection.request("POST", f"/api/v1/files?name=file.txt&kind={kind}", body, headers)
    return uri_of(connection.getresponse())


def uri_of(response: http.client.HTTPResponse) -> str:
    """The URI in a node's answer."""
    answer = response.read()
    if response.status not in {200, 201}:
        raise RuntimeError(f"The node answered {response.status}: {answer[:300]!r}")
    return str(json.loads(answer)["uri"])


def _use_storage(storage: Path) -> None:
    storage.parent.mkdir(parents=True, exist_ok=True)
    os.environ["KACHERY_STORAGE_DIR"] = str(storage)
    os.environ["KACHERY_DAEMON_PORT"] = str(free_port())


def free_port() -> int:
    """A port of this computer that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield process
    except BaseException:
        sys.stderr.write(log.read_text("utf-8", errors="replace")[-3000:])
        raise
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(storage: Path, process: subprocess.Popen[bytes]) -> RunningNode:
    record = storage / ".state" / "node.json"
    deadline = time.monotonic() + _START_SECONDS
    while not record.exists():
        _check_patience(process, deadline)
    return RunningNode(storage, Path(json.loads(record.read_bytes())["socket"]), process.pid)


def _wait_until_answering(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        connection, headers = jupyter_connection(port)
        with contextlib.suppress(ConnectionError), contextlib.closing(connection):
            connection.request("GET", "/api/status", headers=headers)
            if connection.getresponse().status == http.client.OK:
                return
        _check_patience(process, deadline)


def _check_patience(process: subprocess.Popen[bytes], deadline: float) -> None:
    if process.poll() is not None or time.monotonic() > deadline:
        raise RuntimeError("The node did not start; its log is above.")
    time.sleep(0.05)
