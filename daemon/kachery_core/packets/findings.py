"""What was found in a packet, and the same as bytes: it may be found in another process.

    u32    length of the JSON
    JSON   {"members": [{"name", "dims", "attrs", "values"}], "conventions", "coordinates"}
    bytes  of all arrays that are no regions, one after the other

An array is {"dtype", "shape", "start"}: from that place of the packet, or, with "inline", of the
bytes that follow. An attribute is text, or an array.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kachery_core.errors import BadPacketError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LENGTH = struct.Struct(">I")
_KINDS = "biufcU"


@dataclass(frozen=True)
class Region:
    """Numbers that lie in one piece of the packet."""

    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def end(self) -> int:
        """Where they end."""
        return self.start + int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


@dataclass(frozen=True)
class Planned:
    """One variable: its values, or where they lie."""

    name: str
    dims: tuple[str, ...]
    attrs: dict[str, Any]
    values: Region | NDArray[Any]


@dataclass(frozen=True)
class Found:
    """All variables of a packet, and what is said of it as a whole."""

    members: list[Planned]
    conventions: str
    coordinates: tuple[str, ...]


def found_to_bytes(found: Found) -> bytes:
    """The bytes that stand for what was found."""
    pieces: list[bytes] = []
    at = 0

    def described(value: Any) -> Any:
        nonlocal at
        if isinstance(value, str):
            return value
        if isinstance(value, Region):
            return {"dtype": value.dtype.str, "shape": value.shape, "start": value.start}
        array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
        note = {"dtype": array.dtype.str, "shape": np.shape(value), "start": at, "inline": 1}
        pieces.append(array.tobytes())
        at += len(pieces[-1])
        return note

    members = [
        {
            "name": planned.name,
            "dims": planned.dims,
            "attrs": {key: described(value) for key, value in planned.attrs.items()},
            "values": described(planned.values),
        }
        for planned in found.members
    ]
    head = {"members": members, "conventions": found.conventions, "coordinates": found.coordinates}
    text = json.dumps(head).encode()
    return _LENGTH.pack(len(text)) + text + b"".join(pieces)


def found_from_bytes(data: bytes | bytearray) -> Found:
    """What these bytes stand for.

    Raises:
        BadPacketError: for nothing.
    """
    try:
        (length,) = _LENGTH.unpack_from(data)
        head = json.loads(data[_LENGTH.size : _LENGTH.size + length])
        rest = memoryview(data)[_LENGTH.size + length :]
        members = [
            Planned(
                str(member["name"]),
                tuple(map(str, member["dims"])),
                {str(key): _attr(value, rest) for key, value in member["attrs"].items()},
                _array(member["values"], rest),
            )
            for member in head["members"]
        ]
        return Found(members, str(head["conventions"]), tuple(map(str, head["coordinates"])))
    except (struct.error, ValueError, TypeError, KeyError, AttributeError) as problem:
        raise BadPacketError(
            f"What was found in the packet makes no sense: {problem}."
        ) from problem


def _attr(value: Any, rest: memoryview) -> Any:
    if isinstance(value, str):
        return value
    array = _array(value, rest)
    if isinstance(array, Region):
        raise BadPacketError("An attribute lies where only values may lie.")
    return array[()]


def _array(note: dict[str, Any], rest: memoryview) -> Region | NDArray[Any]:
    dtype = np.dtype(str(note["dtype"]))
    region = Region(int(note["start"]), tuple(map(int, note["shape"])), dtype)
    if dtype.kind not in _KINDS or min((region.start, *region.shape)) < 0:
        raise BadPacketError("What was found in the packet is of no kind that is sent.")
    if "inline" not in note:
        return region
    if region.end > len(rest):
        raise BadPacketError("What was found in the packet is cut off.")
    return np.array(np.ndarray(region.shape, dtype, rest, region.start))
