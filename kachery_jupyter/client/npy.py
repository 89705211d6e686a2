"""The npy format without trust and without copies.

A header is read with every claim checked against the bytes that are there, before numpy makes
anything of it. Arrays are stored straight from their own memory and loaded as a private mapping
of the stored file, so that loading costs the same for any size.
"""

from __future__ import annotations

import ast
import mmap
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as numpy_format

from kachery_core.errors import InvalidInputError, MalformedContentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

# numpy refuses to read longer headers.
LONGEST_HEADER = 10_000
# As many bytes of a content as its header can take.
HEADER_ROOM = LONGEST_HEADER + 64
_MAGIC = b"\x93NUMPY"
_ALIGNMENT = 64
_PLAIN_KINDS = "biufcmMSUV"
_DEEPEST_SHAPE = 32
_LARGEST_LENGTH = 1 << 62
_LAST_CODE_POINT = 0x10FFFF
_PIECE_BYTES = 1 << 20
_AXES_ONLY = {"descr", "fortran_order", "shape"}


@dataclass(frozen=True)
class Header:
    """What an npy header says, checked.

    Attributes:
        dtype: without Python objects in it.
        shape: of the array.
        is_fortran: whether the first axis varies fastest.
        size: bytes of the header; the array starts here.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    size: int


def as_storable(value: ArrayLike) -> NDArray[Any]:
    """The array of a value.

    Raises:
        InvalidInputError: it has Python objects in it, or a mask that the format cannot hold.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidInputError(
            "The npy format has no place for a mask.", hint="Store `x.filled(...)` and `x.mask`."
        )
    try:
        array = np.asarray(value)
    except ValueError as problem:
        raise InvalidInputError(f"This is not an array: {problem}.") from problem
    if array.dtype.hasobject or array.dtype.kind not in _PLAIN_KINDS:
        raise InvalidInputError(
            f"An array of type {array.dtype} cannot be stored as npy: it holds Python objects.",
            hint="Convert it (`x.astype(float)`, `x.astype(str)`), or use store_json or store_pkl.",
        )
    return array


def buffers_of(array: NDArray[Any]) -> tuple[int, Iterator[memoryview]]:
    """The npy bytes of an array: how many, and the buffers that hold them.

    Large contiguous arrays are not copied; others are, a piece at a time.
    """
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    header = _encode_header(array, is_fortran=is_fortran)
    return len(header) + array.nbytes, _pieces(header, array.T if is_fortran else array)


def parse_header(data: bytes, size: int) -> Header:
    """Read a header.

    Args:
        data: the beginning of the content, `HEADER_ROOM` bytes if there are so many.
        size: bytes of the whole content.

    Raises:
        MalformedContentError: not npy, or its claims do not fit the bytes.
    """
    text, header_size = _header_text(data)
    try:
        claims = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as problem:
        raise _malformed("its header is not a Python literal") from problem
    if not isinstance(claims, dict) or set(claims) != _AXES_ONLY:
        raise _malformed("its header has not the three parts it should have")
    dtype = _checked_dtype(claims["descr"])
    shape = _checked_shape(claims["shape"])
    if not isinstance(claims["fortran_order"], bool):
        raise _malformed("its order is neither True nor False")
    count = 1
    for length in shape:
        count *= length
    if count * dtype.itemsize != size - header_size:
        raise _malformed(
            f"shape {shape} of {dtype} needs {count * dtype.itemsize:,} bytes, "
            f"and {size - header_size:,} are there"
        )
    return Header(dtype, shape, claims["fortran_order"], header_size)


def map_array(path: Path, header: Header) -> NDArray[Any]:
    """An array over a private mapping of a file: writing to it never reaches the file."""
    with path.open("rb") as file:
        mapping = _private_mapping(file.fileno())
    return from_buffer(mapping, header, header.size)


def from_buffer(buffer: Any, header: Header, offset: int = 0) -> NDArray[Any]:
    """An array over memory that holds its bytes.

    Raises:
        MalformedContentError: text in it that no Python can hold.
    """
    order: Any = "F" if header.is_fortran else "C"
    try:
        array: NDArray[Any] = np.ndarray(header.shape, header.dtype, buffer, offset, order=order)
    except (ValueError, TypeError) as problem:
        raise _malformed(str(problem)) from problem
    check_text(array)
    return array


