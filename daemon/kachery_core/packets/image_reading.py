"""Variables from the bytes of a netCDF-4 file, fast after the first of a stream.

HDF5 needs milliseconds to look a packet through. What surrounds its numbers is the same in all
packets of a stream: bytes that were looked through once, and come again to the last one, mean the
same again. Then only the numbers are taken, where they lie.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kachery_core.errors import BadPacketError
from kachery_core.packets.findings import Found, Region
from kachery_core.packets.variables import Variable, Variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MAGIC = b"\x89HDF\r\n\x1a\n"
_KEPT = 8
_NUMBERS = "biufc"
_SHARED_FROM = 1 << 12


@dataclass(frozen=True)
class _Plan:
    """What was found in one packet, and holds for all that differ in their numbers only."""

    found: Found
    fixed: list[tuple[int, bytes]]

    def fits(self, packet: memoryview) -> bool:
        return all(packet[start : start + len(piece)] == piece for start, piece in self.fixed)

    def variables(self, packet: memoryview) -> Variables:
        made = Variables({}, {}, self.found.conventions, self.found.coordinates)
        for planned in self.found.members:
            values = planned.values
            taken = _taken(values, packet) if isinstance(values, Region) else np.array(values)
            made.members[planned.name] = Variable(planned.dims, taken, dict(planned.attrs))
        return made


class ImageReader:
    """Reads packets of any form.

    Args:
        look: says what is in a packet of a form that was not seen before; `look_through`, here or
            in another process.
    """

    def __init__(self, look: Callable[[memoryview], Found]) -> None:
        self._look = look
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
        found = self._look(packet)
        regions = [
            planned.values for planned in found.members if isinstance(planned.values, Region)
        ]
        if not regions:
            return _Plan(found, []).variables(packet)
        plan = _Plan(found, _fixed(regions, packet))
        self._plans[len(packet)] = plan
        self._plans.move_to_end(len(packet))
        if len(self._plans) > _KEPT:
            self._plans.popitem(last=False)
        return plan.variables(packet)


def _fixed(regions: list[Region], packet: memoryview) -> list[tuple[int, bytes]]:
    fixed, at = [], 0
    for region in sorted(regions, key=lambda region: region.start):
        if region.start < at or region.end > len(packet) or region.dtype.kind not in _NUMBERS:
            raise BadPacketError("The packet is damaged: its parts lie in one place, or outside.")
        fixed.append((at, bytes(packet[at : region.start])))
        at = region.end
    fixed.append((at, bytes(packet[at:])))
    return fixed


def _taken(region: Region, packet: memoryview) -> NDArray[Any]:
    values: NDArray[Any] = np.ndarray(region.shape, region.dtype, packet, region.start)
    if region.dtype == np.bool_:
        flags: NDArray[Any] = values.view(np.uint8) != 0
        return flags
    if values.flags.aligned and values.flags.writeable and values.nbytes > _SHARED_FROM:
        return values
    return np.array(values)
