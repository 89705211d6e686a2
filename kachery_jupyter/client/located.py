"""Bytes that were found: in the store, in a file of the user's own; how each of them is read."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kachery_jupyter.client.progress import progress_bar
from kachery_store.reading import checked_range
from kachery_store.sources import open_source
from kachery_store.verified_file import open_verified

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_store.objects import Held
    from kachery_store.store import Store

# Below this, reading is over before anybody could look at a bar.
_WORTH_A_BAR = 64 << 20


class Parts(Protocol):
    """Bytes that were found, ready to be read in parts."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self, start: int | None = None, end: int | None = None) -> bytes:
        """Bytes [start, end)."""

    def open(self) -> io.BufferedReader:
        """A seekable file over them."""


class Located(Parts, Protocol):
    """Bytes that are here."""

    def path(self) -> Path:
        """Where they are as a file."""


@dataclass(frozen=True)
class Stored:
    """Content of the store; every byte is verified."""

    store: Store
    held: Held

    @property
    def size(self) -> int:
        """Bytes."""
        return self.held.size

    def read(self, start: int | None = None, end: int | None = None) -> bytes:
        """Bytes [start, end)."""
        if self.held.size < _WORTH_A_BAR or start is not None or end is not None:
            return self.store.objects.read(self.held, start or 0, end)
        return bytes(self.read_whole(bytearray(self.held.size)))

    def read_whole(self, buffer: bytearray | memoryview) -> bytearray | memoryview:
        """All bytes, into memory of the caller's; with a bar if it takes long."""
        view = memoryview(buffer).cast("B")
        done = 0
        with self.open() as file, progress_bar(len(view), "Loading") as advance:
            while count := file.readinto(view[done : done + (1 << 20)]):
                done += count
                if advance is not None:
                    advance(count)
        return buffer

    def path(self) -> Path:
        """Where they are as a file."""
        with progress_bar(self.held.size, "Verifying") as advance:
            return self.store.objects.verified_path(self.held, advance)

    def open(self) -> io.BufferedReader:
        """A seekable file over them."""
        return open_verified(self.store.objects, self.held)


@dataclass(frozen=True)
class PlainFile:
    """A file of the user's own, named by its path."""

    file: Path

    @property
    def size(self) -> int:
        """Bytes."""
        with open_source(self.file) as descriptor:
            return os.fstat(descriptor).st_size

    def read(self, start: int | None = None, end: int | None = None) -> bytes:
        """Bytes [start, end)."""
        with self.open() as file:
            first, last = checked_range(os.fstat(file.fileno()).st_size, start, end)
            file.seek(first)
            return file.read(last - first)

    def path(self) -> Path:
        """Where they are as a file."""
        with open_source(self.file):
            return self.file

    def open(self) -> io.BufferedReader:
        """A seekable file over them."""
        with open_source(self.file) as descriptor:
            return io.BufferedReader(io.FileIO(os.dup(descriptor)))
