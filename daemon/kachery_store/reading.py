"""Reading files of a store at the level of descriptors, with its errors."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE, blake3_hex
from kachery_core.errors import InvalidRangeError, StorageFailedError
from kachery_core.manifests import Manifest, make_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def open_readable(path: Path) -> Iterator[int]:
    """The open file at a path of the store.

    Raises:
        FileNotFoundError: nothing is there.
        StorageFailedError: it cannot be read.
    """
    try:
        # Without O_NONBLOCK a named pipe would wait here for ever.
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise unreadable(path, problem) from problem
    try:
        yield descriptor
    except OSError as problem:
        if problem.errno is None:
            raise  # one of ours
        raise unreadable(path, problem) from problem
    finally:
        os.close(descriptor)


def checked_range(size: int, start: int | None, end: int | None) -> tuple[int, int]:
    """A byte range within content of this size; None stands for its beginning and end.

    Raises:
        InvalidRangeError: negative, reversed, or beyond the end.
    """
    first = 0 if start is None else start
    last = size if end is None else end
    if not 0 <= first <= last <= size:
        raise InvalidRangeError(
            f"Bytes {start} to {end} are not within content of {size} bytes.",
            hint=f"Use 0 <= start <= end <= {size}.",
            size=size,
        )
    return first, last


def hash_file(descriptor: int, progress: Callable[[int], None] | None = None) -> Manifest:
    """The SHA-1 and chunk table of an open file."""
    sha1 = hashlib.sha1(usedforsecurity=False)
    digests = []
    size = 0
    buffer = memoryview(bytearray(CHUNK_SIZE))
    while count := read_into(descriptor, buffer, size):
        sha1.update(buffer[:count])
        digests.append(blake3_hex(buffer[:count]))
        size += count
        if progress is not None:
            progress(count)
    return make_manifest(sha1.hexdigest(), size, digests)


def read_at(descriptor: int, start: int, end: int) -> bytes:
    """Bytes [start, end) of an open file; fewer if it is shorter."""
    buffer = bytearray(end - start)
    count = read_into(descriptor, memoryview(buffer), start)
    return bytes(buffer) if count == len(buffer) else bytes(buffer[:count])


def read_into(descriptor: int, view: memoryview, offset: int) -> int:
    """Fill a buffer from an open file; the number of bytes read, fewer only at its end."""
    if not hasattr(os, "preadv"):
        os.lseek(descriptor, offset, os.SEEK_SET)
    filled = 0
    while filled < len(view):
        if hasattr(os, "preadv"):
            count = os.preadv(descriptor, [view[filled:]], offset + filled)
        else:
            piece = os.read(descriptor, len(view) - filled)
            count = len(piece)
            view[filled : filled + count] = piece
        if count == 0:
            break
        filled += count
    return filled


def unreadable(path: Path, problem: OSError) -> StorageFailedError:
    """The error for a file of the store that cannot be read."""
    return StorageFailedError(
        f"{path} cannot be read: {problem.strerror}.",
        hint="Look at its permissions and at the disk.",
        path=str(path),
    )
