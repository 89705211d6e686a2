"""Secret files: born private, whole or absent, and refused if others may read them."""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING

from kachery_core.errors import KeyUnsafeError
from kachery_store.disk import sync_directory, write_all

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = 0o600


def write_private(path: Path, data: bytes) -> None:
    """Write a file for its owner alone; a power cut leaves the old one or the new one.

    Raises:
        OSError: what the disk says; the old file is still there.
    """
    write_durably(path, data, PRIVATE, path.parent)


def write_durably(
    path: Path, data: bytes, mode: int, workplace: Path, group: int | None = None
) -> None:
    """Write a file that is never readable by more than it should be, and whole or absent.

    Args:
        path: the file; one that is there is replaced in one step.
        data: its content.
        mode: who may read it once it is whole.
        workplace: a private folder on the same disk, where it is written first.
        group: the group it shall belong to; the user's own if None.

    Raises:
        OSError: what the disk says; the old file is still there.
    """
    temporary = workplace / f"{path.name}.{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        try:
            write_all(descriptor, memoryview(data))
            if group is not None:
                os.fchown(descriptor, -1, group)
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def read_private(path: Path) -> bytes:
    """The content of a secret file.

    Raises:
        KeyUnsafeError: others may read it.
        OSError: it is absent, a symbolic link, or not for us.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with open(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name != "nt" and mode & 0o077:
            raise KeyUnsafeError(
                f"The secret file {path} can be read by others (mode {mode:04o}).",
                hint=f"Run `chmod 600 {path}`; if somebody may have read it, delete it instead.",
                path=str(path),
            )
        return file.read()
