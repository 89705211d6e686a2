"""nats-server as a child: started, watched, started again, ended with its hub."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import PortTakenError, UnavailableError
from kachery_daemon.hub import tether
from kachery_daemon.hub.leftover import end_leftover
from kachery_daemon.system.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_daemon.hub.server_config import ServerPaths
    from kachery_daemon.system.threads import Threads

_READY_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.005
_STOP_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 30.0
# Who ran that long did not fail at starting.
_LONG_RUN_SECONDS = 60.0
_LOG_END = 16 << 10
_LINES_SHOWN = 5
_log = logging.getLogger(__name__)


class NatsServer:
    """One nats-server.

    Args:
        program: the nats-server.
        paths: its files; the folder is there, and its user's alone.
        config: the text of its configuration for a port; -1 for any free one.
        host: the address it listens at.
        threads: for the disk.
    """

    def __init__(
        self,
        program: Path,
        paths: ServerPaths,
        config: Callable[[int], str],
        host: str,
        threads: Threads,
    ) -> None:
        self._program = program
        self._paths = paths
        self._config = config
        self._host = host
        self._threads = threads
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._port = 0
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The id of its process; None while there is none."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def start(self, port: int) -> int:
        """Start it; the port it listens at.

        Args:
            port: TCP port; 0 for any free one.

        Raises:
            PortTakenError: another program has the port.
            UnavailableError: it does not start; with what it said.
            OSError: the disk.
        """
        self._port = port
        began = await self._launch()
        self._watch = asyncio.ensure_future(self._start_again_when_it_ends(began))
        return self._port

    async def stop(self) -> None:
        """End it; may be called twice."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        await self._end_process()

    async def _launch(self) -> float:
        """Start a process and wait until it listens; when that was."""
        await self._threads.run(self._prepare)
        # Its own log has what it says; nothing of it holds our terminal or our pipes.
        self._process = await asyncio.create_subprocess_exec(
            *self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            # The same port from now on: it is part of the hub's URL.
            self._port = await asyncio.wait_for(self._listening(self._process), _READY_SECONDS)
        except asyncio.TimeoutError:
            await self._end_process()
            raise await self._not_started(f"was not ready after {_READY_SECONDS:.0f} s") from None
        except BaseException:
            await self._end_process()
            raise
        return time.monotonic()

    def _prepare(self) -> None:
        end_leftover(self._paths.pid, self._paths.config)
        _check_port(self._host, self._port)
        self._paths.pid.unlink(missing_ok=True)
        for stale in self._paths.folder.glob("*.ports"):
            stale.unlink()
        write_private(self._paths.config, self._config(self._port or -1).encode())
        # Made here, so that nobody else ever reads it.
        os.close(os.open(self._paths.log, os.O_WRONLY | os.O_CREAT, 0o600))

    def _command(self) -> list[str]:
        words = [
            str(self._program),
            "-c",
            str(self._paths.config),
            "--ports_file_dir",
            str(self._paths.folder),
        ]
        if os.name == "nt":
            return words
        here = [sys.executable, "-I", "-S", str(Path(tether.__file__)), str(os.getpid())]
        return here + words

    async def _listening(self, process: asyncio.subprocess.Process) -> int:
        """Wait until the server has written down where it listens; the port."""
        while True:
            if process.returncode is not None:
                raise await self._not_started("ended at once")
            port = await self._threads.run(_port_of, process.pid, self._paths.folder)
            if port is not None:
                return port
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _not_started(self, what: str) -> UnavailableError:
        said = await self._threads.run(_last_words, self._paths.log)
        if "address already in use" in said:
            return _taken(self._host, self._port)
        return UnavailableError(
            f"nats-server {what}.\n{said}", hint=f"Its log is {self._paths.log}."
        )

    async def _start_again_when_it_ends(self, began: float) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while self._process is not None:
            code = await self._process.wait()
            if time.monotonic() - began > _LONG_RUN_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            _log.error("nats-server ended (%s); it is started again in %.1f s", code, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            try:
                began = await self._launch()
            except (UnavailableError, OSError) as problem:
                _log.error("nats-server did not start again: %s", problem)
            else:
                self.restarts += 1

    async def _end_process(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()


def _check_port(host: str, port: int) -> None:
    """Make sure the port is free, in words better than those of the server's log."""
    if not port:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        if os.name != "nt":
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as problem:
            raise _taken(host, port, problem.strerror or "") from problem


def _taken(host: str, port: int, reason: str = "Address already in use") -> PortTakenError:
    return PortTakenError(
        f"The hub cannot listen at port {port} of {host}: {reason}.",
        hint="Stop the other program, or choose with `kachery hub start --port N`; a hub that moves"
        " has another URL.",
        port=port,
    )


def _port_of(pid: int, folder: Path) -> int | None:
    """The port that nats-server writes down once it listens; None as long as it does not."""
    for file in folder.glob(f"*_{pid}.ports"):
        try:
            places = msgspec.json.decode(file.read_bytes(), type=dict[str, list[str]])
            return int(places["nats"][0].rpartition(":")[2])
        except (msgspec.DecodeError, KeyError, IndexError, ValueError):
            return None  # half written
    return None


def _last_words(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _LOG_END))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"  {line}" for line in lines[-_LINES_SHOWN:])
