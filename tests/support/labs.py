"""A real JupyterLab with a node in it, in folders of its own, for a browser to look at."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.kernels import free_port
from tests.support.nodes import (
    PATIENCE_SECONDS,
    Reply,
    RunningNode,
    end_process,
    isolated_environment,
    wait_until,
)
from tests.support.programs import run_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOKEN = "a-token-for-tests"
_NO_NEWS = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


@dataclass
class RunningLab:
    """A JupyterLab that answers.

    Attributes:
        port: of the Jupyter server.
        files: the folder that the file browser shows.
        node: the node inside; its process is the Jupyter server.
        log: what the Jupyter server says.
    """

    port: int
    files: Path
    node: RunningNode
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, method: str, path: str, value: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Ask the Jupyter server as a logged-in program; the path begins with a slash."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(connection):
            body = None if value is None else json.dumps(value)
            sent = {"Authorization": f"token {TOKEN}", **(headers or {})}
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.headers), answer.read())

    def run(self, code: str) -> str:
        """What a program of the same user prints, run beside this Jupyter server."""
        environment = self.node.environment | {"KACHERY_DAEMON_PORT": str(self.node.port)}
        return run_program(code, environment, cwd=self.files)


@contextlib.contextmanager
def running_lab(folder: Path, *options: str, **variables: str) -> Iterator[RunningLab]:
    """A JupyterLab on a free port of this computer; ended when the block is left.

    Args:
        folder: everything it writes is in there, HOME included.
        options: of `jupyter lab`.
        variables: of its environment; KACHERY_STORAGE_DIR may name another folder.
    """
    environment = isolated_environment(folder, IPYTHONDIR=str(folder / "ipython"), **variables)
    _write_page_config(folder / "home" / ".jupyter")
    files, log, port = folder / "files", folder / "lab.log", free_port()
    files.mkdir()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
                *(f"--ServerApp.root_dir={files}", f"--IdentityProvider.token={TOKEN}"),
                *("--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"),
                "--JupyterNotebookApp.expose_app_in_browser=True",
                *("--KacheryExtension.port=0", *options),
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        node = _node_inside(process, Path(environment["KACHERY_STORAGE_DIR"]), environment)
        lab = RunningLab(port, files, node, log)
        wait_until(lambda: _answers(lab), "JupyterLab answers")
        yield lab
    except BaseException:
        sys.stderr.write(log.read_text())
        raise
    finally:
        end_process(process)


def beside(lab: RunningLab, folder: Path) -> contextlib.AbstractContextManager[RunningLab]:
    """A second JupyterLab of the same person: it finds the node of the first."""
    return running_lab(folder, KACHERY_STORAGE_DIR=str(lab.node.storage))


def _write_page_config(config: Path) -> None:
    """No question about news: it would ask another computer."""
    (config / "labconfig").mkdir(parents=True)
    (config / "labconfig" / "page_config.json").write_text(json.dumps(_NO_NEWS))


def _node_inside(
    process: subprocess.Popen[bytes], storage: Path, environment: dict[str, str]
) -> RunningNode:
    place = storage / ".state" / "node.json"

    def is_there() -> bool:
        assert process.poll() is None, "JupyterLab ended"
        return place.exists()

    wait_until(is_there, "the node inside JupyterLab has started")
    facts = json.loads(place.read_text())
    return RunningNode(process, storage, facts["port"], facts, environment)


def _answers(lab: RunningLab) -> bool:
    with contextlib.suppress(OSError):
        return lab.ask("GET", "/api/status").status == 200
    return False
