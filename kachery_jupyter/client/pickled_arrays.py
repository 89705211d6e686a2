"""Arrays, their types and their scalars out of a pickle: made from bytes that were counted.

numpy's own `__setstate__` believes what it is given, out-of-bounds offsets included; it is never
called here.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from kachery_core.errors import MalformedContentError
from kachery_jupyter.client.npy import check_text
from kachery_jupyter.client.pickled_parts import Part, Unfinished, refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = "biufcSUmM"
_SPELLING = re.compile(r"[<>=|]?[biufcSUmM]\d{1,7}")
_LONGEST_ITEM = 1 << 20
_MOST_AXES = 32
_LARGEST_LENGTH = 1 << 48
_TIME_KINDS = "mM"
_TIME_UNITS = frozenset(("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"))
_LARGEST_TIME_STEP = 10**6
_SHORTEST_TYPE_STATE = 8
_STATE_VERSIONS = (3, 4)


def is_plain_type(dtype: np.dtype[Any]) -> bool:
    """Whether arrays of this type are given back by this module."""
    if dtype.kind not in KINDS or not 0 < dtype.itemsize <= _LONGEST_ITEM:
        return False
    return dtype.kind not in _TIME_KINDS or np.datetime_data(dtype)[0] in _TIME_UNITS


def _make_dtype(spelling: Any, align: Any = False, copy: Any = True) -> Unfinished:  # noqa: FBT002 - as numpy pickles it
    if type(spelling) is not str or not _SPELLING.fullmatch(spelling):
        raise refuse("it has arrays of a type that is not plain")
    if type(align) not in (bool, int) or type(copy) not in (bool, int):
        raise refuse("the type of an array in it is damaged")
    dtype: np.dtype[Any] = np.dtype(spelling)
    return Unfinished(lambda state: _finished_dtype(dtype, state))


def _finished_dtype(dtype: np.dtype[Any], state: Any) -> np.dtype[Any]:
    if type(state) is not tuple or len(state) < _SHORTEST_TYPE_STATE:
        raise refuse("the type of an array in it is damaged")
    version, order, *structure = state[:5]
    is_plain = type(version) is int and version in _STATE_VERSIONS and structure == [None] * 3
    if not is_plain or type(order) is not str or order not in ("<", ">", "=", "|"):
        raise refuse("it has arrays of a type that is not plain")
    if dtype.kind in _TIME_KINDS:
        dtype = _time_dtype(dtype.kind, state[8] if len(state) > _SHORTEST_TYPE_STATE else None)
    if order in "<>":
        dtype = dtype.newbyteorder("<" if order == "<" else ">")
    if not is_plain_type(dtype):
        raise refuse("it has arrays of a type that is not plain")
    return dtype


def _time_dtype(kind: str, metadata: Any) -> np.dtype[Any]:
    """Dates and durations keep their unit in the state, as ({}, (unit, step, 1, 1))."""
    if type(metadata) is not tuple or len(metadata) != 2 or type(metadata[1]) is not tuple:  # noqa: PLR2004 - see the docstring
        raise refuse("a date in it has no unit")
    padded: tuple[Any, ...] = (*metadata[1], None, None)
    unit, step = padded[:2]
    if type(unit) is bytes:
        unit = unit.decode("latin-1")
    is_step = type(step) is int and 0 < step <= _LARGEST_TIME_STEP
    if type(unit) is not str or unit not in _TIME_UNITS or not is_step:
        raise refuse("a date in it has an unknown unit")
    return np.dtype(f"{kind}8[{step}{unit}]")


def _reconstruct(kind: Any, shape: Any, _: Any) -> Unfinished:
    if kind is not _NDARRAY or shape != (0,):
        raise refuse("an array in it is damaged")
    return Unfinished(_finished_array)


def _finished_array(state: Any) -> NDArray[Any]:
    if type(state) is not tuple or len(state) != 5:  # noqa: PLR2004 - version, shape, type, order, bytes
        raise refuse("an array in it is damaged")
    version, shape, dtype, is_fortran, content = state
    if type(version) is not int or version != 1 or type(is_fortran) not in (bool, int):
        raise refuse("an array in it is damaged")
    return _array(content, dtype, shape, "F" if is_fortran else "C")


def _scalar(dtype: Any, content: Any) -> Any:
    return _array(content, dtype, (1,), "C")[0]


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    if type(order) is not str or order not in ("C", "F"):
        raise refuse("an array in it is damaged")
    return _array(content, dtype, shape, order)


def _array(content: Any, dtype: Any, shape: Any, order: str) -> NDArray[Any]:
    is_typed = isinstance(dtype, np.dtype) and is_plain_type(dtype)
    if not is_typed or type(content) not in (bytes, bytearray) or type(shape) is not tuple:
        raise refuse("an array in it is damaged")
    is_shape = len(shape) <= _MOST_AXES and all(
        type(length) is int and 0 <= length < _LARGEST_LENGTH for length in shape
    )
    if not is_shape or math.prod(shape) * dtype.itemsize != len(content):
        raise refuse("an array in it has more or fewer bytes than its shape needs")
    array: NDArray[Any] = np.frombuffer(content, dtype)
    try:
        check_text(array)
    except MalformedContentError as problem:
        raise refuse("a text in it has characters beyond Unicode") from problem
    axes: Any = order
    array = array.reshape(shape, order=axes)
    return array if type(content) is bytearray else array.copy(order=axes)


def _not_made(*_: Any) -> Any:
    raise refuse("it makes an array of a shape, not of bytes")


_NDARRAY = Part("ndarray", _not_made)
_CORES = ("numpy.core", "numpy._core")
ARRAY_PARTS = {
    ("numpy", "dtype"): Part("dtype", _make_dtype),
    ("numpy", "ndarray"): _NDARRAY,
    **{
        (f"{core}.multiarray", "_reconstruct"): Part("_reconstruct", _reconstruct)
        for core in _CORES
    },
    **{(f"{core}.multiarray", "scalar"): Part("scalar", _scalar) for core in _CORES},
    **{(f"{core}.numeric", "_frombuffer"): Part("_frombuffer", _from_buffer) for core in _CORES},
}
