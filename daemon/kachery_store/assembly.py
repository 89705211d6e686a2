"""Content that arrives chunk by chunk, in any order, perhaps over several runs of a node.

The chunks lie in one sparse file, `.state/downloads/<sha1>.part`. A chunk is verified before it is
written and again before it is read, so nothing needs to be written down about what is there: after
a crash, what is right is found by looking.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import StorageFailedError, TransferCancelledError
from kachery_store.disk import disk_errors, reserve, start_writeback, write_all_at
from kachery_store.folder import seal
from kachery_store.ingest import Ingested
from kachery_store.reading import read_into
from kachery_store.sha1_along import Sha1Along

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kachery_core.manifests import Manifest
    from kachery_store.folder import Folder
    from kachery_store.sha1_along import Release

PARTIAL_SECONDS = 7 * 24 * 3600
_UNKNOWN, _ABSENT, _HERE = 0, 1, 2
# Chunks that are written to the disk together.
_TOGETHER = 8


class Assembly:
    """One content that is being put together. Any thread may use it.

    Args:
        folder: the storage folder.
        manifest: what each chunk must be.

    Raises:
        StorageFullError, StorageReadOnlyError, StorageFailedError: the disk does not take it.
    """

    def __init__(self, folder: Folder, manifest: Manifest) -> None:
        self.manifest = manifest
        self._folder = folder
        self.path = part_path(folder, manifest.sha1)
        self._lock = threading.Condition()
        self._users = 0
        self._is_closed = False
        self._sha1: Sha1Along | None = None
        with disk_errors(self._folder.root):
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            self._descriptor = _open(self.path)
            try:
                is_new = os.fstat(self._descriptor).st_size == 0
                os.ftruncate(self._descriptor, manifest.size)
            except BaseException:
                os.close(self._descriptor)
                raise
        self._states = bytearray([_ABSENT if is_new else _UNKNOWN]) * len(manifest.chunks)

    def reserve(self) -> None:
        """Take room for all of it, so that a full disk is known before anything is fetched."""
        with self._using(), disk_errors(self._folder.root, self.manifest.size):
            reserve(self._descriptor, self.manifest.size)

    def look(self, first: int, last: int) -> list[int]:
        """Which of the chunks [first, last) are here; reads what is not known yet."""
        with self._using():
            buffer = memoryview(bytearray(CHUNK_SIZE))
            for index in range(first, min(last, len(self._states))):
                if self._states[index] == _UNKNOWN:
                    is_right = self._read(index, buffer) is not None
                    self._states[index] = _HERE if is_right else _ABSENT
            return [index for index in range(first, last) if self._states[index] == _HERE]

    def hash_along(self) -> Sha1Along:
        """Begin to compute the SHA-1 of the whole while chunks arrive."""
        with self._lock:
            if self._sha1 is None:
                self._sha1 = Sha1Along(len(self._states), self._reader())
                for index, state in enumerate(self._states):
                    if state == _HERE:
                        self._sha1.found(index)
            return self._sha1

    def put(self, index: int, data: memoryview, release: Release | None = None) -> bool:
        """Take a chunk if it is what the table says; False leaves everything as it was.

        Args:
            index: of the chunk.
            data: its bytes; they must stay as they are until released.
            release: called once nobody needs `data` any more, whatever comes of it.

        Raises:
            TransferCancelledError: it was closed.
            StorageFullError, StorageFailedError: the disk does not take it.
        """
        with contextlib.ExitStack() as leaving:
            if release is not None:
                leaving.callback(release)
            chunk = self.manifest.chunks[index]
            if not chunk.matches(data):
                return False
            with self._using(), disk_errors(self._folder.root, self.manifest.size):
                write_all_at(self._descriptor, data, chunk.start)
                with self._lock:
                    self._states[index] = _HERE
                    sha1 = self._sha1
                self._write_back(index // _TOGETHER * _TOGETHER)
                if sha1 is not None:
                    leaving.pop_all()
                    sha1.arrived(index, data, release)
            return True

    def read(self, start: int, end: int) -> bytes | None:
        """Bytes [start, end), verified; None if some of them are not here (any more)."""
        pieces = []
        buffer = memoryview(bytearray(CHUNK_SIZE))
        with self._using():
            for index in range(start // CHUNK_SIZE, -(-end // CHUNK_SIZE)):
                data = self._read(index, buffer)
                if data is None:
                    self._states[index] = _ABSENT
                    return None
                first = index * CHUNK_SIZE
                pieces.append(bytes(data[max(start - first, 0) : end - first]))
        return b"".join(pieces)

    def sha1(self) -> str:
        """The SHA-1 of the whole, once all chunks are here; waits for it."""
        return self.hash_along().finish()

    def check_disk(self) -> None:
        """Make sure that what was written is what is read.

        Raises:
            StorageFailedError: it is not, for some chunk.
        """
        self._states[:] = bytes([_UNKNOWN]) * len(self._states)
        if len(self.look(0, len(self._states))) < len(self._states):
            raise StorageFailedError(
                f"The disk of the storage folder {self._folder.root} gives back other bytes than"
                " it was given.",
                hint="Look at the disk. What is right of the content is kept.",
                path=str(self.path),
            )

    def finish(self) -> Ingested:
        """Make the file durable; it has no name in the store yet."""
        with self._using(), disk_errors(self._folder.root, self.manifest.size):
            seal(self._descriptor)
            status = os.fstat(self._descriptor)
        return Ingested(self.manifest, self.path, status)

    def changed_to(self, manifest: Manifest) -> Assembly:
        """The same file under another table; what is right under both need not be looked at."""
        known = dict(zip(self.manifest.chunks, self._states, strict=True))
        self.close()
        other = Assembly(self._folder, manifest)
        for index, chunk in enumerate(manifest.chunks):
            other._states[index] = known.get(chunk, _UNKNOWN)
        return other

    def close(self) -> None:
        """Let go of the file, which stays; waits for who is writing. May be called twice."""
        with self._lock:
            self._is_closed = True
            while self._users:
                self._lock.wait()
            sha1 = self._sha1
        if sha1 is not None:
            sha1.close()
        with self._lock:
            descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def remove(self) -> None:
        """Close it and delete what has arrived."""
        self.close()
        with disk_errors(self._folder.root):
            self.path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        """While the block runs, the file stays open."""
        with self._lock:
            if self._is_closed:
                raise TransferCancelledError("This download was given up.")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                self._lock.notify_all()

    def _write_back(self, first: int) -> None:
        """Let the disk begin with some chunks, once all of them are here."""
        last = min(first + _TOGETHER, len(self._states))
        if self._states.count(_HERE, first, last) == last - first:
            chunks = self.manifest.chunks
            start = chunks[first].start
            start_writeback(self._descriptor, start, chunks[last - 1].end - start)

    def _read(self, index: int, buffer: memoryview) -> memoryview | None:
        """A chunk, if it is right."""
        data = self._read_raw(index, buffer)
        return data if self.manifest.chunks[index].matches(data) else None

    def _read_raw(self, index: int, buffer: memoryview) -> memoryview:
        chunk = self.manifest.chunks[index]
        view = buffer[: chunk.end - chunk.start]
        with disk_errors(self._folder.root):
            return view[: read_into(self._descriptor, view, chunk.start)]

    def _reader(self) -> Callable[[int], memoryview]:
        buffer = memoryview(bytearray(CHUNK_SIZE))
        return lambda index: self._read_raw(index, buffer)


def part_path(folder: Folder, sha1: str) -> Path:
    """Where a content is put together."""
    return folder.state / "downloads" / f"{sha1}.part"


def sweep_partials(folder: Folder, older_than_seconds: float = PARTIAL_SECONDS) -> int:
    """Remove what nobody has gone on with for long; the number of files removed."""
    removed = 0
    with contextlib.suppress(FileNotFoundError):  # nothing was ever downloaded
        for path in (folder.state / "downloads").iterdir():
            if time.time() - path.stat().st_mtime > older_than_seconds:
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    try:
        return os.open(path, flags, 0o600)
    except PermissionError:
        path.chmod(0o600)  # it was sealed, and then something ended the node
        return os.open(path, flags, 0o600)