def check_text(array: NDArray[Any]) -> None:
    """Refuse code points beyond Unicode, on which numpy fails when they are looked at.

    Raises:
        MalformedContentError: there are some.
    """
    if array.dtype.names is not None:
        for name in array.dtype.names:
            check_text(array[name])
    elif array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        units = np.dtype("u4").newbyteorder(array.dtype.byteorder)
        # A view as numbers needs the characters of one text side by side, as they always are.
        points = array[..., np.newaxis].view(units) if array.ndim else array.reshape(1).view(units)
        if points.max() > _LAST_CODE_POINT:
            raise _malformed("a text in it has characters beyond Unicode")


def _pieces(header: bytes, array: NDArray[Any]) -> Iterator[memoryview]:
    yield memoryview(header)
    if array.nbytes == 0:
        return
    if array.flags.c_contiguous:
        flat: Any = array.reshape(-1).view(np.uint8)
        yield memoryview(flat)
        return
    chunks = np.nditer(
        array,
        flags=["external_loop", "buffered", "zerosize_ok"],
        buffersize=max(_PIECE_BYTES // array.itemsize, 1),
        order="C",
    )
    chunk: Any
    for chunk in chunks:
        # The iterator uses its buffer again for the next piece.
        yield memoryview(chunk.tobytes())


def _encode_header(array: NDArray[Any], *, is_fortran: bool) -> bytes:
    """The bytes numpy.save writes before the array."""
    claims = numpy_format.header_data_from_array_1_0(array)
    # numpy leaves room for the growing axis to grow; the same bytes give the same URI.
    axis = array.shape[-1 if is_fortran else 0] if array.shape else None
    room = " " * (numpy_format.GROWTH_AXIS_MAX_DIGITS - len(repr(axis))) if axis is not None else ""
    text = "{" + "".join(f"'{key}': {claims[key]!r}, " for key in sorted(claims)) + "}" + room
    version, length, encoding = (b"\x01\x00", "<H", "latin-1")
    if not _is_latin(text):
        version, length, encoding = (b"\x03\x00", "<I", "utf-8")
    encoded = text.encode(encoding)
    start = len(_MAGIC) + len(version) + struct.calcsize(length)
    padding = _ALIGNMENT - (start + len(encoded) + 1) % _ALIGNMENT
    encoded += b" " * padding + b"\n"
    if len(encoded) > LONGEST_HEADER:
        raise InvalidInputError(
            f"The description of this array type takes {len(encoded):,} bytes; "
            f"numpy reads {LONGEST_HEADER:,}.",
            hint="Store its fields one by one.",
        )
    return _MAGIC + version + struct.pack(length, len(encoded)) + encoded


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _header_text(data: bytes) -> tuple[str, int]:
    formats = {
        b"\x01\x00": ("<H", "latin-1"),
        b"\x02\x00": ("<I", "latin-1"),
        b"\x03\x00": ("<I", "utf-8"),
    }
    start = len(_MAGIC) + 2
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : start] not in formats:
        raise _malformed("it does not begin as npy does")
    length_format, encoding = formats[data[len(_MAGIC) : start]]
    end = start + struct.calcsize(length_format)
    if len(data) < end:
        raise _malformed("it ends within its header")
    (length,) = struct.unpack_from(length_format, data, start)
    if length > LONGEST_HEADER or len(data) < end + length:
        raise _malformed("its header is longer than it may be")
    try:
        return data[end : end + length].decode(encoding), end + length
    except UnicodeDecodeError as problem:
        raise _malformed("its header is not text") from problem


def _checked_dtype(descr: Any) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = numpy_format.descr_to_dtype(descr)
    except Exception as problem:  # numpy raises whatever a hostile description leads to
        raise _malformed(f"its type {str(descr)[:60]!r} is unknown") from problem
    if dtype.hasobject or dtype.kind not in _PLAIN_KINDS:
        raise _malformed(f"its type {dtype} holds Python objects, which npy content may not")
    return dtype


def _checked_shape(shape: Any) -> tuple[int, ...]:
    if (
        not isinstance(shape, tuple)
        or len(shape) > _DEEPEST_SHAPE
        or not all(type(length) is int and 0 <= length < _LARGEST_LENGTH for length in shape)
    ):
        raise _malformed(f"its shape {str(shape)[:60]!r} is none")
    return shape


def _private_mapping(descriptor: int) -> mmap.mmap:
    if not hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY)
    # Without NORESERVE an array larger than the memory could not be mapped to be written to.
    flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0)
    try:
        size = os.fstat(descriptor).st_size
        return mmap.mmap(descriptor, size, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    except OSError:
        # Where the system promises memory strictly, a large array can still be read.
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)


def _malformed(why: str) -> MalformedContentError:
    return MalformedContentError(
        f"This content is not an npy array: {why}.", hint="Use load_bytes to look at it."
    )
