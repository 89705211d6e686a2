"""Files the user asks for: written beside their place first, so that they are whole or absent."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kachery_core.errors import (
    InvalidPathError,
    PathIsFolderError,
    PathNotFoundError,
    PathUnreadableError,
    StorageFullError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def writing_whole(dest: Path) -> Iterator[int]:
    """An open file that becomes `dest` if the block succeeds, and vanishes if it does not."""
    with path_errors(dest):
        if dest.is_dir():
            raise PathIsFolderError(f"{dest} is a folder.", hint="Name a file in it.")
        temporary = dest.with_name(f".kachery-{secrets.token_hex(8)}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(temporary, flags, 0o666)
        try:
            try:
                yield descriptor
            finally:
                os.close(descriptor)
            os.replace(temporary, dest)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def path_errors(dest: Path) -> Iterator[None]:
    """Say in the user's words what the operating system says of a place to write to."""
    try:
        yield
    except OSError as problem:
        if hasattr(problem, "hint") or problem.errno is None:
            raise
        if problem.errno in _FULL:
            raise StorageFullError(
                f"The disk of {dest} is full.", hint="Free some space."
            ) from problem
        if isinstance(problem, FileNotFoundError):
            raise PathNotFoundError(
                f"The folder of {dest} does not exist.", hint="Make it first."
            ) from problem
        if isinstance(problem, PermissionError):
            raise PathUnreadableError(
                f"{dest} may not be written by you.", hint="Name another place."
            ) from problem
        raise InvalidPathError(f"{dest} cannot be written: {problem.strerror}.") from problem
    except ValueError as problem:
        if hasattr(problem, "hint"):
            raise
        raise InvalidPathError(f"{str(dest)!r} is not a path: {problem}.") from problem
