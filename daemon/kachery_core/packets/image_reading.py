"""Variables from the bytes of a netCDF-4 file, without a file, whoever wrote them.

HDF5 needs milliseconds to look a packet through. What surrounds its numbers is the same in all
packets of a stream: bytes that were looked through once, and come again to the last one, mean the
same again. Then only the numbers are taken, where they lie.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from kachery_core.errors import BadPacketError
from kachery_core.packets.grammar_writing import RESERVED
from kachery_core.packets.screening import Screen, is_dimension_only
from kachery_core.packets.variables import Variable, Variables

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"\x89HDF\r\n\x1a\n"
_KEPT = 8
_AT_ONCE = 1 << 25
_WORDS = RESERVED - {"coordinates", "coordinate_interpolation", "coordinate_sampling"}
_numbers = count()


@dataclass(frozen=True)
class _Region:
    """Numbers that lie in one piece."""

    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def end(self) -> int:
        size: int = np.prod(self.shape, dtype=object) * self.dtype.itemsize
        return self.start + int(size)


@dataclass(frozen=True)
class _Planned:
    name: str
    dims: tuple[str, ...]
    attrs: dict[str, Any]
    values: _Region | NDArray[Any]


@dataclass(frozen=True)
class _Plan:
    """What was found in one packet, and holds for all that differ in their numbers only."""

    members: list[_Planned]
    conventions: str
    coordinates: tuple[str, ...]
    fixed: list[tuple[int, bytes]]

    def fits(self, packet: memoryview) -> bool:
        return all(packet[start : start + len(piece)] == piece for start, piece in self.fixed)

    def variables(self, packet: memoryview) -> Variables:
        made = Variables({}, {}, self.conventions, self.coordinates)
        for planned in self.members:
            values = planned.values
            if isinstance(values, _Region):
                values = _taken(values, packet)
            elif values.flags.writeable:
                values = values.copy()
            made.members[planned.name] = Variable(planned.dims, values, dict(planned.attrs))
        return made


class ImageReader:
    """Looks packets of any form through; for one stream, fast after the first.

    Args:
        largest: bytes that the values of one packet may have.
        any_filter: whether filters are let run whose memory cannot be known before.
    """

    def __init__(self, largest: int, *, any_filter: bool = False) -> None:
        self._largest = largest
        self._any_filter = any_filter
        self._plans: OrderedDict[int, _Plan] = OrderedDict()

    def read(self, packet: memoryview) -> Variables:
        """The variables of a packet. The values share memory with it where they can.

        Raises:
            BadPacketError: it is no packet, is damaged, or wants more than to be read.
        """
        plan = self._plans.get(len(packet))
        if plan is not None and plan.fits(packet):
            return plan.variables(packet)
        if packet[: len(MAGIC)] != MAGIC:
            raise BadPacketError(
                "What came is not a packet of xdas.",
                hint="Something else is published at this address.",
            )
        try:
            plan = self._look_through(packet)
            found = plan.variables(packet)
        except BadPacketError:
            raise
        # h5py turns errors of HDF5 into whichever of these comes next to them.
        except (
            OSError, ValueError, TypeError, KeyError, RuntimeError, AttributeError, IndexError,
            MemoryError, OverflowError, NotImplementedError,
        ) as problem:  # fmt: skip
            raise BadPacketError(f"The packet is damaged: {problem}.") from problem
        if any(isinstance(planned.values, _Region) for planned in plan.members):
            self._plans[len(packet)] = plan
            if len(self._plans) > _KEPT:
                self._plans.popitem(last=False)
        return found

    def _look_through(self, packet: memoryview) -> _Plan:
        access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
        access.set_fapl_core(backing_store=False)
        access.set_file_image(bytes(packet))
        name = f"read-packet-{next(_numbers)}".encode()
        screen = Screen(packet, self._largest, any_filter=self._any_filter)
        with h5py.File(h5py.h5f.open(name, h5py.h5f.ACC_RDONLY, fapl=access)) as file:
            screen.check_attrs(file)
            attrs = _attrs(file, screen, packet)
            members = []
            datasets = dict(screen.datasets(file))
            names = {h5py.h5o.get_info(dataset.id).addr: name for name, dataset in datasets.items()}
            for member, dataset in datasets.items():
                if not is_dimension_only(dataset):
                    members.append(_planned(member, dataset, names, screen, packet))
        return _Plan(
            members,
            str(attrs.get("Conventions", "")),
            tuple(str(attrs.get("coordinates", "")).split()),
            _fixed(members, packet),
        )


def _planned(
    name: str, dataset: h5py.Dataset, names: dict[int, str], screen: Screen, packet: memoryview
) -> _Planned:
    attrs = _attrs(dataset, screen, packet)
    return _Planned(name, _dims(name, dataset, names), attrs, _values(dataset, screen, packet))


def _fixed(members: list[_Planned], packet: memoryview) -> list[tuple[int, bytes]]:
    regions = sorted(
        (planned.values for planned in members if isinstance(planned.values, _Region)),
        key=lambda region: region.start,
    )
    fixed, at = [], 0
    for region in regions:
        if region.start < at:
            raise BadPacketError("Two parts of the packet lie in one place.")
        fixed.append((at, bytes(packet[at : region.start])))
        at = region.end
    fixed.append((at, bytes(packet[at:])))
    return fixed


def _taken(region: _Region, packet: memoryview) -> NDArray[Any]:
    values: NDArray[Any] = np.ndarray(region.shape, region.dtype, packet, region.start)
    if region.dtype == np.bool_:
        flags: NDArray[Any] = values.view(np.uint8) != 0
        return flags
    if values.flags.aligned and values.flags.writeable and values.nbytes > 1 << 12:
        return values
    return np.array(values)


def _values(dataset: h5py.Dataset, screen: Screen, packet: memoryview) -> _Region | NDArray[Any]:
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return _texts(dataset, screen, packet)
    start = dataset.id.get_offset()
    if start is not None and dataset.id.get_type().equal(h5py.h5t.py_create(dataset.dtype)):
        region = _Region(start, dataset.shape, dataset.dtype)
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
