"""From what the user names, a URI or a path, to the bytes behind it."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from kachery_core.errors import (
    InvalidInputError,
    InvalidUriError,
    PathIsFolderError,
    PathNotFoundError,
)
from kachery_core.uris import ContentUri, is_content_uri, parse_content_uri
from kachery_jupyter.client.connection import current_place
from kachery_jupyter.client.listings import decode_listing, find_file
from kachery_jupyter.client.progress import progress_bar
from kachery_store.reading import checked_range
from kachery_store.sources import open_source
from kachery_store.verified_file import open_verified

if TYPE_CHECKING:
    from kachery_store.objects import Held
    from kachery_store.store import Store

# Below this, reading is over before anybody could look at a bar.
_WORTH_A_BAR = 64 << 20


class Located(Protocol):
    """Bytes that were found, ready to be read."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self, start: int | None = None, end: int | None = None) -> bytes:
        """Bytes [start, end)."""

    def path(self) -> Path:
        """Where they are as a file."""

    def open(self) -> io.BufferedReader:
        """A seekable file over them."""


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
        self.store.note_use(self.held.sha1)
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
        self.store.note_use(self.held.sha1)
        with progress_bar(self.held.size, "Verifying") as advance:
            return self.store.objects.verified_path(self.held, advance)

    def open(self) -> io.BufferedReader:
        """A seekable file over them."""
        self.store.note_use(self.held.sha1)
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


def locate(uri: Any, *, channel: str | None = None, local_only: bool = False) -> Located | None:  # noqa: ARG001 - for nodes with channels
    """Find what a URI or a path names; None if the content of a URI is not here.

    Raises:
        InvalidUriError: neither a URI nor a path.
        PathNotFoundError: a path with nothing there.
    """
    if isinstance(uri, str) and is_content_uri(uri):
        return locate_content(parse_content_uri(uri))
    return PlainFile(_path_of(uri))


def locate_content(parts: ContentUri) -> Stored | None:
    """Find the content of a URI."""
    store = current_place().store
    sha1 = parts.sha1
    if parts.is_folder:
        if not parts.path:
            raise PathIsFolderError(
                f"{parts} is a folder.",
                hint="Use load_dir or list_dir, or add a file's path to the URI.",
            )
        listing = store.objects.find(sha1)
        if listing is None:
            return None
        sha1 = find_file(decode_listing(store.objects.read(listing)), parts).sha1
    held = store.objects.find(sha1)
    return None if held is None else Stored(store, held)


def content_uri(uri: Any) -> ContentUri:
    """The parts of what must be a URI of content.

    Raises:
        InvalidUriError: it is not one.
    """
    parts = parse_content_uri(uri)
    if parts.is_folder and parts.path:
        raise InvalidUriError(
            f"{uri!r} names a file in a folder.", hint="Use list_dir for its own URI."
        )
    return parts


def _path_of(uri: Any) -> Path:
    if isinstance(uri, os.PathLike):
        return Path(uri)
    if not isinstance(uri, str) or not uri or "://" in uri or uri.lower().startswith("sha1"):
        # Raises what is wrong with it, unless it is a file that looks like a URI.
        if isinstance(uri, str) and uri and os.path.exists(uri):
            return Path(uri)
        parse_content_uri(uri)
        raise InvalidInputError(f"{uri!r} cannot be loaded.")
    path = Path(uri)
    if "\0" not in uri and not path.exists() and not path.is_symlink():
        raise PathNotFoundError(
            f"There is no file {uri!r}, and it is not a kachery URI either.",
            hint="A URI looks like sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt",
        )
    return path


def copy_whole(source: BinaryIO, dest: Path, size: int) -> None:
    """Copy to a path so that the file there is whole or as it was before.

    Raises:
        PathIsFolderError, PathNotFoundError, InvalidPathError: it cannot be written there.
    """
    from kachery_jupyter.client.destinations import writing_whole  # noqa: PLC0415 - rarely needed

    with writing_whole(dest) as descriptor, progress_bar(size, "Copying") as advance:
        while piece := source.read(1 << 20):
            view = memoryview(piece)
            while view:
                view = view[os.write(descriptor, view) :]
            if advance is not None:
                advance(len(piece))
