"""Which packets of a publisher came, came twice, and never came."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kachery_core.packets.stamps import Stamp

_KEPT = 256


@dataclass(frozen=True)
class Gap:
    """Packets that were published and did not come.

    Attributes:
        key: public key of their publisher.
        epoch: which run of the publisher.
        first: number of the first one lost.
        last: number of the last one lost.
    """

    key: str
    epoch: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many packets."""
        return self.last - self.first + 1


class Sequence:
    """The numbers that are expected next, for each publisher that was heard."""

    def __init__(self) -> None:
        self._next: OrderedDict[tuple[str, int], int] = OrderedDict()

    def note(self, stamp: Stamp) -> Gap | bool:
        """Enter a packet: True if it is the next one, False if it came before, or what is missing.

        Whatever came before a publisher's first packet here was published before we listened.
        """
        run = (stamp.key, stamp.epoch)
        expected = self._next.get(run, stamp.number)
        if stamp.number < expected:
            return False
        self._next[run] = stamp.number + 1
        self._next.move_to_end(run)
        if len(self._next) > _KEPT:
            self._next.popitem(last=False)
        if stamp.number == expected:
            return True
        return Gap(stamp.key, stamp.epoch, expected, stamp.number - 1)
