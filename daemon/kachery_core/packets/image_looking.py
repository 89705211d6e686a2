"""What HDF5 finds in the bytes of a file, without a file: variables, and where their numbers lie.

HDF5 is not made for bytes of strangers: some that are damaged with care make it run without end, or
fall. Whoever does not trust a packet calls this in a process that may (`kachery_jupyter.streams`).
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from kachery_core.errors import BadPacketError
from kachery_core.packets.findings import Found, Planned, Region
from kachery_core.packets.grammar_writing import RESERVED
from kachery_core.packets.screening import Screen, is_dimension_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORDS = RESERVED - {"coordinates", "coordinate_interpolation", "coordinate_sampling"}
_AT_ONCE = 1 << 25
# Two files in memory with one name would be one file to HDF5.
_numbers = count()


def look_through(packet: memoryview, largest: int, *, any_filter: bool = False) -> Found:
    """All that is in a packet.

    Args:
        packet: bytes of a file.
        largest: bytes that the values of one packet may have.
        any_filter: whether filters are let run whose memory cannot be known before.

    Raises:
        BadPacketError: it is damaged, or wants more than to be read.
    """
    try:
        return _look_through(packet, largest, any_filter=any_filter)
    except BadPacketError:
        raise
    # h5py turns errors of HDF5 into whichever of these comes next to them.
    except (
        OSError, ValueError, TypeError, KeyError, RuntimeError, AttributeError, IndexError,
        MemoryError, OverflowError, NotImplementedError, SystemError,
    ) as problem:  # fmt: skip
        raise BadPacketError(f"The packet is damaged: {problem}.") from problem


def _look_through(packet: memoryview, largest: int, *, any_filter: bool) -> Found:
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_file_image(bytes(packet))
    name = f"read-packet-{next(_numbers)}".encode()
    screen = Screen(packet, largest, any_filter=any_filter)
    with h5py.File(h5py.h5f.open(name, h5py.h5f.ACC_RDONLY, fapl=access)) as file:
        screen.check_attrs(file)
        attrs = _attrs(file, screen, packet)
        datasets = dict(screen.datasets(file))
        names = {h5py.h5o.get_info(dataset.id).addr: name for name, dataset in datasets.items()}
        members = [
            _planned(member, dataset, names, screen, packet)
            for member, dataset in datasets.items()
            if not is_dimension_only(dataset)
        ]
    coordinates = tuple(str(attrs.get("coordinates", "")).split())
    return Found(members, str(attrs.get("Conventions", "")), coordinates)


def _planned(
    name: str, dataset: h5py.Dataset, names: dict[int, str], screen: Screen, packet: memoryview
) -> Planned:
    attrs = _attrs(dataset, screen, packet)
    return Planned(name, _dims(name, dataset, names), attrs, _values(dataset, screen, packet))


def _values(dataset: h5py.Dataset, screen: Screen, packet: memoryview) -> Region | NDArray[Any]:
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return _texts(dataset, screen, packet)
    start = dataset.id.get_offset()
    if start is not None and dataset.id.get_type().equal(h5py.h5t.py_create(dataset.dtype)):
        region = Region(start, dataset.shape, dataset.dtype)
        if region.end > len(packet):
            raise BadPacketError("The packet is cut off.")
        return region
    values = np.empty(dataset.shape, dataset.dtype)
    if values.ndim == 0:
        values[()] = dataset[()]
    elif values.size:
        dataset.read_direct(values)
    return values


def _texts(dataset: h5py.Dataset, screen: Screen, packet: memoryview) -> NDArray[Any]:
    """Texts, some at a time: all may be one and the same long text in the packet."""
    if dataset.ndim == 0:
        screen.spend(5 * len(packet), "a text")
        return np.array(str(dataset.asstr()[()]))
    if dataset.ndim != 1:
        raise BadPacketError("The packet has a table of texts.")
    step = max(1, _AT_ONCE // len(packet))
    found: list[str] = []
    longest = 0
    for start in range(0, len(dataset), step):
        some = [str(text) for text in dataset.asstr()[start : start + step]]
        screen.spend(sum(map(len, some)), "its texts")
        longest = max(longest, *map(len, some))
        found += some
    screen.spend(4 * longest * len(found), "its texts")
    return np.array(found, dtype=f"U{max(1, longest)}")


def _dims(name: str, dataset: h5py.Dataset, names: dict[int, str]) -> tuple[str, ...]:
    if "DIMENSION_LIST" not in dataset.attrs:
        if dataset.ndim == 0:
            return ()
        if dataset.ndim == 1 and "CLASS" in dataset.attrs:
            return (name,)
        raise BadPacketError(f"The dimensions of {name!r} have no names.")
    dims = []
    for axis in range(dataset.ndim):
        scale = dataset.dims[axis][0]
        dims.append(names[h5py.h5o.get_info(scale.id).addr])
    return tuple(dims)


def _attrs(owner: h5py.File | h5py.Dataset, screen: Screen, packet: memoryview) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in owner.attrs:
        if name in _WORDS:
            continue
        attribute = h5py.h5a.open(owner.id, name.encode())
        shape, dtype = attribute.shape, attribute.dtype
        if shape is None:
            continue
        is_text = h5py.check_string_dtype(dtype) is not None
        if dtype.kind not in "biufcS" and not is_text:
            raise BadPacketError(
                f"The packet has an attribute of a kind that is not sent: {name!r}."
            )
        count = int(np.prod(shape, dtype=object))
        screen.spend(count * (len(packet) if dtype.kind == "O" else dtype.itemsize), repr(name))
        found[name] = _plain(owner.attrs[name])
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "S":
            value = np.char.decode(value, "utf-8", "replace")
        return value.reshape(-1)[0] if value.size == 1 else value
    return value
