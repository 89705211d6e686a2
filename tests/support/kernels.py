"""A real Jupyter server with kachery_jupyter enabled, and kernels that it started."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_client.blocking import BlockingKernelClient

from tests.support.nodes import end_process, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TOKEN = "a-token-for-tests"
_CELL_SECONDS = 120
_EXTENSIONS = "ServerApp.jpserver_extensions={'kachery_jupyter': True}"


@dataclass
class Kernel:
    """A running kernel."""

    client: BlockingKernelClient

    def run(self, code: str) -> str:
        """Run a cell; what it printed.

        Raises:
            AssertionError: it raised.
        """
        printed: list[str] = []

        def collect(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            elif message["msg_type"] in ("execute_result", "display_data"):
                printed.append(content["data"].get("text/plain", ""))

        reply = self.client.execute_interactive(
            code, allow_stdin=False, timeout=_CELL_SECONDS, output_hook=collect
        )
        content = reply["content"]
        assert content["status"] == "ok", "\n".join([code, *printed, *content.get("traceback", [])])
        return "".join(printed)

    def run_cell(self, code: str, cell_id: str) -> None:
        """Run a cell as a front end does that tells which one it is."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        client = self.client
        message = client.session.msg(
            "execute_request", content, metadata={"cellId": cell_id, "deletedCells": []}
        )
        client.shell_channel.send(message)
        while True:
            reply = client.get_shell_msg(timeout=_CELL_SECONDS)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                break
        assert reply["content"]["status"] == "ok", reply["content"]


@dataclass
class JupyterServer:
    """A running Jupyter server, its node inside."""

    port: int
    runtime_dir: Path

    def ask(self, method: str, path: str, value: Any = None) -> Any:
        """Ask its REST API; None if there is no answer in JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_CELL_SECONDS)
        with contextlib.closing(connection):
            body = None if value is None else json.dumps(value)
            connection.request(method, path, body, {"Authorization": f"token {_TOKEN}"})
            answer = connection.getresponse()
            data = answer.read()
            assert answer.status < 400, (answer.status, data)
            return json.loads(data) if data else None

    @contextlib.contextmanager
    def kernel(self, notebook: str = "") -> Iterator[Kernel]:
        """A kernel as a notebook would get it; of a notebook with a path, if there is one."""
        started = self._start(notebook)
        client = BlockingKernelClient()
        client.load_connection_file(str(self.runtime_dir / f"kernel-{started['id']}.json"))
        client.start_channels()
        try:
            _wait_until_ready(client)
            yield Kernel(client)
        finally:
            client.stop_channels()
            self.ask("DELETE", f"/api/kernels/{started['id']}")

    def _start(self, notebook: str) -> dict[str, Any]:
        if not notebook:
            return dict(self.ask("POST", "/api/kernels", {"name": "python3"}))
        named = {"path": notebook, "name": notebook.rpartition("/")[2], "type": "notebook"}
        session = {**named, "kernel": {"name": "python3"}}
        return dict(self.ask("POST", "/api/sessions", session)["kernel"])


def _wait_until_ready(client: BlockingKernelClient) -> None:
    """Wait; a kernel that is slow to start on a busy machine is taken for dead, so look again."""
    deadline = time.monotonic() + _CELL_SECONDS
    while True:
        try:
            client.wait_for_ready(timeout=_CELL_SECONDS)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_jupyter(folder: Path, environment: dict[str, str]) -> Iterator[JupyterServer]:
    """A Jupyter server of its own; its node at KACHERY_DAEMON_PORT, or at a free port."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    environment = {
        "KACHERY_DAEMON_PORT": str(free_port()),
        **environment,
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    port = free_port()
    with (folder / "jupyter.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
                *(f"--{_EXTENSIONS}", f"--ServerApp.root_dir={folder}"),
                *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
                f"--IdentityProvider.token={_TOKEN}",
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    server = JupyterServer(port, runtime)
    try:
        wait_until(lambda: _answers(server, process), "the Jupyter server answers")
        yield server
    except BaseException:
        sys.stderr.write((folder / "jupyter.log").read_text())
        raise
    finally:
        end_process(process)


def _answers(server: JupyterServer, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the Jupyter server ended"
    try:
        server.ask("GET", "/api/status")
    except OSError:
        return False
    return True
