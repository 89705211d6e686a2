"""Several Jupyter servers of one user share a node; when it goes, one of them brings the next."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.nodes import end_process, isolated_environment, running_node, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.timeout(180), pytest.mark.skipif(os.name == "nt", reason="POSIX")]
TOKEN = "for-the-test"


@dataclass
class JupyterServer:
    """A Jupyter server in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    base_url: str

    def ask(self, path: str) -> tuple[int, Any]:
        """What it answers under the extension's address."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            headers = {"Authorization": f"token {TOKEN}"}
            connection.request("GET", f"{self.base_url}kachery/api/v1/{path}", None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def is_ready(self) -> bool:
        """Whether it answers, with a node."""
        try:
            return self.ask("status")[0] == 200
        except (OSError, ValueError):
            return False


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def jupyter_server(
    folder: Path, *options: str, base_url: str = "/", node_port: int = 0
) -> Iterator[JupyterServer]:
    """A Jupyter server as it is installed: the extension comes along by itself."""
    environment = isolated_environment(folder)
    for name in ("CONFIG", "DATA", "RUNTIME"):
        environment[f"JUPYTER_{name}_DIR"] = str(folder / f"jupyter-{name.lower()}")
    environment["JUPYTER_RUNTIME_DIR"] += str(time.monotonic_ns())
    port = free_port()
    (folder / "root").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.base_url={base_url}"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder / 'root'}"]
    command += [f"--KacheryExtension.port={node_port}", *options]
    with open(folder / f"server-{port}.log", "wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield JupyterServer(process, port, base_url)
    finally:
        end_process(process)


def test_two_servers_share_a_node_and_the_second_takes_over(tmp_path: Path) -> None:
    node_port = free_port()
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(jupyter_server(tmp_path, node_port=node_port))
        wait_until(first.is_ready, "the first answers")
        second = stack.enter_context(
            jupyter_server(tmp_path, base_url="/user/someone/", node_port=node_port)
        )
        wait_until(second.is_ready, "the second answers")
        node = first.ask("status")[1]
        assert second.ask("status")[1]["node_id"] == node["node_id"]
        facts = json.loads((tmp_path / "storage" / ".state" / "node.json").read_text())
        assert facts["pid"] == first.process.pid

        first.process.send_signal(signal.SIGTERM)
        first.process.wait(30)
        wait_until(second.is_ready, "the second has a node again")
        now = json.loads((tmp_path / "storage" / ".state" / "node.json").read_text())
        assert now["pid"] == second.process.pid
        assert now["port"] == facts["port"], "kernels know this one"
        assert second.ask("status")[1]["node_id"] == node["node_id"]


def test_a_node_that_was_killed_is_followed_by_ours_and_never_ended_by_us(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        with jupyter_server(tmp_path, node_port=node.port) as server:
            wait_until(server.is_ready, "it answers")
            assert server.ask("status")[1]["node_id"] == node.facts["node_id"]
        assert node.process.poll() is None
        with jupyter_server(tmp_path, node_port=node.port) as server:
            wait_until(server.is_ready, "it answers")
            node.kill()
            wait_until(server.is_ready, "it has a node of its own")


def test_who_only_attaches_starts_none(tmp_path: Path) -> None:
    with jupyter_server(tmp_path, "--KacheryExtension.node=attach") as server:
        wait_until(lambda: _refused(server), "it answers")
        status, told = server.ask("status")
        assert (status, told["error"]["code"]) == (503, "daemon-not-running")
        assert not (tmp_path / "storage" / ".state" / "node.json").exists()
        with running_node(tmp_path) as node:
            wait_until(server.is_ready, "it finds the node that somebody starts")
            assert server.ask("status")[1]["node_id"] == node.facts["node_id"]


def _refused(server: JupyterServer) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return server.ask("status")[0] == 503
    return False


def test_the_extension_is_listed_and_found_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jupyter_server.extension.serverextension", "list"]
    said = subprocess.run(
        command, env=isolated_environment(tmp_path), capture_output=True, text=True, check=True
    )
    text = said.stdout + said.stderr
    assert "kachery_jupyter" in text, "pip install --editable . enables it"
    assert "OK" in text[text.index("kachery_jupyter") :]
