"""Whole folders as one URI: storing a tree, listing it, writing it out again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    ContentNotFoundError,
    InvalidPathError,
    InvalidUriError,
    PathNotFoundError,
    PathUnreadableError,
)
from kachery_core.uris import ContentUri, parse_content_uri
from kachery_jupyter.client.connection import current_place
from kachery_jupyter.client.dependencies import note_loaded, note_stored
from kachery_jupyter.client.destinations import path_errors, writing_whole
from kachery_jupyter.client.keeping import (
    checked_name,
    keep_bytes,
    keep_file,
    label,
)
from kachery_jupyter.client.listings import (
    ListedFile,
    Listing,
    check_name,
    decode_listing,
    encode_listing,
    uri_of,
)
from kachery_jupyter.client.locating import bring_all, brought, held_content
from kachery_jupyter.client.progress import progress_bar
from kachery_jupyter.client.storing import file_path
from kachery_store.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kachery_jupyter.client.located import Located
    from kachery_store.store import Label

# Small files of one folder share a wait for the disk; this many bytes of them at a time.
_BATCH_BYTES = 32 << 20
_BATCH_FILES = 1000


def store_dir(path: str | os.PathLike[str], label: str | None = None) -> str:
    """Store a folder with everything in it.

    Files that links point to are stored as files; links that lead back to a folder above are
    refused.

    Args:
        path: the folder.
        label: its name in the URI; its own if left out.

    Returns:
        The URI, such as sha1dir://HASH.label; append /folder/name.txt to load one file of it.

    Raises:
        InvalidPathError: not a folder, or something in it cannot be stored.
    """
    root = file_path(path)
    if not root.is_dir():
        reason = "is not a folder" if root.exists() else "does not exist"
        raise PathNotFoundError(f"{root} {reason}.", hint="Use store_file for a file.")
    name = checked_name(label, root.resolve().name or "folder")
    listing = Listing()
    _Keeper().keep_folder(root, listing)
    sha1 = parse_content_uri(keep_bytes(encode_listing(listing), name, "folder")).sha1
    return note_stored(str(ContentUri(sha1, name, is_folder=True)))


def list_dir(
    uri: str, *, channel: str | None = None, local_only: bool = False
) -> dict[str, str] | None:
    """The files of a stored folder: relative path to URI; None if nobody has the folder.

    Args:
        uri: of the folder.
        channel: the only channel to ask if it is not here; by default all that may be asked.
        local_only: ask nobody.
    """
    listing = _load_listing(uri, channel, local_only=local_only)
    return None if listing is None else {path: uri_of(path, file) for path, file in listing.walk()}


def load_dir(
    uri: str,
    dest: str | os.PathLike[str],
    *,
    channel: str | None = None,
    local_only: bool = False,
) -> str | None:
    """Write a stored folder to disk, every file verified, each whole or absent.

    Args:
        uri: of the folder.
        dest: the folder to write to; made if missing. Files there stay, and one that differs from
            what should be written is an error before anything is written.
        channel: the only channel to ask for what is not here; by default all that may be asked.
        local_only: ask nobody.

    Returns:
        `dest`, or None if nobody has the folder.

    Raises:
        ContentNotFoundError: nobody has a file of the folder; nothing was written.
        InvalidPathError: another file is in the way; nothing was written.
        HubUnreachableError, RoleMissingError: see `load_text`.
    """
    listing = _load_listing(uri, channel, local_only=local_only)
    if listing is None:
        return None
    root = file_path(dest)
    if not local_only:
        files = [
            ContentUri(file.sha1, path.rpartition("/")[2], file.manifest or None)
            for path, file in listing.walk()
        ]
        bring_all(list(dict.fromkeys(files)), channel, root.name)
    planned = [(root / path, _here(path, file)) for path, file in listing.walk()]
    missing = [(target, content) for target, content in planned if not _is_there(target, content)]
    with path_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        for folder in listing.walk_folders():
            (root / folder).mkdir(exist_ok=True)
    total = sum(content.size for _, content in missing)
    with progress_bar(total, f"Loading {root.name}") as advance:
        for target, content in missing:
            _write(target, content, advance)
    return str(root)


class _Keeper:
    """Stores a tree, small files in batches."""

    def __init__(self) -> None:
        self._place = current_place()
        self._batch: list[tuple[Listing, str, bytes]] = []
        self._batch_bytes = 0

    def keep_folder(self, root: Path, listing: Listing) -> None:
        """Store everything below a folder, and list it."""
        self._walk(root, listing, (os.path.realpath(root),))
        self._flush()

    def _walk(self, folder: Path, listing: Listing, above: tuple[str, ...]) -> None:
        for entry in _entries(folder):
            check_name(entry.name, str(folder))
            path = folder / entry.name
            if entry.is_dir():
                real = os.path.realpath(path)
                if real in above:
                    raise InvalidPathError(
                        f"{path} is a link to a folder above it, so it has no end.",
                        hint="Remove the link.",
                    )
                below = listing.folders[entry.name] = Listing()
                self._walk(path, below, (*above, real))
            else:
                self._keep(path, listing)

    def _keep(self, path: Path, listing: Listing) -> None:
        with open_source(path) as source:
            is_small = os.fstat(source).st_size <= CHUNK_SIZE
            data = os.read(source, CHUNK_SIZE + 1) if is_small else b""
        if self._place.guest_of is not None or not is_small or len(data) > CHUNK_SIZE:
            content = keep_file(path, path.name)
            listing.files[path.name] = ListedFile(content.sha1, content.size, content.manifest)
            return
        self._batch.append((listing, path.name, data))
        self._batch_bytes += len(data)
        if self._batch_bytes > _BATCH_BYTES or len(self._batch) >= _BATCH_FILES:
            self._flush()

    def _flush(self) -> None:
        items: list[tuple[bytes, Label]] = [
            (data, label(name, "file")) for _, name, data in self._batch
        ]
        contents = self._place.store.add_many(items) if items else []
        for (listing, name, _), content in zip(self._batch, contents, strict=True):
            listing.files[name] = ListedFile(content.sha1, content.size)
        self._batch, self._batch_bytes = [], 0


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError as problem:
        raise PathUnreadableError(
            f"The folder {folder} may not be read by you.", hint="Change its permissions."
        ) from problem


def _load_listing(uri: Any, channel: str | None, *, local_only: bool) -> Listing | None:
    parts = parse_content_uri(uri)
    if not parts.is_folder:
        raise InvalidUriError(
            f"{uri!r} is the URI of a file.", hint="That of a folder begins with sha1dir://."
        )
    content = held_content(parts.sha1)
    if content is None and not local_only:
        content = brought(ContentUri(parts.sha1, parts.name), channel)
    if content is None:
        return None
    note_loaded(uri)
    listing = decode_listing(content.read())
    for name in parts.path:
        if name not in listing.folders:
            raise ContentNotFoundError(
                f"The folder {parts.sha1} has no folder {name!r}.",
                hint="list_dir shows what it has.",
            )
        listing = listing.folders[name]
    return listing


def _here(path: str, file: ListedFile) -> Located:
    content = held_content(file.sha1)
    if content is None:
        raise ContentNotFoundError(
            f"The file {path!r} of this folder is neither here nor on the channels;"
            " nothing was written.",
            hint="Load it from where the folder was stored; `kc.explain` says where was looked.",
            sha1=file.sha1,
            path=path,
        )
    return content


def _is_there(target: Path, content: Located) -> bool:
    """Whether the file is at its place already; another one there is an error."""
    if not os.path.lexists(target):
        return False
    if target.is_file() and target.stat().st_size == content.size:
        with target.open("rb") as found, content.open() as wanted:
            if all(mine == theirs for mine, theirs in _side_by_side(found, wanted)):
                return True
    raise InvalidPathError(
        f"{target} is there already and is another file; nothing was written.",
        hint="Load into an empty folder, or move that file away.",
    )


def _side_by_side(first: Any, second: Any) -> Iterator[tuple[bytes, bytes]]:
    while True:
        pair = first.read(CHUNK_SIZE), second.read(CHUNK_SIZE)
        yield pair
        if not any(pair):
            return


def _write(target: Path, content: Located, advance: Callable[[int], None] | None) -> None:
    with writing_whole(target) as descriptor, content.open() as source:
        while piece := source.read(CHUNK_SIZE):
            view = memoryview(piece)
            while view:
                view = view[os.write(descriptor, view) :]
            if advance is not None:
                advance(len(piece))
