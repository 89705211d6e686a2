"""A seekable file object over held content; each chunk is verified before it is read from."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE
from kachery_store.objects import open_held

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from kachery_store.objects import Held, Objects


class _VerifiedChunks(io.RawIOBase):
    """Raw reads that never cross a chunk; the last chunk stays in memory."""

    def __init__(self, objects: Objects, held: Held) -> None:
        super().__init__()
        self.name = str(held.path)
        self._objects = objects
        self._held = held
        self._position = 0
        self._chunk_start = -1
        self._chunk = b""
        with open_held(held) as descriptor:
            # Ours to keep: the content may be removed while this file is open.
            self._descriptor = os.dup(descriptor)
        if held.size <= CHUNK_SIZE:
            self._chunk, self._chunk_start = objects.read(held), 0
        else:
            # Ours to keep as well, for the same reason.
            self._manifest = objects.manifest(held)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._held.size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        if self._position >= self._held.size or not len(view):
            return 0
        self._load_chunk(self._position)
        offset = self._position - self._chunk_start
        piece = self._chunk[offset : offset + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def _load_chunk(self, position: int) -> None:
        if self._chunk_start <= position < self._chunk_start + len(self._chunk):
            return
        (chunk,) = self._manifest.covering(position, position + 1)
        self._chunk = self._objects.read_chunk(self._held, self._descriptor, chunk)
        self._chunk_start = chunk.start


def open_verified(objects: Objects, held: Held) -> io.BufferedReader:
    """Held content as a binary file: read, seek, tell; every byte verified."""
    return io.BufferedReader(_VerifiedChunks(objects, held), buffer_size=64 * 1024)
