"""The files of logs: opened when they are used, closed again when there are too many.

A node writes any number of subfeeds, and a process may have a thousand files open. Of a file that
is closed for a while nothing is forgotten but its descriptor, so opening it again costs no check.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING

from kachery_core.errors import StorageFailedError
from kachery_store.disk import disk_errors

if TYPE_CHECKING:
    from pathlib import Path

_MOST, _FEWEST = 512, 16
_FLAGS = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class OpenFiles:
    """The log files that are open; any number of threads.

    Args:
        most: how many may be open that nobody uses just now.
    """

    def __init__(self, most: int) -> None:
        self.lock = threading.Lock()
        self._most = most
        self._files: OrderedDict[LogFile, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._files)

    def use(self, file: LogFile) -> None:
        """Note that a file is used now; close those that were not for the longest time."""
        self._files[file] = None
        self._files.move_to_end(file)
        if len(self._files) > self._most:
            idle = (one for one in self._files if one.is_idle)
            for one in list(islice(idle, len(self._files) - self._most)):
                one.shut()

    def forget(self, file: LogFile) -> None:
        """A file is closed now."""
        self._files.pop(file, None)


class LogFile:
    """One file, open or not.

    Args:
        path: where it is.
        files: those that are open.
    """

    def __init__(self, path: Path, files: OpenFiles | None = None) -> None:
        self.path = path
        self._files = _open_files if files is None else files
        self._descriptor = -1
        self._users = 0
        self._is_closed = False
        self._identity: tuple[int, int] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody uses it just now."""
        return not self._users

    def acquire(self, *, is_new: bool = False) -> int:
        """Its descriptor, good until `release`; a new file is made if there is none.

        Raises:
            StorageFailedError: it was closed for good, or is another file than before.
        """
        with self._files.lock:
            if self._is_closed:
                raise StorageFailedError(
                    f"The log {self.path} is not open any more.", hint="Try again."
                )
            if self._descriptor < 0:
                self._open(os.O_CREAT if is_new else 0)
            self._users += 1
            self._files.use(self)
            return self._descriptor

    def release(self) -> None:
        """The descriptor is not used any more."""
        with self._files.lock:
            self._users -= 1
            if self._is_closed and not self._users:
                self.shut()

    def close(self) -> None:
        """Close it for good, as soon as nobody uses it."""
        with self._files.lock:
            self._is_closed = True
            if not self._users:
                self.shut()

    def shut(self) -> None:
        """Close the descriptor; the caller holds the lock and knows that nobody uses it."""
        self._files.forget(self)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self, more_flags: int) -> None:
        with disk_errors(self.path.parent):
            descriptor = os.open(self.path, _FLAGS | more_flags, 0o600)
        found = os.fstat(descriptor)
        identity = (found.st_dev, found.st_ino)
        if self._identity not in (None, identity):
            os.close(descriptor)
            raise StorageFailedError(
                f"The log {self.path} was replaced while the node was using it.",
                hint="Stop the node before anything in its folder is restored.",
            )
        self._descriptor, self._identity = descriptor, identity


def _most_open() -> int:
    """A quarter of what this process may open: connections, contents and databases need some."""
    if sys.platform == "win32":
        return _MOST
    import resource  # noqa: PLC0415 - not on Windows

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return _MOST
    return max(_FEWEST, min(_MOST, allowed // 4))


_open_files = OpenFiles(_most_open())
