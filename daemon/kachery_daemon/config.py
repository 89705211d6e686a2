"""The settings of a node: what they mean, and where each value came from."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_state_path

from kachery_core.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PORT = 20421
_LAST_PORT = 65535
_ON = {"on", "true", "yes", "1"}
_OFF = {"off", "false", "no", "0"}


def _about(text: str, unit: str = "", *environment: str) -> dict[str, Any]:
    return {"help": text, "unit": unit, "environment": environment}


@dataclass(frozen=True)
class Config:
    """The settings of one node; `read_config` makes it.

    Attributes:
        sources: for each setting that is not the default, what set it.
    """

    storage_dir: Path = field(
        default=Path("~/kachery-storage"),
        metadata=_about("Where the content is kept.", "path", "KACHERY_STORAGE_DIR"),
    )
    port: int = field(
        default=DEFAULT_PORT,
        metadata=_about(
            "Where programs reach the node on this computer; 0 takes any free port.",
            "TCP port",
            "KACHERY_DAEMON_PORT",
            "KACHERY_P2P_API_PORT",
        ),
    )
    shared: bool = field(
        default=False,
        metadata=_about("Whether other users of this computer may store and load."),
    )
    auth_group: str = field(
        default="",
        metadata=_about(
            "The group whose members may; empty for everybody. Means shared.", "group name"
        ),
    )
    witness_path: Path = field(
        default=Path("~/.local/state/kachery/heads.sqlite"),
        metadata=_about(
            "Where the node remembers how far its feeds went, outside the storage folder.", "path"
        ),
    )
    max_upload_bytes: int = field(
        default=1 << 44, metadata=_about("The largest content a program may send.", "bytes")
    )
    max_uploads: int = field(
        default=32,
        metadata=_about("How many contents may arrive at the same time.", "uploads"),
    )
    idle_seconds: float = field(
        default=60.0,
        metadata=_about("A connection without a request is closed after this long.", "seconds"),
    )
    stall_seconds: float = field(
        default=30.0,
        metadata=_about("A request that stops half way is given up after this long.", "seconds"),
    )
    worker_threads: int = field(
        default=8, metadata=_about("Threads for short work on the disk.", "threads")
    )
    transfer_threads: int = field(
        default=4,
        metadata=_about("Threads for the bytes of uploads and downloads.", "threads"),
    )
    direct: bool = field(
        default=True,
        metadata=_about(
            "Whether other members of a channel may get bytes from this node directly.",
            "",
            "KACHERY_DIRECT",
        ),
    )
    direct_port: int = field(
        default=0,
        metadata=_about(
            "Where they reach it; 0 takes any free port.", "TCP port", "KACHERY_DIRECT_PORT"
        ),
    )
    direct_host: str = field(
        default="",
        metadata=_about(
            "The address of this computer to listen on; empty for all that a hub may need.",
            "IP address",
            "KACHERY_DIRECT_HOST",
        ),
    )
    direct_address: str = field(
        default="",
        metadata=_about(
            "What to tell others; empty for the address by which this computer reaches the hub.",
            "IP address[:port]",
            "KACHERY_DIRECT_ADDRESS",
        ),
    )
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_shared(self) -> bool:
        """Whether other users of this computer may use the node."""
        return self.shared or bool(self.auth_group)

    def described(self) -> list[tuple[str, Any, str, str, str]]:
        """Name, value, source, unit and explanation of every setting."""
        rows = []
        for each in dataclasses.fields(self):
            if each.metadata:
                value = getattr(self, each.name)
                rows.append(
                    (
                        each.name,
                        str(value) if isinstance(value, Path) else value,
                        self.sources.get(each.name, "default"),
                        str(each.metadata["unit"]),
                        str(each.metadata["help"]),
                    )
                )
        return rows


def read_config(options: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Config:
    """Put the settings together: default, then environment, then what was asked for.

    Args:
        options: settings by name, as given on the command line or by a program; None is not given.
        environment: variables; those of this process if None.

    Raises:
        InvalidInputError: a value is not of its kind; the message names where it came from.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for each in dataclasses.fields(Config):
        for variable in reversed(each.metadata.get("environment", ())):
            if environment.get(variable):
                values[each.name], sources[each.name] = environment[variable], variable
        if options.get(each.name) is not None:
            values[each.name], sources[each.name] = options[each.name], "option"
    for name in ("port", "direct_port"):
        if name in values:
            values[name] = _port(values[name], sources[name])
    if "direct" in values:
        values["direct"] = _switch(values["direct"], sources["direct"])
    folder = Path(values.get("storage_dir", Config.storage_dir)).expanduser()
    values["storage_dir"] = Path(os.path.realpath(folder))
    values["witness_path"] = user_state_path("kachery") / "heads.sqlite"
    return Config(**values, sources=sources)


def _port(value: Any, source: str) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal() and int(text) <= _LAST_PORT):
        raise InvalidInputError(
            f"The port {text!r} (from {source}) is not a number from 0 to {_LAST_PORT}.",
            hint=f"The usual port is {DEFAULT_PORT}.",
        )
    return int(text)


def _switch(value: Any, source: str) -> bool:
    text = str(value).strip().lower()
    if text not in _ON | _OFF:
        raise InvalidInputError(f"{text[:40]!r} (from {source}) is neither on nor off.")
    return text in _ON
