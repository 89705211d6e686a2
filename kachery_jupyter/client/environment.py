"""What the environment says of where data is kept and which node to ask."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from kachery_core.errors import InvalidInputError

DEFAULT_PORT = 20421
# Both spellings of the kachery documents; the first that is set counts.
_OFFLINE = ("KACHERY_P2P_OFFLINE_STORAGE_DIR", "KACHERY_OFFLINE_STORAGE_DIR")
_PORT = ("KACHERY_DAEMON_PORT", "KACHERY_P2P_API_PORT")
_STORAGE = "KACHERY_STORAGE_DIR"
_NAMES = (*_OFFLINE, *_PORT, _STORAGE, "HOME")
_RAW_NAMES = tuple(map(os.fsencode, _NAMES))
_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Environment:
    """The settings of one moment.

    Attributes:
        offline_dir: the folder to use without a node, or None.
        storage_dir: the folder the user named, or None.
        port: where the node listens; of no meaning offline.
    """

    offline_dir: Path | None
    storage_dir: Path | None
    port: int


def fingerprint() -> tuple[object, ...]:
    """The settings as they are now; equal while nothing was changed.

    Every append and load asks. os.environ encodes and decodes at each look, which took longer than
    all the rest; the dict it keeps them in has the same values as bytes.
    """
    kept = getattr(os.environ, "_data", None)
    if isinstance(kept, dict) and os.name == "posix":
        return (*map(kept.get, _RAW_NAMES), os.getpid())
    return (*map(os.environ.get, _NAMES), os.getpid())


def read_environment() -> Environment:
    """Read the settings.

    Raises:
        InvalidInputError: a port that is none.
    """
    offline = _first_of(_OFFLINE)
    storage = os.environ.get(_STORAGE)
    storage_dir = Path(storage).expanduser() if storage else None
    return Environment(
        offline_dir=Path(offline[1]).expanduser() if offline else None,
        storage_dir=storage_dir,
        port=DEFAULT_PORT
        if offline
        else _port(storage_dir or Path("~/kachery-storage").expanduser()),
    )


def _port(storage_dir: Path) -> int:
    named = _first_of(_PORT)
    if named is None:
        return _noted_port(storage_dir)
    name, text = named
    if not text.isdecimal() or not 0 < int(text) <= _HIGHEST_PORT:
        raise InvalidInputError(
            f"{name} is {text!r}, which is not a port.",
            hint=f"Use 1 to {_HIGHEST_PORT}, or unset it.",
        )
    return int(text)


def _noted_port(storage_dir: Path) -> int:
    """The port that the node of a folder wrote down; the default one if it did not."""
    try:
        port = json.loads((storage_dir / ".state" / "node.json").read_bytes())["port"]
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_PORT
    is_port = isinstance(port, int) and 0 < port <= _HIGHEST_PORT
    return port if is_port else DEFAULT_PORT


def _first_of(names: tuple[str, ...]) -> tuple[str, str] | None:
    for name in names:
        if value := os.environ.get(name):
            return name, value
    return None
