"""Content as it travels: chunks of 1 MiB, each sealed, the same on the direct path and by the hub.

Only verified bytes are sealed: a chunk's nonce is its index, and two different chunks sealed under
one nonce would tell in which bits they differ. A file is verified if it is as it was when all of it
was hashed, as for everybody who is handed its path; if that is not known, chunk by chunk.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from typing_extensions import Self

from kachery_core.capabilities import content_key, frame_nonce
from kachery_core.digests import CHUNK_SIZE
from kachery_core.sealing import TAG_SIZE, seal_into, unseal_into
from kachery_store.objects import open_held
from kachery_store.reading import read_into

if TYPE_CHECKING:
    from types import TracebackType

    from kachery_store import Store

LARGEST_FRAME = CHUNK_SIZE + TAG_SIZE


class FrameSource(Protocol):
    """The frames of one content, wherever it is; see `Frames`."""

    @property
    def size(self) -> int:
        """Bytes of the content."""
        ...

    @property
    def count(self) -> int:
        """Its frames."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

    def length(self, first: int, last: int) -> int:
        """Bytes of the frames [first, last)."""
        ...

    def fill(self, index: int, buffer: bytearray) -> memoryview:
        """One verified frame, sealed, in a buffer."""
        ...

    def sealed(self, index: int) -> bytes | memoryview:
        """One verified frame, sealed."""
        ...


class Frames:
    """The frames of one content that is held here. Blocking; for one thread at a time.

    Args:
        store: where it is held.
        sha1: of the content.

    Attributes:
        size: bytes of the content.
        count: its frames; even content without bytes has one.

    Raises:
        ContentNotFoundError: it is not here.
        UntrustworthyError: what is here is not what it should be.
    """

    def __init__(self, store: Store, sha1: str) -> None:
        self._objects = store.objects
        self._held = store.objects.get(sha1)
        self._key = content_key(sha1)
        self._leaving = ExitStack()
        self.size = self._held.size
        self.count = max(-(-self.size // CHUNK_SIZE), 1)
        if self.count > 1:
            self._chunks = store.objects.manifest(self._held).chunks
            self._descriptor = self._leaving.enter_context(open_held(self._held))
            known = store.seen.find(os.fstat(self._descriptor))
            self._is_verified = known is not None and known[0] == sha1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.__exit__(kind, problem, trace)

    def length(self, first: int, last: int) -> int:
        """Bytes of the frames [first, last)."""
        return min(last * CHUNK_SIZE, self.size) - first * CHUNK_SIZE + (last - first) * TAG_SIZE

    def fill(self, index: int, buffer: bytearray) -> memoryview:
        """One frame, made in a buffer of `LARGEST_FRAME` bytes.

        Raises:
            ContentDamagedError: the stored bytes are not what their name says.
            LinkedFileChangedError: the linked file is another one now.
        """
        view = memoryview(buffer)
        size = self._read(index, view)
        frame = view[: size + TAG_SIZE]
        seal_into(self._key, frame_nonce(index), view[:size], frame)
        return frame

    def sealed(self, index: int) -> memoryview:
        """One frame, in memory of its own."""
        return self.fill(index, bytearray(LARGEST_FRAME))

    def _read(self, index: int, view: memoryview) -> int:
        """Verified bytes of a chunk, put into a buffer; their number."""
        if self.count == 1:
            data = self._objects.read(self._held)
            view[: len(data)] = data
            return len(data)
        chunk = self._chunks[index]
        room = view[: chunk.end - chunk.start]
        count = read_into(self._descriptor, room, chunk.start)
        if count < len(room) or not (self._is_verified or chunk.matches(room)):
            # Decides whether the file or only its table is wrong, and says so.
            room[:] = self._objects.read_chunk(self._held, self._descriptor, chunk)
        return len(room)


def open_frame(key: bytes, index: int, frame: memoryview) -> memoryview:
    """The bytes in a frame, put in place of it.

    Args:
        key: `content_key` of the content.
        index: of the frame.
        frame: of a writeable buffer.

    Raises:
        BadEnvelopeError: it is not the frame of this content and index.
    """
    data = frame[: max(len(frame) - TAG_SIZE, 0)]
    unseal_into(key, frame_nonce(index), frame, data)
    return data
