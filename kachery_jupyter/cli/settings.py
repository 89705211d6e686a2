"""Which storage folder and port hold here, and who said so."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kachery_jupyter.client.environment import DEFAULT_PORT, read_environment

_PORT_VARIABLES = ("KACHERY_DAEMON_PORT", "KACHERY_P2P_API_PORT")
_OFFLINE_VARIABLES = ("KACHERY_P2P_OFFLINE_STORAGE_DIR", "KACHERY_OFFLINE_STORAGE_DIR")


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: what it is for.
        value: what holds.
        source: an option, an environment variable, or 'default'.
    """

    name: str
    value: str
    source: str


def storage_setting(option: str | None = None) -> Setting:
    """The storage folder of the node of this computer."""
    if option:
        return Setting("storage folder", str(Path(option).expanduser()), "--storage")
    return _from_environment(
        "storage folder", ("KACHERY_STORAGE_DIR",), str(Path.home() / "kachery-storage")
    )


def port_setting() -> Setting:
    """The port at which programs look for the node."""
    port = read_environment().port
    found = _from_environment("port", _PORT_VARIABLES, str(port))
    if found.source == "default" and port != DEFAULT_PORT:
        # The running node of the folder wrote its port down there.
        return Setting("port", str(port), ".state/node.json")
    return found


def offline_setting() -> Setting:
    """The folder used without a node, or ''."""
    return _from_environment("offline folder", _OFFLINE_VARIABLES, "")


def _from_environment(name: str, variables: tuple[str, ...], default: str) -> Setting:
    for variable in variables:
        value = os.environ.get(variable)
        if value:
            return Setting(name, value, variable)
    return Setting(name, default, "default")
