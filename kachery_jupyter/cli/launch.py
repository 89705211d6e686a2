"""Starting programs that take the place of a command, or outlive it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from kachery_core.errors import UnavailableError
from kachery_store.folder import Folder
from kachery_store.locks import LifeLock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.05
_LINES_SHOWN = 20


def start_in_background(command: Sequence[str], storage: Path) -> dict[str, Any]:
    """Start a node in a session of its own and wait until it is ready.

    Args:
        command: the node's program and arguments.
        storage: its storage folder; its log goes to `.state/log` there.

    Returns:
        What the node says of itself: node_id, port, pid, socket, version, storage_dir.

    Raises:
        UnavailableError: it ended, or was not ready in time; with what it said last.
    """
    folder = Folder(storage)
    folder.prepare()
    log = folder.state / "log" / "node.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **_detached(),
        )
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        facts = _announced(folder, process.pid)
        if facts is not None:
            return {**facts, "storage_dir": str(storage), "log": str(log)}
        if process.poll() is not None:
            raise UnavailableError(
                f"The node did not start.\n{_last_words(log, begin)}", hint=f"Its log: {log}"
            )
        time.sleep(_LOOK_EVERY_SECONDS)
    process.terminate()
    raise UnavailableError(
        f"The node was not ready after {_READY_SECONDS:.0f} s.\n{_last_words(log, begin)}",
        hint=f"Its log: {log}",
    )


def wait_for_end(storage: Path, pid: int) -> None:
    """Wait until the node with this process id has let go of its storage folder.

    Raises:
        UnavailableError: it is still there after half a minute.
    """
    # Not node.json, which goes first: whoever starts a node now needs the lock to be free.
    lock = LifeLock(Folder(storage).state / "daemon.lock")
    deadline = time.monotonic() + _STOP_SECONDS
    while not lock.acquire():
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"The node still runs {_STOP_SECONDS:.0f} s after it was asked to stop.",
                hint=f"It may be busy. Its process id is {pid}.",
            )
        time.sleep(_LOOK_EVERY_SECONDS)
    lock.release()


def become(command: list[str]) -> None:
    """Be a program from now on, so that signals reach it and it reaches the terminal."""
    sys.stdout.flush()
    if os.name == "nt":
        # There, execv would return to the prompt while the program goes on.
        sys.exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own program
    os.execv(command[0], command)  # noqa: S606 - our own program


def _detached() -> dict[str, Any]:
    if os.name == "nt":
        flags = ("CREATE_NEW_PROCESS_GROUP", "DETACHED_PROCESS")
        return {"creationflags": sum(getattr(subprocess, flag) for flag in flags)}
    return {"start_new_session": True}


def _announced(folder: Folder, pid: int) -> dict[str, Any] | None:
    """What the node with this process id wrote when it was ready."""
    try:
        facts = json.loads((folder.state / "node.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    # On Windows a virtual environment's python is the parent of the real one.
    is_this = os.name == "nt" or facts.get("pid") == pid
    return dict(facts) if is_this else None


def _last_words(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode("utf-8", "replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-_LINES_SHOWN:])
