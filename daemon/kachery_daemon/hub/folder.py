"""The folder of a hub: what is where, who works in it, and what the disk says in a hub's words."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import (
    KacheryError,
    StorageFailedError,
    StorageFullError,
    StorageInUseError,
)
from kachery_daemon.hub.identity import CERTIFICATE_FILE, KEYS_FILE
from kachery_daemon.hub.server_config import ServerPaths
from kachery_daemon.system.private_files import read_private, write_private
from kachery_store.locks import LifeLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT}


class Place(msgspec.Struct, frozen=True):
    """Where a hub is, or was when it ran last; in a file of its folder.

    Attributes:
        url: what nodes need to find it; it lets into the lobby.
        port: TCP port.
        pid: of the process that runs it, or ran it.
        address: where this computer reaches its server, such as tls://127.0.0.1:7422.
    """

    url: str
    port: int
    pid: int
    address: str


class HubFolder:
    """The folder of one hub; private.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.directory = path / "directory.sqlite"
        self.server = ServerPaths(path)
        self._lock = LifeLock(path / "hub.lock")
        self._place = path / "hub.json"

    def take(self) -> None:
        """Make it, and let no other hub work in it until `release`.

        Raises:
            StorageInUseError: another hub does.
            OSError: the disk.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.name != "nt":
            self.path.chmod(0o700)
        if not self._lock.acquire():
            other = self.place()
            shown = f" (process {other.pid}, port {other.port})" if other else ""
            raise StorageInUseError(
                f"Another hub{shown} works in the folder {self.path}.",
                hint="Use that one (`kachery hub status`), or name another folder with --data.",
                **({"pid": other.pid, "port": other.port} if other else {}),
            )

    def release(self) -> None:
        """Let others work in it; may be called twice."""
        self._lock.release()

    def has_identity(self) -> bool:
        """Whether a hub was made here."""
        return all((self.path / name).exists() for name in (KEYS_FILE, CERTIFICATE_FILE))

    def is_in_use(self) -> bool:
        """Whether a hub works in it."""
        if not self.path.is_dir():
            return False
        is_free = self._lock.acquire()
        self._lock.release()
        return not is_free

    def place(self) -> Place | None:
        """Where the hub is, or was; None if it never ran."""
        try:
            return msgspec.json.decode(read_private(self._place), type=Place)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def write_place(self, place: Place) -> None:
        """Remember where the hub is.

        Raises:
            OSError: the disk.
        """
        write_private(self._place, msgspec.json.encode(place))


@contextlib.contextmanager
def hub_disk_errors(path: Path) -> Iterator[None]:
    """Say in the words of a hub what the operating system says of its folder."""
    try:
        yield
    except KacheryError as problem:
        if isinstance(problem, StorageFullError):
            raise _full(path) from problem
        raise
    except OSError as problem:
        if problem.errno is None:
            raise
        if problem.errno in _FULL:
            raise _full(path) from problem
        raise StorageFailedError(
            f"The hub's folder {path} cannot be used: {problem.strerror}.",
            hint="Name another folder with --data, or change its permissions.",
            path=str(path),
        ) from problem


def _full(path: Path) -> StorageFullError:
    return StorageFullError(
        f"The disk of the hub's folder {path} is full.",
        hint="Free some space there; nothing that was registered is lost.",
        path=str(path),
    )
