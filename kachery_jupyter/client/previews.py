"""How a content looks, without loading it: bounded in time and memory, whatever is in it.

Only what is here is looked at, and only the verified chunks that are needed; nothing is fetched.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kachery_core.digests import is_sha1
from kachery_core.errors import ContentNotFoundError, KacheryError, MalformedContentError
from kachery_core.uris import ContentUri, parse_content_uri
from kachery_jupyter.client.listings import decode_listing, uri_of
from kachery_jupyter.client.located import PlainFile
from kachery_jupyter.client.locating import held_content, locate_content
from kachery_jupyter.client.previews_forms import (
    BytesPreview,
    FolderPreview,
    ImagePreview,
    JsonPreview,
    Preview,
)
from kachery_jupyter.client.previews_images import HEAD_ROOM, MOST_PIXELS, picture_size
from kachery_jupyter.client.previews_text import (
    JSON_BYTES,
    json_preview,
    shortened,
    table_preview,
    text_preview,
)
from kachery_jupyter.client.storing import file_path

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from kachery_jupyter.client.located import Located

_NPY = b"\x93NUMPY"
_HEX_BYTES = 256
_LONGEST_LISTING = 8 << 20
_MOST_FILES = 200
_LONGEST_PICKLE = 1 << 20
_KINDS = {
    ".csv": "table",
    ".geojson": "json",
    ".ipynb": "json",
    ".json": "json",
    ".npy": "npy",
    ".pickle": "pkl",
    ".pkl": "pkl",
    ".tab": "table",
    ".tsv": "table",
}


def preview(uri: str | os.PathLike[str], name: str = "", kind: str = "") -> Preview:
    """How a content looks.

    Args:
        uri: of a content, a folder, or a file in a folder, or 40 hex digits; or a path, as a Path.
        name: what it is called, if the URI does not say; its ending tells what it may be.
        kind: as the catalog has it: text, json, npy, pkl, folder; looked up if left out.

    Returns:
        An array with its extent and a drawing, a JSON value, text, a table, the size of a picture,
        the files of a folder, or bytes; `as_dict()` gives plain JSON values. A notebook shows it.

    Raises:
        ContentNotFoundError: it is not here.
        InvalidUriError: not a URI.
        ContentDamagedError: the bytes that were read are not those that were stored.
    """
    if isinstance(uri, str):
        parts = ContentUri(uri, name) if is_sha1(uri) else parse_content_uri(uri)
        content, name, kind = _found(parts, name, kind)
    else:
        path = file_path(uri)
        content, name = PlainFile(path), name or path.name
    try:
        return _look(content, name, kind)
    except MalformedContentError as problem:
        return _bytes(content, problem.message)


def _found(parts: ContentUri, name: str, kind: str) -> tuple[Located, str, str]:
    """The content of a URI, and what to take it for."""
    is_folder = parts.is_folder and not parts.path
    content = held_content(parts.sha1) if is_folder else locate_content(parts)
    if content is None:
        raise ContentNotFoundError(
            f"{parts} is not in the store.", hint="Load it first; a preview fetches nothing."
        )
    name = name or (parts.path[-1] if parts.path else parts.name)
    if is_folder:
        return content, name, "folder"
    if not kind and not parts.path:
        name, kind = _noted(parts.sha1, name)
    return content, name, kind


def _noted(sha1: str, name: str) -> tuple[str, str]:
    """Name and kind as the catalog has them, if it does."""
    from kachery_jupyter.client.holdings import info  # noqa: PLC0415 - only without a kind

    try:
        facts = info(f"sha1://{sha1}")
    except KacheryError:
        # The name alone tells enough where the catalog cannot be asked.
        return name, ""
    return (name, "") if facts is None else (name or facts.name, facts.kind)


def _look(content: Located, name: str, kind: str) -> Preview:
    """A preview by what the bytes say first, then the kind, then the name."""
    if kind == "folder":
        return _folder(content)
    size = content.size
    with content.open() as file:
        head = file.read(min(JSON_BYTES, size))
        if head.startswith(_NPY):
            from kachery_jupyter.client.previews_arrays import array_preview  # noqa: PLC0415 - numpy

            file.seek(0)
            return array_preview(file, size)
    suffix = PurePosixPath(name).suffix.lower()
    claimed = kind if kind in _CLAIMS else _KINDS.get(suffix, "")
    return (
        _picture(head, size)
        or (_CLAIMS[claimed](content, head, suffix) if claimed else None)
        or text_preview(head, size)
        or _bytes(content)
    )


def _picture(head: bytes, size: int) -> Preview | None:
    found = picture_size(head[:HEAD_ROOM])
    if found is None:
        return None
    mimetype, width, height = found
    if width * height > MOST_PIXELS:
        problem = f"This picture has {width:,} x {height:,} pixels, too many to be shown safely."
        return BytesPreview(size, head[:_HEX_BYTES].hex(), problem)
    return ImagePreview(size, mimetype, width, height)


def _json(content: Located, head: bytes, _: str) -> Preview:
    try:
        return json_preview(head, content.size)
    except MalformedContentError:
        text = text_preview(head, content.size)
        if text is None:
            raise
        return text


def _table(content: Located, head: bytes, suffix: str) -> Preview | None:
    return table_preview(head, content.size, "" if suffix == ".csv" else "\t")


def _pickle(content: Located, *_: object) -> Preview:
    """Plain data as a tree; what would run a program stays bytes."""
    from kachery_jupyter.client.safe_pickle import load_plain  # noqa: PLC0415 - rarely needed

    if content.size > _LONGEST_PICKLE:
        return _bytes(content)
    try:
        value = load_plain(content.read())
    except KacheryError as problem:
        return _bytes(content, problem.message)
    return JsonPreview(content.size, *shortened(value))


def _not_an_array(content: Located, *_: object) -> Preview:
    return _bytes(content, "This content is not an npy array: it does not begin as npy does.")


# How content is looked at that does not say by its bytes what it is.
_CLAIMS: dict[str, Callable[[Located, bytes, str], Preview | None]] = {
    "json": _json,
    "pkl": _pickle,
    "npy": _not_an_array,
    "table": _table,
}


def _folder(content: Located) -> Preview:
    if content.size > _LONGEST_LISTING:
        return FolderPreview(content.size, [], cut=True)
    listing = decode_listing(content.read())
    entries: list[dict[str, Any]] = []
    for path, file in listing.walk():
        if len(entries) == _MOST_FILES:
            return FolderPreview(content.size, entries, cut=True)
        entries.append({"name": path, "size": file.size, "uri": uri_of(path, file)})
    return FolderPreview(content.size, entries)


def _bytes(content: Located, problem: str | None = None) -> BytesPreview:
    start = content.read(0, min(_HEX_BYTES, content.size))
    return BytesPreview(content.size, start.hex(), problem)


__all__ = ["Preview", "preview"]
