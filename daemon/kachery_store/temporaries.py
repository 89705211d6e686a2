"""Files on their way into a store: made, and swept away once their writer is gone.

As long as it lives, a writer holds the lock of a file that is named as its temporary files begin.
Process ids would not do: programs in two containers may share a storage folder and have the same.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import weakref
from typing import TYPE_CHECKING

from kachery_store.locks import LifeLock

if TYPE_CHECKING:
    from pathlib import Path

_READ_ONLY_FILE = 0o444
_NAME_LENGTH = 16


class _Writer:
    """This process, as those who sweep see it."""

    def __init__(self, writers: Path) -> None:
        self.process = os.getpid()
        while True:
            self.name = secrets.token_hex(_NAME_LENGTH // 2)
            path = writers / self.name
            lock = LifeLock(path)
            # Between its making and its locking somebody may have taken it for a dead one's.
            if lock.acquire() and path.exists():
                break
            lock.release()
        weakref.finalize(self, _end, self.process, path, lock)


class Temporaries:
    """The temporary files of one storage folder.

    Args:
        folder: where they are.
        writers: where the locks of those who write them are.
    """

    def __init__(self, folder: Path, writers: Path) -> None:
        self._folder = folder
        self._writers = writers
        self._writer: _Writer | None = None
        self._turn = threading.Lock()

    def new(self) -> tuple[int, Path]:
        """A new file, open for writing.

        It is made with the mode it will have: changing it later is one more thing to write.
        """
        path = self._folder / f"{self._name()}-{secrets.token_hex(8)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            return os.open(path, flags | getattr(os, "O_CLOEXEC", 0), _READ_ONLY_FILE), path
        except KeyboardInterrupt:  # it comes when the file has been made
            path.unlink(missing_ok=True)
            raise

    def sweep(self) -> int:
        """Remove what dead writers left; the number of files removed."""
        removed = 0
        for path in self._folder.iterdir():
            if not self._is_alive(path.name.partition("-")[0]):
                path.unlink(missing_ok=True)
                removed += 1
        for path in self._writers.iterdir():
            self._is_alive(path.name)
        return removed

    def _name(self) -> str:
        with self._turn:
            # A child made by fork is a writer of its own.
            if self._writer is None or self._writer.process != os.getpid():
                self._writer = _Writer(self._writers)
            return self._writer.name

    def _is_alive(self, writer: str) -> bool:
        """Whether a writer still lives; a dead one's lock is removed."""
        path = self._writers / writer
        if len(writer) != _NAME_LENGTH or not path.is_file():
            return False
        lock = LifeLock(path)
        if not lock.acquire():
            return True
        _end(os.getpid(), path, lock)
        return False


def _end(process: int, path: Path, lock: LifeLock) -> None:
    """Let go; children made by fork have the lock open too, and must leave it to their parent."""
    if process == os.getpid():
        with contextlib.suppress(OSError):
            path.unlink()
    lock.release()
