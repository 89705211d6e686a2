"""What was published lately, for who comes late: so many bytes of it, the oldest go first."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from numpy.typing import NDArray

_MOST_PACKETS = 1000


class History:
    """Packets in their order, of several publishers; each has a limit of its own."""

    def __init__(self) -> None:
        self._packets: deque[tuple[Hashable, NDArray[Any]]] = deque()
        self._sizes: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._packets)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (packet for _, packet in self._packets)

    def add(self, publisher: Hashable, packet: NDArray[Any], limit: int) -> None:
        """Keep a packet, and of this publisher no more bytes than the limit."""
        if packet.nbytes > limit:
            self.forget(publisher)  # what is older would be a history with a hole in it
            return
        self._packets.append((publisher, packet))
        self._sizes[publisher] = self._sizes.get(publisher, 0) + packet.nbytes
        while self._sizes[publisher] > limit or len(self._packets) > _MOST_PACKETS:
            self._drop_oldest_of(publisher)

    def forget(self, publisher: Hashable) -> None:
        """Keep nothing of a publisher."""
        self._packets = deque(entry for entry in self._packets if entry[0] != publisher)
        self._sizes.pop(publisher, None)

    def _drop_oldest_of(self, publisher: Hashable) -> None:
        if self._packets[0][0] == publisher or len(self._packets) > _MOST_PACKETS:
            whose, packet = self._packets.popleft()
        else:
            place = next(
                number for number, entry in enumerate(self._packets) if entry[0] == publisher
            )
            whose, packet = self._packets[place]
            del self._packets[place]
        self._sizes[whose] -= packet.nbytes
