"""Files of the user's, opened for storing, with plain words where that fails."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kachery_core.errors import (
    InvalidPathError,
    PathIsFolderError,
    PathNotFoundError,
    PathUnreadableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def open_source(path: Path) -> Iterator[int]:
    """The open file at a path.

    Raises:
        InvalidPathError: nothing is there, or a folder, or it may not be read (each a subclass).
    """
    descriptor = _open(path)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise _is_folder(path)
        if not stat.S_ISREG(mode):
            raise InvalidPathError(
                f"{path} is not a regular file.", hint="Copy its content to a file."
            )
        yield descriptor
    except OSError as problem:
        if problem.errno is None:
            raise  # one of ours
        raise PathUnreadableError(
            f"The file {path} cannot be read: {problem.strerror}.", hint="Look at its disk."
        ) from problem
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        # Without O_NONBLOCK a named pipe would wait here for ever.
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        return os.open(path, flags)
    except FileNotFoundError as problem:
        raise PathNotFoundError(
            f"There is no file {path}.",
            hint="Check the path; it is relative to the current folder.",
        ) from problem
    except IsADirectoryError as problem:
        raise _is_folder(path) from problem
    except PermissionError as problem:
        if path.is_dir():
            raise _is_folder(path) from problem
        raise PathUnreadableError(
            f"The file {path} may not be read by you.",
            hint="Ask its owner, or change its permissions.",
        ) from problem
    except (OSError, ValueError) as problem:
        raise InvalidPathError(f"{str(path)!r} cannot be opened: {problem}.") from problem


def _is_folder(path: Path) -> PathIsFolderError:
    return PathIsFolderError(f"{path} is a folder.", hint="Use store_dir for a folder.")
