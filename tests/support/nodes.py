"""Real nodes in processes of their own, in temporary folders, for tests of every package."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.reaping import end_with_the_tests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Reply:
    """What a node answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class RunningNode:
    """A node that is ready."""

    process: subprocess.Popen[bytes]
    storage: Path
    port: int
    facts: dict[str, Any]
    environment: dict[str, str] = field(repr=False)

    @property
    def token(self) -> str:
        return (self.storage / ".state" / "token").read_text()

    @property
    def client_token(self) -> str:
        return (self.storage / "client-token").read_text()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
        address: str = "127.0.0.1",
    ) -> Reply:
        """Ask with the owner's token; a header given as None is left out."""
        sent: dict[str, str | None] = {"Kachery-Token": self.token}
        if isinstance(body, dict):
            sent["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        elif body is not None:
            sent["Content-Type"] = "application/octet-stream"
        sent |= headers or {}
        connection = http.client.HTTPConnection(address, self.port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(connection):
            connection.request(
                method,
                path,
                body,
                {name: value for name, value in sent.items() if value is not None},
            )
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.headers), answer.read())

    def store(self, data: bytes, name: str = "", kind: str = "bytes") -> dict[str, Any]:
        """Send a content; the node's answer."""
        reply = self.ask("POST", f"/api/v1/files?name={name}&kind={kind}", data)
        assert reply.status == 200, reply.body
        return reply.json

    def terminate(self) -> int:
        """Ask it to end as the system does; its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)


def isolated_environment(folder: Path, **more: str) -> dict[str, str]:
    """This process's environment with nothing of the user's own in it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KACHERY", "XDG_", "JUPYTER"))
    }
    home = folder / "home"
    home.mkdir(exist_ok=True, parents=True)
    return kept | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "KACHERY_STORAGE_DIR": str(folder / "storage"),
        **more,
    }


def start_node_process(
    *options: str, environment: dict[str, str], launcher: tuple[str, ...] = (), **more: Any
) -> subprocess.Popen[bytes]:
    """A node process that may not be ready yet."""
    command = [*launcher, sys.executable, "-m", "kachery_daemon", "--json", *options]
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=more.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=more.pop("stderr", None),
        start_new_session=True,
        **more,
    )
    end_with_the_tests(process.pid)
    return process


def first_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The JSON line a node says when it is ready, or why it is not."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
    assert ready, "the node said nothing"
    line = process.stdout.readline()
    assert line, f"the node ended with {process.wait(PATIENCE_SECONDS)}"
    return json.loads(line)


@contextlib.contextmanager
def running_node(
    folder: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    launcher: tuple[str, ...] = (),
    stderr: Any = None,
) -> Iterator[RunningNode]:
    """A node on a free port, its storage in `folder/storage`; ended when the block is left.

    Args:
        folder: everything it writes is in there, HOME included.
        options: of `python -m kachery_daemon`.
        environment: variables to add; KACHERY_STORAGE_DIR may name another folder.
        launcher: a command to start it with, such as setpriv.
        stderr: where its log goes; to this process's by default.
    """
    variables = isolated_environment(folder, **(environment or {}))
    ports = () if "--port" in options else ("--port", "0")
    process = start_node_process(
        *ports, *options, environment=variables, launcher=launcher, stderr=stderr
    )
    try:
        facts = first_line(process)
        assert facts.get("ready"), facts
        yield RunningNode(process, Path(facts["storage_dir"]), facts["port"], facts, variables)
    finally:
        end_process(process)


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a process this test started, in any case."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def wait_until(condition: Any, what: str) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.02)
