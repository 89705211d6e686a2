"""Which chunks of a content are here, which are coming, and which to fetch next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MISSING, _COMING, _HERE = 0, 1, 2
_EVERYTHING = (0, 1 << 62)


class Chunks:
    """The chunks of one table.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int) -> None:
        # One byte each, searched at the speed of memory: 1 TiB has a million of them.
        self._states = bytearray(count)
        self.missing = count
        self.here = 0

    @property
    def are_all_here(self) -> bool:
        """Whether nothing is left to fetch."""
        return self.here == len(self._states)

    def has(self, first: int, last: int) -> bool:
        """Whether all of [first, last) are here."""
        return self._states.count(_HERE, first, last) == max(last - first, 0)

    def is_here(self, index: int) -> bool:
        """Whether one chunk is here."""
        return self._states[index] == _HERE

    def arrived(self, index: int) -> None:
        """A verified chunk is here."""
        self._set(index, _HERE)

    def assigned(self, first: int, count: int) -> set[int]:
        """Chunks are on their way; those that were not here yet."""
        run = {index for index in range(first, first + count) if not self.is_here(index)}
        for index in run:
            self._set(index, _COMING)
        return run

    def released(self, indices: Iterable[int]) -> None:
        """Chunks are not on their way any more."""
        for index in indices:
            if self._states[index] == _COMING:
                self._set(index, _MISSING)

    def next_run(self, wanted: Iterable[tuple[int, int]], longest: int) -> tuple[int, int] | None:
        """The next chunks to fetch: the first one and how many; None if there are none.

        Args:
            wanted: ranges of chunks [first, last), the most urgent first.
            longest: the most chunks in a run.
        """
        for first, last in wanted:
            start = self._states.find(_MISSING, first, min(last, len(self._states)))
            if start >= 0:
                end = start
                stop = min(last, len(self._states), start + longest)
                while end < stop and self._states[end] == _MISSING:
                    end += 1
                return start, end - start
        return None

    def _set(self, index: int, state: int) -> None:
        before = self._states[index]
        self._states[index] = state
        self.missing += (state == _MISSING) - (before == _MISSING)
        self.here += (state == _HERE) - (before == _HERE)


class Wishes:
    """Which ranges of chunks are wanted, the most urgent first."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def all_of(self) -> list[tuple[int, int]]:
        """The ranges, the most urgent first."""
        return self._ranges

    def add(self, first: int, last: int) -> None:
        """Want a range before everything else."""
        self._ranges.insert(0, (first, last))

    def add_everything(self) -> None:
        """Want all of it, after what is more urgent."""
        if _EVERYTHING not in self._ranges:
            self._ranges.append(_EVERYTHING)

    def forget_fulfilled(self, chunks: Chunks) -> None:
        """Drop ranges that are here."""
        self._ranges = [
            each for each in self._ranges if each == _EVERYTHING or not chunks.has(*each)
        ]

    def clear(self) -> None:
        """Want nothing."""
        self._ranges.clear()
