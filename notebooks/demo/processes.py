"""The processes of the demo: nodes with their programs, and a hub. None outlives it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from notebooks.demo.stage import check, show

KACHERY = (sys.executable, "-m", "kachery_jupyter.cli")
PATIENCE_SECONDS = 30


class Node:
    """A node with a folder and a port of its own, as a workstation has one; and its user's programs.

    Args:
        folder: everything it and its programs write is in there.
        name: what the demo calls it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        self.storage = self.folder / "storage"
        self.port, self.node_id = 0, ""
        self._running = contextlib.ExitStack()
        # Nothing of yours is touched: folders, caches and port are the demo's own.
        self.environment = {
            variable: value
            for variable, value in os.environ.items()
            if not variable.startswith("KACHERY_")
        } | {
            "KACHERY_STORAGE_DIR": str(self.storage),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_STATE_HOME": str(self.folder / "state"),
        }

    @contextlib.contextmanager
    def running(self):
        """The node runs while the block does, but for times when it was stopped."""
        try:
            self.start()
            show(f"{self.name}: node {self.node_id[:16]}…, port {self.port}")
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """It runs; programs find it, at the same port as before."""
        options = ("--storage", str(self.storage), "--port", str(self.port), "--json")
        started = background(self.folder / "log", self.environment, "daemon", "start", *options)
        facts = self._running.enter_context(started)
        self.port, self.node_id = facts["port"], facts["node_id"]
        self.environment["KACHERY_DAEMON_PORT"] = str(self.port)

    def stop(self) -> None:
        """It has ended."""
        self._running.close()

    def shell(self, *arguments: str) -> str:
        """What `kachery …` prints; it must succeed."""
        return self.try_shell(*arguments, check=True).stdout

    def try_shell(self, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        """`kachery …`, which may fail."""
        return subprocess.run(
            [*KACHERY, *arguments],
            check=check,
            stdout=subprocess.PIPE,
            stderr=None if check else subprocess.PIPE,
            text=True,
            env=self.environment,
        )

    def facts(self, *arguments: str):
        """What `kachery … --json` says."""
        return json.loads(self.shell(*arguments, "--json"))

    def python(self, program: str, **variables: str) -> str:
        """What a program prints that begins with `import kachery_jupyter as kc`."""
        done = subprocess.run(
            [sys.executable, "-c", f"import kachery_jupyter as kc\n{program}"],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment | variables,
        )
        return done.stdout.strip()

    @contextlib.contextmanager
    def following(self, *arguments: str):
        """`kachery …`, which goes on; its lines as they come."""
        command = [*KACHERY, *arguments]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=self.environment
        ) as follower:
            try:
                yield follower.stdout
            finally:
                follower.terminate()


@contextlib.contextmanager
def background(log: Path, environment: dict[str, str], *arguments: str):
    """A process that goes on until the block is left; what it says once it is ready."""
    with open(log, "ab") as errors:
        process = subprocess.Popen(
            [*KACHERY, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the demo, which ends them in order
        )
    try:
        line = process.stdout.readline()
        if not line:
            show(*log.read_text(errors="replace").splitlines()[-10:])
            check(f"kachery {' '.join(arguments[:2])}", False)
        yield json.loads(line)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
