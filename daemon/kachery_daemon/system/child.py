"""A node in a process of its own, for a program that wants it beside itself."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from kachery_core.errors import DaemonNotRunningError, KacheryError, error_from_wire

if TYPE_CHECKING:
    from logging import Logger
    from pathlib import Path

_START_SECONDS = 60.0
_STOP_SECONDS = 2.4
_LONGEST_PAUSE_SECONDS = 60.0


class Child:
    """A node in a process of its own: started again when it ends, gone when we are.

    Args:
        storage: its storage folder.
        port: its TCP port; 0 for any free one.
        log: where to tell.
    """

    def __init__(self, storage: Path, port: int, log: Logger) -> None:
        self._storage = storage
        self._port = port
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Start it; the port it answers on.

        Raises:
            KacheryError: why it did not start.
        """
        port = await self._launch()
        # The same port when it is started again: kernels know it.
        self._port = port
        self._watch = asyncio.ensure_future(self._restart_when_it_ends())
        return port

    async def stop(self) -> None:
        """End it; it ends by itself once its input is closed."""
        if self._watch is not None:
            self._watch.cancel()
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except asyncio.TimeoutError:
            process.kill()

    async def _launch(self) -> int:
        command = ["-m", "kachery_daemon", "--json", "--until-stdin-closes"]
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            f"--storage={self._storage}",
            f"--port={self._port}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        if process.stdout is None:
            raise _not_started()
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        except asyncio.TimeoutError:
            process.kill()
            line = b""
        if not line:
            raise _not_started()
        facts = json.loads(line)
        if "error" in facts:
            await process.wait()
            raise error_from_wire(facts["error"])
        return int(facts["port"])

    async def _restart_when_it_ends(self) -> None:
        pause = 1.0
        while self._process is not None:
            code = await self._process.wait()
            self._log.error("kachery: the node ended (%s); starting it again", code)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            try:
                await self._launch()
            except (KacheryError, OSError) as problem:
                self._log.error("kachery: the node did not start again: %s", problem)


def _not_started() -> DaemonNotRunningError:
    return DaemonNotRunningError(
        "The node did not start.", hint="What it said is in the log of the program that started it."
    )
