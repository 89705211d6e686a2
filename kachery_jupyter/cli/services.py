"""The files that make the operating system start a node at login."""

from __future__ import annotations

import plistlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kachery_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LABEL = "org.kachery.node"


@dataclass(frozen=True)
class Service:
    """A service file.

    Attributes:
        path: where it belongs.
        text: what it contains.
        commands: what to run once it is there.
    """

    path: Path
    text: str
    commands: tuple[str, ...]


def make_service(command: Sequence[str], log: Path, platform: str = sys.platform) -> Service:
    """The service file that runs a command at login.

    Args:
        command: the program and its arguments.
        log: where launchd writes what the node says; systemd has its own log.
        platform: as `sys.platform` has it.

    Raises:
        InvalidRequestError: a system without services we know how to write.
    """
    if platform == "linux":
        return _systemd_unit(command)
    if platform == "darwin":
        return _launchd_agent(command, log)
    raise InvalidRequestError(
        f"No service can be installed on {platform}.",
        hint="Start the node at login yourself: `kachery daemon start --background`.",
    )


def _systemd_unit(command: Sequence[str]) -> Service:
    line = " ".join(_quoted_for_systemd(word) for word in command)
    text = f"""[Unit]
Description=Kachery node
After=network.target

[Service]
ExecStart={line}
Restart=on-failure
RestartSec=2

[Install]
WantedBy=default.target
"""
    return Service(
        Path.home() / ".config/systemd/user/kachery.service",
        text,
        (
            "systemctl --user daemon-reload",
            "systemctl --user enable --now kachery",
            "loginctl enable-linger    # if it shall also run while you are logged out",
        ),
    )


def _launchd_agent(command: Sequence[str], log: Path) -> Service:
    path = Path.home() / f"Library/LaunchAgents/{_LABEL}.plist"
    text = plistlib.dumps(
        {
            "Label": _LABEL,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "StandardOutPath": str(log),
            "StandardErrorPath": str(log),
        }
    ).decode()
    return Service(path, text, (f"launchctl bootstrap gui/$(id -u) '{path}'",))


def _quoted_for_systemd(word: str) -> str:
    """One argument: systemd expands % and $, and knows C escapes within double quotes."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("%", "%%").replace("$", "$$") + '"'
