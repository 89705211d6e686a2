"""The content of plain data, arrays and tables as bytes: the same in every process."""

from __future__ import annotations

import marshal
import struct
from typing import TYPE_CHECKING, Any

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Digest = Callable[[Any], bytes]

_NOTHING_IN_THEM = (type(None), type(Ellipsis), type(NotImplemented))
_MARSHALLED = {int, float, str, bool, bytes, type(None)}
_ATOMS: dict[type, Callable[[Any], bytes]] = {
    **dict.fromkeys(_NOTHING_IN_THEM, lambda _: b""),
    str: lambda value: bytes(value.encode("utf-8", "surrogatepass")),
    bytes: bytes,
    bytearray: bytes,
    int: lambda value: b"%x" % value,
    bool: lambda value: b"%x" % value,
    float: lambda value: struct.pack("<d", value),
    complex: lambda value: struct.pack("<dd", value.real, value.imag),
    range: lambda value: repr(value).encode(),
}


def atom_bytes(value: Any) -> bytes | None:
    """The bytes of a value that has nothing else in it; None of any other."""
    write = _ATOMS.get(type(value))
    return None if write is None else write(value)


def hash_parts(*parts: bytes) -> bytes:
    """One digest of several parts, in their order."""
    hasher = blake3()
    for part in parts:
        # Lengths keep parts apart: no two lists of parts have the same bytes.
        hasher.update(struct.pack("<q", len(part)))
        hasher.update(part)
    return hasher.digest()


def is_marshalled(values: Iterable[Any]) -> bool:
    """Whether all of many values are plain, so that they need not be looked at one by one."""
    return set(map(type, values)) <= _MARSHALLED


def marshalled(values: Any) -> bytes:
    """The bytes of a list or tuple of plain values; equal ones have equal bytes."""
    # Later versions than 0 write the same text in two ways.
    return marshal.dumps(values, 0)


def _array(digest: Digest, array: Any) -> Iterator[bytes]:
    import numpy as np  # noqa: PLC0415 - there is an array, so it is here

    yield b"array"
    yield repr((array.dtype.descr if array.dtype.names else array.dtype.str, array.shape)).encode()
    # What is done with an array may depend on its order in memory.
    yield repr((array.flags.c_contiguous, array.flags.f_contiguous)).encode()
    if array.dtype.hasobject:
        yield digest(array.ravel().tolist())
        return
    hasher = blake3()
    flat = np.ascontiguousarray(array).reshape(-1)
    if flat.nbytes:
        whole: Any = flat.view(np.uint8)
        hasher.update(memoryview(whole))
    yield hasher.digest()


def _masked_array(digest: Digest, array: Any) -> Iterator[bytes]:
    yield b"masked array"
    yield digest([array.data, array.mask, array.fill_value])


def _table(digest: Digest, table: Any) -> Iterator[bytes]:
    """A DataFrame by its columns: how pandas keeps them together changes when it is read."""
    yield b"table"
    yield digest([table.index, table.columns, dict(table.attrs)])
    for place in range(table.shape[1]):
        yield from _column(digest, table.iloc[:, place])


def _column(digest: Digest, column: Any) -> Iterator[bytes]:
    """A Series, or an index, by its values."""
    yield b"column"
    index = getattr(column, "index", None)
    yield digest([index, column.name, dict(getattr(column, "attrs", {}))])
    values = column.array
    is_plain = type(values).__name__ == "NumpyExtensionArray"
    yield digest(values.to_numpy() if is_plain else values)


# By the names under which numpy and pandas say that their classes are, in any version.
DATA: dict[str, Callable[[Digest, Any], Iterable[bytes]]] = {
    "numpy.ndarray": _array,
    "numpy.memmap": _array,
    "numpy.ma.MaskedArray": _masked_array,
    "numpy.ma.core.MaskedArray": _masked_array,
    "pandas.DataFrame": _table,
    "pandas.core.frame.DataFrame": _table,
    "pandas.Series": _column,
    "pandas.core.series.Series": _column,
    "pandas.Index": _column,
    "pandas.core.indexes.base.Index": _column,
}
