"""Locks between processes; the kernel frees them when a process dies."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# So long, those who come let somebody go first who waits to be alone. No longer: who holds the
# lock and asks for it once more would otherwise wait for ever for the one that waits for it.
_COURTESY_SECONDS = 1.0
_PAUSE_SECONDS = 0.002


@contextmanager
def shared_lock(path: Path) -> Iterator[None]:
    """Hold a lock together with others; waits while somebody holds it alone."""
    _let_go_first(path)
    descriptor = _open(path)
    try:
        _lock(descriptor, exclusive=False, wait=True)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold a lock alone; waits for all others to let go, and who comes later waits meanwhile."""
    descriptor = _open(path)
    try:
        queue = _open(_queue(path))
        try:
            _lock(queue, exclusive=True, wait=True)
            _lock(descriptor, exclusive=True, wait=True)
        finally:
            os.close(queue)
        yield
    finally:
        os.close(descriptor)


class LifeLock:
    """A lock that one process holds as long as it lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False if another process has it."""
        descriptor = _open(self._path)
        if not _lock(descriptor, exclusive=True, wait=False):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go; may be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _queue(path: Path) -> Path:
    """Held by whoever waits to be alone."""
    return Path(f"{path}.queue")


def _let_go_first(path: Path) -> None:
    """Wait while somebody waits to be alone, for a bounded time."""
    queue = _open(_queue(path))
    try:
        end = time.monotonic() + _COURTESY_SECONDS
        while not _lock(queue, exclusive=False, wait=False) and time.monotonic() < end:
            time.sleep(_PAUSE_SECONDS)
    finally:
        os.close(queue)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)


def _lock(descriptor: int, *, exclusive: bool, wait: bool) -> bool:
    if os.name == "nt":
        return _lock_on_windows(descriptor, wait=wait)
    import fcntl  # noqa: PLC0415 - not on Windows

    mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, mode if wait else mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_on_windows(descriptor: int, *, wait: bool) -> bool:
    """Windows has no shared lock here, so everybody waits for everybody."""
    import msvcrt  # noqa: PLC0415 - only on Windows

    locking = getattr(msvcrt, "locking")  # noqa: B009 - absent from the types elsewhere
    mode = getattr(msvcrt, "LK_LOCK" if wait else "LK_NBLCK")
    try:
        locking(descriptor, mode, 1)
    except OSError:
        return False
    return True
