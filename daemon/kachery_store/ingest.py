"""One content on its way into the store: hashed twice, written and synced in a single pass.

SHA-1 runs in a thread of its own; this thread writes and computes BLAKE3. Both take about as
long, so storing costs what SHA-1 alone costs. The bytes hashed are the bytes written, whatever
happens to the source meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blake3 import blake3

from kachery_core.digests import CHUNK_SIZE
from kachery_core.manifests import Manifest, make_manifest
from kachery_store.disk import (
    clone,
    disk_errors,
    free_bytes,
    reserve,
    start_writeback,
    storage_full,
    write_all,
)
from kachery_store.folder import Folder, seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Buffers between the two threads: enough to ride out a slow write, small beside any array.
_BUFFERS = 16


@dataclass(frozen=True)
class Ingested:
    """A finished temporary file and everything known of its bytes."""

    manifest: Manifest
    temporary: Path
    status: os.stat_result


class _Sha1Thread:
    """Hashes buffers in the order given."""

    def __init__(self) -> None:
        self._hasher = hashlib.sha1(usedforsecurity=False)
        # Simple queues, because an interrupt (Ctrl-C) inside queue.Queue may leave it locked.
        self._queue: queue.SimpleQueue[tuple[memoryview, Callable[[], None] | None] | None] = (
            queue.SimpleQueue()
        )
        self._room: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(_BUFFERS):
            self._room.put(None)
        self._thread: threading.Thread | None = None

    def update(self, data: memoryview, release: Callable[[], None] | None) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="kachery-sha1", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as problem:
                # Ctrl-C inside `start` comes out as a lock that was not held.
                if isinstance(problem.__context__, KeyboardInterrupt):
                    raise problem.__context__ from None
                raise
        self._room.get()
        self._queue.put((data, release))

    def finish(self) -> str:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        return self._hasher.hexdigest()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            data, release = item
            self._hasher.update(data)
            self._room.put(None)
            if release is not None:
                release()


class Ingest:
    """Takes the bytes of one content; finish it or abort it.

    Args:
        folder: the storage folder.
        size: bytes to come, if known; room for them is taken at once.

    Raises:
        StorageFullError: there is no room.
        StorageReadOnlyError: the storage folder cannot be written.
    """

    def __init__(self, folder: Folder, size: int | None = None) -> None:
        self._folder = folder
        self._announced = size
        self._sha1 = _Sha1Thread()
        self._chunk = blake3()
        self._digests: list[str] = []
        self._size = 0
        self._is_cloned = False
        if size is not None and size > free_bytes(folder.root):
            raise storage_full(folder.root, size)
        with disk_errors(folder.root, size):
            self._descriptor, self.temporary = folder.new_temporary()
        try:
            with disk_errors(folder.root, size):
                reserve(self._descriptor, size or 0)
        except BaseException:
            self.abort()
            raise

    def clone_from(self, source: int) -> bool:
        """Share the blocks of an open file; then `write` only hashes. False if not possible."""
        self._is_cloned = clone(source, self._descriptor)
        return self._is_cloned

    def write(self, data: memoryview, release: Callable[[], None] | None = None) -> None:
        """Take the next bytes, any number of them.

        Args:
            data: bytes, shape (n,); they must stay as they are until released.
            release: called once nobody needs `data` any more; without it, `finish` is that moment.
        """
        size = len(data)
        self._sha1.update(data, release)
        if not self._is_cloned:
            with disk_errors(self._folder.root, self._announced):
                write_all(self._descriptor, data)
        self._digest_chunks(data)
        if not self._is_cloned:
            start_writeback(self._descriptor, self._size, size)
        self._size += size

    def finish(self) -> Ingested:
        """Make the temporary file durable; it has no name in the store yet."""
        sha1 = self._sha1.finish()
        if self._size % CHUNK_SIZE:
            self._digests.append(self._chunk.hexdigest())
        try:
            with disk_errors(self._folder.root, self._size):
                os.ftruncate(self._descriptor, self._size)
                seal(self._descriptor)
                status = os.fstat(self._descriptor)
        except BaseException:
            self.abort()
            raise
        self._close()
        return Ingested(make_manifest(sha1, self._size, self._digests), self.temporary, status)

    def abort(self) -> None:
        """Leave nothing behind; may follow `finish`."""
        try:
            # Interrupted while it was starting, the thread cannot be joined; it ends by itself.
            with suppress(RuntimeError):
                self._sha1.finish()
        finally:
            self._close()
            self.temporary.unlink(missing_ok=True)

    def _close(self) -> None:
        # Forgotten first: closed twice, it might be another file by then.
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _digest_chunks(self, data: memoryview) -> None:
        """BLAKE3 of each 1 MiB chunk, wherever the pieces given happen to end."""
        filled = self._size % CHUNK_SIZE
        while data:
            piece = data[: CHUNK_SIZE - filled]
            data = data[len(piece) :]
            self._chunk.update(piece)
            filled += len(piece)
            if filled == CHUNK_SIZE:
                self._digests.append(self._chunk.hexdigest())
                self._chunk = blake3()
                filled = 0
