"""How much of a hub one channel, one node and all together may take."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MEBI = 1 << 20

# Of each message. A chunk is 1 MiB; its seal and the protocol come on top.
LARGEST_MESSAGE = 4 * MEBI
# What waits for a client that reads slowly; beyond, it is cut off.
MOST_PENDING = 32 * MEBI
MOST_CONNECTIONS = 20_000
# The account of each channel; -1 is no limit. Nothing is stored by the hub for a channel, and the
# holder of its key could otherwise fill the hub's disk and memory with streams of his own.
CHANNEL_LIMITS: dict[str, Any] = {
    "subs": 4096,
    "data": -1,
    "payload": -1,
    "imports": 0,
    "exports": 0,
    "wildcards": False,
    "conn": 2000,
    "leaf": 0,
    "mem_storage": 0,
    "disk_storage": 0,
    "streams": 0,
    "consumer": 0,
}
# What the hub's own accounts may.
OWN_LIMITS: dict[str, Any] = {
    "subs": -1,
    "data": -1,
    "payload": -1,
    "imports": -1,
    "exports": -1,
    "wildcards": True,
    "conn": -1,
    "leaf": -1,
}
MOST_CHANNELS = 1000
MOST_DEPOSITS = 5000
LARGEST_DIRECTORY = 2 << 30
# How many nodes are remembered for having asked lately.
_MOST_KNOWN = 10_000


@dataclass
class _Bucket:
    left: float
    filled_at: float


class RateLimit:
    """A bucket of turns for each name, and one for all of them together.

    Args:
        burst: turns a name has when it comes first, and at most.
        per_second: turns it gets back.
        together: how many times that for all names together.
        clock: seconds.
    """

    def __init__(
        self,
        burst: int,
        per_second: float,
        together: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._together = together
        self._clock = clock
        self._all = _Bucket(burst * together, clock())
        # The longest idle goes first: its bucket is the fullest.
        self._each: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a turn; 0 if there is one, else the seconds until there may be."""
        now = self._clock()
        bucket = self._each.pop(name, None) or _Bucket(self._burst, now)
        self._each[name] = bucket
        if len(self._each) > _MOST_KNOWN:
            self._each.popitem(last=False)
        wait = max(
            self._seconds_until_one(bucket, now, 1),
            self._seconds_until_one(self._all, now, self._together),
        )
        if not wait:
            bucket.left -= 1
            self._all.left -= 1
        return wait

    def _seconds_until_one(self, bucket: _Bucket, now: float, times: int) -> float:
        rate = self._per_second * times
        bucket.left = min(bucket.left + (now - bucket.filled_at) * rate, self._burst * times)
        bucket.filled_at = now
        return 0.0 if bucket.left >= 1 else (1 - bucket.left) / rate
