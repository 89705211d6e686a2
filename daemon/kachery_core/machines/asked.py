"""What providers were asked for and have not answered completely."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kachery_core.machines.candidates import Claim, Provider
    from kachery_core.machines.chunks import Chunks
    from kachery_core.machines.steps import Limits


@dataclass(eq=False)
class Request:
    """One question to one provider.

    Attributes:
        number: its name.
        provider: who was asked.
        left: chunks that did not come yet.
        heard_at: when the last byte came, seconds.
        chunk_at: when the last chunk came, seconds.
        table: the claim whose table was asked for, or None if chunks were.
        is_stopped: nobody needs it any more, and its end was not told yet.
        is_doubled: somebody else was asked for the same.
    """

    number: int
    provider: Provider
    left: set[int]
    heard_at: float
    chunk_at: float
    table: Claim | None = None
    is_stopped: bool = False
    is_doubled: bool = False


class Asked:
    """All requests whose end was not told yet."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._requests: dict[int, Request] = {}
        self._last_number = 0

    def __len__(self) -> int:
        return len(self._requests)

    def __getitem__(self, number: int) -> Request:
        return self._requests[number]

    def going(self) -> Iterator[Request]:
        """Those that are still needed."""
        return (each for each in list(self._requests.values()) if not each.is_stopped)

    def add(
        self, provider: Provider, left: set[int], now: float, table: Claim | None = None
    ) -> Request:
        """Somebody is asked for something."""
        self._last_number += 1
        asked = Request(self._last_number, provider, left, now, now, table)
        self._requests[asked.number] = asked
        provider.requests += 1
        return asked

    def remove(self, number: int) -> Request:
        """An answer is over."""
        asked = self._requests.pop(number)
        asked.provider.requests -= 1
        return asked

    def has_room(self, provider: Provider, now: float) -> bool:
        """Whether a provider can be asked for more."""
        is_free = provider.requests < self._limits.slots and provider.rests_until <= now
        return is_free and len(self._requests) < self._limits.requests

    def is_coming(self, index: int) -> bool:
        """Whether anybody is sending a chunk."""
        return any(index in each.left for each in self.going())

    def stalled(self, now: float) -> list[Request]:
        """Those that have taken too long."""
        return [each for each in self.going() if self._deadline(each) <= now]

    def may_ask_for_table(self, provider: Provider, now: float) -> bool:
        """Whether to ask a provider for a table: nobody else is about to send one."""
        coming = [each for each in self.going() if each.table is not None]
        is_late = all(each.heard_at + self._limits.hesitation <= now for each in coming)
        is_new = all(each.provider is not provider for each in coming)
        return is_late and is_new and self.has_room(provider, now)

    def run_of_somebody_else(
        self, idle: Provider, chunks: Chunks, now: float
    ) -> tuple[int, int] | None:
        """Chunks of the answer that hesitates the longest: the first one and how many.

        An idle provider can be asked for them as well, and after another while the next one.
        """
        own = {index for each in self.going() if each.provider is idle for index in each.left}
        late = [
            (each.chunk_at, missing, each)
            for each in self.going()
            if not each.is_doubled and each.chunk_at + self._limits.hesitation <= now
            for missing in [{index for index in each.left - own if not chunks.is_here(index)}]
            if missing
        ]
        if not late:
            return None
        _, missing, asked = min(late, key=operator.itemgetter(0))
        asked.is_doubled = True
        first = last = min(missing)
        while last - first < idle.run and last in missing:
            last += 1
        return first, last - first

    def needless(self, chunks: Chunks) -> list[Request]:
        """Those of which everything has come from somebody else."""
        return [
            each
            for each in self.going()
            if each.left and all(chunks.is_here(index) for index in each.left)
        ]

    def moments(self) -> Iterator[float]:
        """When something about a request changes by time alone."""
        for each in self.going():
            yield self._deadline(each)
            yield each.chunk_at + self._limits.hesitation

    def _deadline(self, asked: Request) -> float:
        limits = self._limits
        return min(asked.heard_at + limits.stall, asked.chunk_at + limits.slowest_chunk)
