"""Content of which the node sends any piece: reading it in one go, or as a file that seeks."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from typing_extensions import override

from kachery_jupyter.client.progress import progress_bar
from kachery_store.reading import checked_range

if TYPE_CHECKING:
    from typing_extensions import Buffer

# The first read asks for little, each read that goes on behind it for twice as much.
_FIRST_PIECE = 64 << 10
LARGEST_PIECE = 4 << 20


class Pieces(ABC):
    """Content that is read by pieces.

    Args:
        name: for people.
        size: bytes.
    """

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size

    @abstractmethod
    def piece(self, start: int, end: int) -> bytes:
        """Bytes [start, end) with one question: as many as were asked for."""

    def read(self, start: int | None = None, end: int | None = None) -> bytes:
        """Bytes [start, end)."""
        first, last = checked_range(self.size, start, end)
        pieces = []
        with progress_bar(last - first, "Fetching") as advance:
            while first < last:
                pieces.append(self.piece(first, min(first + LARGEST_PIECE, last)))
                first += len(pieces[-1])
                if advance is not None:
                    advance(len(pieces[-1]))
        return b"".join(pieces)

    def open(self) -> io.BufferedReader:
        """A seekable file over them."""
        return io.BufferedReader(_RawPieces(self), buffer_size=_FIRST_PIECE)


class _RawPieces(io.RawIOBase):
    """Raw reads; what was read ahead stays in memory."""

    def __init__(self, pieces: Pieces) -> None:
        super().__init__()
        self.name = pieces.name
        self._pieces = pieces
        self._position = 0
        self._ahead_start = 0
        self._ahead = b""
        self._next_size = _FIRST_PIECE // 2

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._pieces.size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._position = base + offset
        return self._position

    @override
    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        if self._position >= self._pieces.size or not len(view):
            return 0
        self._read_ahead(len(view))
        offset = self._position - self._ahead_start
        piece = self._ahead[offset : offset + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _read_ahead(self, wanted: int) -> None:
        """Have the bytes at the position; more of them the longer somebody reads on."""
        end = self._ahead_start + len(self._ahead)
        if self._ahead_start <= self._position < end:
            return
        reads_on = self._position == end
        self._next_size = min(2 * self._next_size, LARGEST_PIECE) if reads_on else _FIRST_PIECE
        size = min(max(wanted, self._next_size), LARGEST_PIECE)
        last = min(self._position + size, self._pieces.size)
        self._ahead = self._pieces.piece(self._position, last)
        self._ahead_start = self._position
