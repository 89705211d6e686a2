"""SHA-1 of content whose chunks arrive in any order: hashed in theirs, beside everything else.

A thread of its own follows the chunks from the first on. What has just arrived is taken from
memory; what arrived too early is read again from the file, where it still is in memory as well.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

from kachery_core.errors import StorageFailedError

if TYPE_CHECKING:
    from collections.abc import Callable

    Release = Callable[[], None]
    Read = Callable[[int], memoryview]

# Chunks in memory that wait to be hashed.
_MOST_READY = 8


class Sha1Along:
    """Hashes chunks in their order.

    Args:
        count: how many there are.
        read: reads a chunk from the file; what it returns is used before the next call.
    """

    def __init__(self, count: int, read: Read) -> None:
        self._count = count
        self._read = read
        self._hasher = hashlib.sha1(usedforsecurity=False)
        self._changed = threading.Condition()
        self._here = bytearray(count)
        self._next = 0
        self._reach = 0
        self._ready: dict[int, tuple[memoryview, Release | None]] = {}
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._problem: BaseException | None = None

    def arrived(self, index: int, data: memoryview, release: Release | None = None) -> None:
        """A chunk is in the file.

        Args:
            index: of the chunk.
            data: its bytes; they stay as they are until released.
            release: called once nobody needs `data` any more.
        """
        with self._changed:
            # Only what is hashed without waiting for other chunks may hold a buffer.
            if index == self._reach and not self._is_closed and len(self._ready) < _MOST_READY:
                self._ready[index] = (data, release)
                release = None
            self._mark(index)
        if release is not None:
            release()

    def found(self, index: int) -> None:
        """A chunk was in the file from the beginning."""
        with self._changed:
            self._mark(index)

    def finish(self) -> str:
        """Wait until everything is hashed; the SHA-1, 40 hex digits.

        Raises:
            StorageFailedError: the file could not be read again.
        """
        with self._changed:
            while self._next < self._count and not self._is_closed:
                self._changed.wait()
            if isinstance(self._problem, OSError):
                raise StorageFailedError(
                    f"What was written cannot be read again: {self._problem.strerror}.",
                    hint="Look at the disk, then try again.",
                ) from self._problem
            if self._problem is not None:
                raise self._problem
        return self._hasher.hexdigest()

    def close(self) -> None:
        """Stop; buffers that are waiting are released."""
        self._stop()
        if self._thread is not None:
            self._thread.join()

    def _mark(self, index: int) -> None:
        self._start()
        self._here[index] = 1
        missing = self._here.find(0, self._reach)
        self._reach = missing if missing >= 0 else self._count
        self._changed.notify_all()

    def _stop(self) -> None:
        with self._changed:
            self._is_closed = True
            waiting, self._ready = list(self._ready.values()), {}
            self._changed.notify_all()
        for _, release in waiting:
            if release is not None:
                release()

    def _start(self) -> None:
        if self._thread is None:
            # Made by the thread that brings the first chunk, it is as polite as that one.
            self._thread = threading.Thread(target=self._run, name="kachery-sha1", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            while (step := self._next_step()) is not None:
                data, release = step
                self._hasher.update(data)
                if release is not None:
                    release()
                with self._changed:
                    self._next += 1
                    self._changed.notify_all()
        except BaseException as problem:  # noqa: BLE001 - told by `finish`
            self._problem = problem
            self._stop()

    def _next_step(self) -> tuple[memoryview, Release | None] | None:
        """The next chunk and what to call when it is hashed; None at the end."""
        with self._changed:
            while not self._is_closed and self._next < self._count and self._next >= self._reach:
                self._changed.wait()
            if self._is_closed or self._next >= self._count:
                return None
            step = self._ready.pop(self._next, None)
        return step or (self._read(self._next), None)
