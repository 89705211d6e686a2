"""Loading: from a URI back to the value or the file, every byte verified.

What is not here is fetched from the channels this node may request files on. None means: it is
neither here nor on any of them. A path in place of a URI is read as it is, as kachery did.
"""

from __future__ import annotations

import io
import pickle
from typing import IO, TYPE_CHECKING, Any, Literal, overload

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    ContentNotFoundError,
    InvalidInputError,
    LinkedFileChangedError,
    MalformedContentError,
    TooLargeError,
)
from kachery_jupyter.client.formats import decode_json, decode_text
from kachery_jupyter.client.located import Located, Stored
from kachery_jupyter.client.locating import copy_whole, locate, locate_parts, nobody_has
from kachery_jupyter.client.storing import file_path

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kachery_jupyter.client.located import Parts

    Uri = str | os.PathLike[str]

# Text and JSON are whole in memory, several times over while they are decoded.
LARGEST_VALUE = 1 << 30


def load_text(uri: Uri, *, channel: str | None = None, local_only: bool = False) -> str | None:
    """Load text, exactly as it was stored.

    Args:
        uri: of the content; or the path of a file.
        channel: the only channel to ask if it is not here; by default all that may be asked.
        local_only: ask nobody.

    Returns:
        The text, or None if the content is neither here nor on the channels.

    Raises:
        MalformedContentError: the content is not text.
        TooLargeError: it has more than 1 GiB; `load_bytes` and `load_file` have no such limit.
        HubUnreachableError: nobody else had it, and a channel could not be asked.
        NoProviderError: nobody else had it, and a node that provides files did not answer.
        RoleMissingError: this node may not request files on any of its channels.
    """
    content = locate(uri, channel=channel, local_only=local_only)
    return None if content is None else decode_text(_value_bytes(content, "load_text"))


def load_json(uri: Uri, *, channel: str | None = None, local_only: bool = False) -> Any:
    """Load a JSON value of up to 1 GiB; None if nobody has it (see `exists` for a stored null)."""
    content = locate(uri, channel=channel, local_only=local_only)
    return None if content is None else decode_json(_value_bytes(content, "load_json"))


def load_object(uri: Uri, *, channel: str | None = None, local_only: bool = False) -> Any:
    """Load a JSON value; the older name of `load_json`."""
    return load_json(uri, channel=channel, local_only=local_only)


def load_npy(
    uri: Uri, *, channel: str | None = None, local_only: bool = False
) -> NDArray[Any] | None:
    """Load a numpy array; a large one as a memory map, in the same time whatever its size.

    Writing to the array changes it for this program only, never what is stored.

    Raises:
        MalformedContentError: not npy, or an array of Python objects.
    """
    content = locate(uri, channel=channel, local_only=local_only)
    if content is None:
        return None
    from kachery_jupyter.client import npy  # noqa: PLC0415 - numpy takes a while to import

    if content.size <= CHUNK_SIZE:
        data = bytearray(content.read())
        header = npy.parse_header(bytes(data[: npy.HEADER_ROOM]), len(data))
        return npy.from_buffer(data, header, header.size)
    if not isinstance(content, Stored) or content.held.is_link:
        return _npy_in_memory(content)
    path = content.path()
    with path.open("rb") as file:
        header = npy.parse_header(file.read(npy.HEADER_ROOM), content.size)
    return npy.map_array(path, header)


def load_pkl(
    uri: Uri, *, trusted: bool = False, channel: str | None = None, local_only: bool = False
) -> Any:
    """Load pickled data: numbers, text, bytes, containers of Python's own, numpy arrays.

    Args:
        uri: of the content; or the path of a file.
        trusted: load any object. Whoever made the pickle can then run any code as you.
        channel: the only channel to ask if it is not here; by default all that may be asked.
        local_only: ask nobody.

    Raises:
        UnsafePickleError: it holds more than plain data.
    """
    content = locate(uri, channel=channel, local_only=local_only)
    if content is None:
        return None
    if trusted:
        return _load_trusted(content.read())
    from kachery_jupyter.client.safe_pickle import load_plain  # noqa: PLC0415 - rarely needed

    return load_plain(content.read())


