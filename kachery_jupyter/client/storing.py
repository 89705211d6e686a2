"""Storing: a value or a file becomes content, and its URI comes back."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import InvalidInputError, InvalidPathError
from kachery_jupyter.client.connection import current_place
from kachery_jupyter.client.formats import encode_json, encode_text
from kachery_jupyter.client.keeping import (
    checked_name,
    keep_buffers,
    keep_bytes,
    keep_file,
    keep_link,
    label,
    uri_of_content,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike
    from typing_extensions import Buffer

    from kachery_store.store import Label

_TEXT, _JSON, _NPY, _PKL, _BYTES = "file.txt", "file.json", "file.npy", "file.pkl", "file.dat"


def store_text(text: str, basename: str | None = None) -> str:
    """Store text, as UTF-8 and otherwise exactly as it is.

    Args:
        text: any text, the empty one included.
        basename: the name in the URI; 'file.txt' if left out.

    Returns:
        The URI, such as sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt
    """
    return keep_bytes(encode_text(text), checked_name(basename, _TEXT), "text")


def store_json(value: Any, basename: str | None = None) -> str:
    """Store a JSON value: dict, list, text, finite number, True, False or None.

    Raises:
        InvalidInputError: anything else.
    """
    return keep_bytes(encode_json(value), checked_name(basename, _JSON), "json")


def store_object(value: Any, basename: str | None = None) -> str:
    """Store a JSON value; the older name of `store_json`."""
    return store_json(value, basename)


def store_npy(array: ArrayLike, basename: str | None = None) -> str:
    """Store a numpy array, from its own memory.

    Args:
        array: an array, or what `numpy.asarray` makes one of; no Python objects in it.
        basename: the name in the URI; 'file.npy' if left out.

    Raises:
        InvalidInputError: an array of Python objects.
    """
    from kachery_jupyter.client import npy  # noqa: PLC0415 - numpy takes a while to import

    name = checked_name(basename, _NPY)
    size, buffers = npy.buffers_of(npy.as_storable(array))
    if size <= CHUNK_SIZE:
        return keep_bytes(b"".join(buffers), name, "npy")
    return keep_buffers(buffers, size, name, "npy")


def store_pkl(value: Any, basename: str | None = None, *, trusted: bool = False) -> str:
    """Store Python data: numbers, text, bytes, containers of Python's own, numpy arrays.

    Args:
        value: such data.
        basename: the name in the URI; 'file.pkl' if left out.
        trusted: store any object; then loading it takes `trusted=True` as well.

    Raises:
        InvalidInputError: an object of another class.
    """
    from kachery_jupyter.client.plain_values import check_plain  # noqa: PLC0415 - rarely needed
    from kachery_jupyter.client.safe_pickle import PROTOCOL  # noqa: PLC0415 - rarely needed

    name = checked_name(basename, _PKL)
    if not trusted:
        check_plain(value)
    try:
        data = pickle.dumps(value, protocol=PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as problem:
        raise InvalidInputError(f"This value cannot be pickled: {problem}.") from problem
    return keep_bytes(data, name, "pkl")


def store_bytes(data: Buffer, basename: str | None = None) -> str:
    """Store bytes.

    Args:
        data: bytes, bytearray, memoryview or any other contiguous buffer.
        basename: the name in the URI; 'file.dat' if left out.
    """
    try:
        view = memoryview(data).cast("B")
    except TypeError as problem:
        raise InvalidInputError(
            f"store_bytes takes bytes, not {type(data).__name__}: {problem}.",
            hint="Use store_text, store_json, store_npy or store_pkl for other values.",
        ) from problem
    return keep_bytes(view, checked_name(basename, _BYTES), "bytes")


def store_file(path: str | os.PathLike[str], basename: str | None = None) -> str:
    """Store a copy of a file; at once if the same unchanged file was stored before.

    Args:
        path: the file.
        basename: the name in the URI; the file's own if left out.

    Raises:
        InvalidPathError: no file, a folder, or not readable.
    """
    source = file_path(path)
    name = checked_name(basename, _readable_name(source))
    return uri_of_content(keep_file(source, name), name)


def link_file(path: str | os.PathLike[str], basename: str | None = None) -> str:
    """Make a file loadable where it is, without a copy.

    It must not change afterwards; loading it then raises LinkedFileChangedError.
    """
    source = file_path(path)
    name = checked_name(basename, _readable_name(source))
    return uri_of_content(keep_link(source, name), name)


def store_many(values: Iterable[Any]) -> list[str]:
    """Store many values with one wait for the disk: bytes, text, arrays, and JSON values.

    Returns:
        Their URIs, in the same order.
    """
    items = list(values)
    place = current_place()
    if place.guest_of is not None:
        return [_store_any(item) for item in items]
    encoded = [_encoded(item) for item in items]
    contents = place.store.add_many(encoded)
    return [
        uri_of_content(content, item_label.name)
        for content, (_, item_label) in zip(contents, encoded, strict=True)
    ]


def file_path(path: Any) -> Path:
    """The path of a file the user names.

    Raises:
        InvalidInputError: not a path.
    """
    try:
        text = os.fspath(path)
    except TypeError as problem:
        raise InvalidInputError(f"A path is text, and this is {type(path).__name__}.") from problem
    if not text or isinstance(text, bytes) or "\0" in text:
        raise InvalidPathError(f"{text!r} is not a path.", hint="Name a file.")
    return Path(text).expanduser()


def _readable_name(path: Path) -> str:
    # Names that are not UTF-8 exist; the name is for people and never decides what is loaded.
    return os.fsencode(path.name).decode("utf-8", "replace").replace("\\", "_") or "file.dat"


def _encoded(value: Any) -> tuple[bytes, Label]:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), label(_BYTES, "bytes")
    if isinstance(value, str):
        return encode_text(value), label(_TEXT, "text")
    if _is_array(value):
        from kachery_jupyter.client import npy  # noqa: PLC0415 - numpy takes a while to import

        return b"".join(npy.buffers_of(npy.as_storable(value))[1]), label(_NPY, "npy")
    return encode_json(value), label(_JSON, "json")


def _store_any(value: Any) -> str:
    data, item_label = _encoded(value)
    return keep_bytes(data, item_label.name, item_label.kind)


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)
