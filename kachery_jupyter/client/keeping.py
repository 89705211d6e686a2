"""Where stored bytes go: into the storage folder, or, for guests of a shared node, to that node."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kachery_core.digests import CHUNK_SIZE, json_bytes
from kachery_core.errors import InvalidInputError, InvalidPathError, OwnerOnlyError
from kachery_core.uris import ContentUri
from kachery_jupyter.client.connection import current_place
from kachery_jupyter.client.dependencies import note_stored
from kachery_jupyter.client.node import wrong_daemon
from kachery_jupyter.client.origins import origin
from kachery_jupyter.client.progress import progress_bar
from kachery_store.sources import open_source
from kachery_store.store import Content, Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kachery_jupyter.client.connection import Node

_LONGEST_NAME = 255


def label(name: str, kind: str) -> Label:
    """What the catalog will say of a content."""
    return Label(name, kind, origin())


def checked_name(basename: Any, default: str) -> str:
    """The name to put into the URI.

    Raises:
        InvalidInputError: it is a path, or cannot be written in a URI.
    """
    if basename is None:
        return default
    if not isinstance(basename, str) or not basename:
        raise InvalidInputError(
            f"A basename is text, and this is {basename!r}.",
            hint="Leave it out, or use 'name.txt'.",
        )
    if set(basename) & set("/\\\0") or basename in (".", ".."):
        raise InvalidInputError(
            f"The basename {basename!r} is a path, and a URI has room for a name only.",
            hint="Use what follows the last slash.",
        )
    try:
        size = len(basename.encode("utf-8"))
    except UnicodeEncodeError as problem:
        raise InvalidInputError(f"The basename {basename!r} is not text.") from problem
    if size > _LONGEST_NAME:
        raise InvalidInputError(
            f"The basename has {size} bytes.", hint=f"Use {_LONGEST_NAME} at most."
        )
    return basename


def keep_bytes(data: bytes | memoryview, name: str, kind: str) -> str:
    """Store bytes; their URI."""
    if len(data) > CHUNK_SIZE:
        return keep_buffers([memoryview(data)], len(data), name, kind)
    place = current_place()
    if place.guest_of is not None:
        return _send(place.guest_of, [memoryview(data)], len(data), label(name, kind))
    return uri_of_content(place.store.add_bytes(data, label(name, kind)), name)


def keep_buffers(buffers: Iterable[memoryview], size: int, name: str, kind: str) -> str:
    """Store the bytes of buffers, one after the other, without copying them; their URI."""
    place = current_place()
    with progress_bar(size, f"Storing {name}") as advance:
        if place.guest_of is not None:
            pieces = _cut(buffers)
            return _send(place.guest_of, pieces, size, label(name, kind), advance)
        content = place.store.add_buffers(buffers, size, label(name, kind), advance)
        return uri_of_content(content, name)


def keep_file(path: Path, name: str) -> Content:
    """Store a copy of a file."""
    place = current_place()
    with open_source(path) as source:
        size = os.fstat(source).st_size
    with progress_bar(size, f"Storing {name}") as advance:
        if place.guest_of is None:
            return place.store.add_file(path, label(name, "file"), advance)
        with open_source(path) as source:
            pieces = _read_pieces(source, size, path)
            return _sent(place.guest_of, pieces, size, label(name, "file"), advance)


def keep_link(path: Path, name: str) -> Content:
    """Make a file loadable where it is.

    Raises:
        OwnerOnlyError: the storage folder is somebody else's.
    """
    place = current_place()
    if place.guest_of is not None:
        raise OwnerOnlyError(
            "Only the owner of a node may link files into it.",
            hint="Use store_file to send a copy.",
        )
    with open_source(path) as source:
        size = os.fstat(source).st_size
    with progress_bar(size, f"Linking {name}") as advance:
        return place.store.link_file(path, label(name, "link"), advance)


def uri_of_content(content: Content, name: str) -> str:
    """The URI of what was stored."""
    return note_stored(str(ContentUri(content.sha1, name, content.manifest or None)))


def _send(
    node: Node, pieces: Iterable[memoryview], size: int, sent: Label, advance: Any = None
) -> str:
    return uri_of_content(_sent(node, pieces, size, sent, advance), sent.name)


def _sent(
    node: Node, pieces: Iterable[memoryview], size: int, sent: Label, advance: Any = None
) -> Content:
    """Send bytes to the node of somebody else, and check what it says it got."""
    hasher = hashlib.sha1(usedforsecurity=False)

    def hashed() -> Iterator[memoryview]:
        for piece in pieces:
            hasher.update(piece)
            yield piece
            if advance is not None:
                advance(len(piece))

    path = f"/files?name={quote(sent.name, safe='')}&kind={sent.kind}"
    headers = {"Kachery-Origin": json_bytes(sent.origin).decode()}
    answer = node.door.upload(path, hashed(), size, headers)
    if not isinstance(answer, dict) or answer.get("sha1") != hasher.hexdigest():
        raise wrong_daemon(node.door.port, "it stored something else than it was sent")
    return Content(answer["sha1"], size, str(answer.get("manifest") or ""))


def _cut(buffers: Iterable[memoryview]) -> Iterator[memoryview]:
    for buffer in buffers:
        view = buffer.cast("B")
        for start in range(0, len(view), CHUNK_SIZE):
            yield view[start : start + CHUNK_SIZE]


def _read_pieces(source: int, size: int, path: Path) -> Iterator[memoryview]:
    left = size
    while left:
        piece = os.read(source, min(left, CHUNK_SIZE))
        if not piece:
            raise InvalidPathError(
                f"{path} became shorter while it was stored.",
                hint="Store it when nobody writes to it.",
            )
        left -= len(piece)
        yield memoryview(piece)
