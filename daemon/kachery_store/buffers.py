"""Bringing bytes to an ingest through a few buffers that are used again and again.

What is hashed and what is written is the same buffer, so a source that changes meanwhile cannot
be stored under a name that is not its own.
"""

from __future__ import annotations

import functools
import queue
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kachery_store.ingest import Ingest

# More than the queue between the two threads holds, so that reading never waits for a buffer.
_BUFFERS = 20


def pump(
    ingest: Ingest,
    fill: Callable[[bytearray], int],
    progress: Callable[[int], None] | None = None,
) -> None:
    """Hand everything a source has to an ingest.

    Args:
        ingest: takes the bytes.
        fill: puts the next bytes into a buffer of one chunk; their number, 0 at the end.
        progress: called with the number of bytes handed over since the last call.
    """
    free: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
    made = 0
    while True:
        if made < _BUFFERS and free.empty():
            buffer = bytearray(CHUNK_SIZE)
            made += 1
        else:
            buffer = free.get()
        count = fill(buffer)
        if not count:
            return
        ingest.write(memoryview(buffer)[:count], functools.partial(free.put, buffer))
        if progress is not None:
            progress(count)


def copier(buffers: Iterable[memoryview]) -> Callable[[bytearray], int]:
    """Fills a buffer from memory, again and again, until everything was copied once."""
    pieces = (
        view[start : start + CHUNK_SIZE]
        for buffer in buffers
        for view in (buffer.cast("B"),)
        for start in range(0, len(view), CHUNK_SIZE)
    )

    def fill(target: bytearray) -> int:
        piece = next(pieces, None)
        if piece is None:
            return 0
        target[: len(piece)] = piece
        return len(piece)

    return fill