def load_bytes(
    uri: Uri,
    start: int | None = None,
    end: int | None = None,
    *,
    channel: str | None = None,
    local_only: bool = False,
) -> bytes | None:
    """Load bytes [start, end); all of them if left out.

    Of a large content on another node (its URI has `?manifest=`) only the part is fetched.

    Raises:
        InvalidRangeError: not within the content.
    """
    for bound in (start, end):
        if bound is not None and type(bound) is not int:
            raise InvalidInputError(f"start and end are whole numbers, not {bound!r}.")
    find: Callable[..., Parts | None] = locate if start is None and end is None else locate_parts
    content = find(uri, channel=channel, local_only=local_only)
    return None if content is None else content.read(start, end)


def load_file(
    uri: Uri,
    dest: Uri | None = None,
    *,
    channel: str | None = None,
    local_only: bool = False,
) -> str | None:
    """Load a file.

    Args:
        uri: of the content; or the path of a file.
        dest: where to put a copy, whole or not at all; a file there is replaced.
        channel: the only channel to ask if it is not here; by default all that may be asked.
        local_only: ask nobody.

    Returns:
        `dest`; or without it a path within the storage folder, verified, not to be changed.
    """
    content = locate(uri, channel=channel, local_only=local_only)
    if content is None:
        return None
    if dest is None:
        return str(content.path())
    target = file_path(dest)
    with content.open() as source:
        copy_whole(source, target, content.size)
    return str(target)


@overload
def open_content(
    uri: Uri, mode: Literal["rb"] = "rb", *, channel: str | None = None, local_only: bool = False
) -> io.BufferedReader: ...
@overload
def open_content(
    uri: Uri, mode: Literal["r"], *, channel: str | None = None, local_only: bool = False
) -> io.TextIOWrapper: ...
def open_content(
    uri: Uri, mode: str = "rb", *, channel: str | None = None, local_only: bool = False
) -> IO[Any]:
    """Open content as a file that can be read and sought in; each part is verified when read.

    Of a large content on another node (its URI has `?manifest=`) only what is read is fetched.

    Args:
        uri: of the content; or the path of a file.
        mode: 'rb' for bytes, 'r' for UTF-8 text with its line ends as they are.
        channel: the only channel to ask if it is not here; by default all that may be asked.
        local_only: ask nobody.

    Raises:
        ContentNotFoundError: it is neither here nor on the channels.
    """
    if mode not in ("rb", "r"):
        raise InvalidInputError(
            f"The mode {mode!r} is unknown.", hint="Content is read: 'rb' or 'r'."
        )
    content = locate_parts(uri, channel=channel, local_only=local_only)
    if content is None:
        hint = f"`kc.explain({uri!r})` says where was looked."
        raise nobody_has(uri, hint, channel=channel, local_only=local_only)
    file = content.open()
    return file if mode == "rb" else io.TextIOWrapper(file, encoding="utf-8", newline="")


def exists(uri: Uri) -> bool:
    """Whether this content is here; nobody else is asked."""
    try:
        return locate(uri, local_only=True, noted=False) is not None
    except (ContentNotFoundError, LinkedFileChangedError):
        return False


def _value_bytes(content: Located, function: str) -> bytes:
    """All bytes of what becomes one value in memory.

    Raises:
        TooLargeError: there are more than anybody keeps as one value.
    """
    if content.size > LARGEST_VALUE:
        raise TooLargeError(
            f"This content has {content.size:,} bytes; {function} takes {LARGEST_VALUE:,} at most.",
            hint="Use load_bytes for parts of it, or load_file for the path of a file.",
            limit_bytes=LARGEST_VALUE,
        )
    return content.read()


def _npy_in_memory(content: Located) -> NDArray[Any]:
    """An array of a file that its owner may still change: a copy, not a map."""
    from kachery_jupyter.client import npy  # noqa: PLC0415 - numpy takes a while to import

    if isinstance(content, Stored):
        data = content.read_whole(bytearray(content.size))
    else:
        data = bytearray(content.read())
    header = npy.parse_header(bytes(data[: npy.HEADER_ROOM]), len(data))
    return npy.from_buffer(data, header, header.size)


def _load_trusted(data: bytes) -> Any:
    try:
        return pickle.loads(data)  # noqa: S301 - the user said so
    except Exception as problem:  # a pickle may raise anything
        raise MalformedContentError(
            f"This pickle cannot be loaded: {type(problem).__name__}: {problem}.",
            hint="Load it with the packages and versions it was stored with.",
        ) from problem
