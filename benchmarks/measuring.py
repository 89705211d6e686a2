"""Measuring ways of doing the same thing side by side, in one run, taking turns."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.cpu import busy_seconds, own_seconds, pretouch, wait_for_quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DISTURBED_CORES = 0.4
_SHORTEST_JUDGED = 0.15
_ATTEMPTS = 3


class Elapsed(float):
    """Seconds that a run measured itself, closer to the work."""

    __slots__ = ()


@dataclass(frozen=True)
class Way:
    """One way of doing what a table compares.

    Attributes:
        name: of the row.
        run: does it once; the time is what it takes, or what it returns as `Elapsed`.
        prepare: done before each run, not measured.
        clear: done after each run, not measured.
        operations: how many things one run does.
        touches: whether it fills fresh memory or page cache by the gigabyte (see `pretouch`).
        processes: ids of processes that work for it and live on; their CPU time is ours.
        absent: why it cannot be measured here, such as "not installed".
    """

    name: str
    run: Callable[[], object]
    prepare: Callable[[], object] | None = None
    clear: Callable[[], object] | None = None
    operations: int = 1
    touches: bool = False
    processes: tuple[int, ...] = ()
    absent: str = ""


@dataclass
class Timing:
    """What one way took.

    Attributes:
        seconds: of each run.
        foreign: CPU cores that others used meanwhile, of each run.
        operations: in one run.
        absent: why there is no figure, or "".
    """

    seconds: list[float] = field(default_factory=list)
    foreign: list[float] = field(default_factory=list)
    operations: int = 1
    absent: str = ""

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def best(self) -> float:
        return min(self.seconds)

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.median


@dataclass
class Measuring:
    """How to measure, and how much waiting for a quiet machine is left.

    Attributes:
        repeats: runs that count.
        warm_ups: runs before them that do not.
        pretouched: bytes of memory to touch before a run that needs so much.
        patience: seconds to spend on waiting and on repeating disturbed runs, all tables together.
    """

    repeats: int = 5
    warm_ups: int = 1
    pretouched: int = 0
    patience: float = 60.0

    def compare(self, ways: Sequence[Way]) -> dict[str, Timing]:
        """Measure all ways in turn, again and again."""
        timings = {way.name: Timing(operations=way.operations, absent=way.absent) for way in ways}
        for turn in range(-self.warm_ups, self.repeats):
            for way in ways:
                if not way.absent:
                    seconds, foreign = self._undisturbed(way)
                    if turn >= 0:
                        timings[way.name].seconds.append(seconds)
                        timings[way.name].foreign.append(foreign)
        return timings

    def quiet(self) -> None:
        """Wait for a quiet machine, as long as there is patience."""
        if self.patience > 0:
            self.patience -= wait_for_quiet(min(self.patience, 5.0))

    def _undisturbed(self, way: Way) -> tuple[float, float]:
        """A run that others left alone, or the last attempt; its time plays no part in this."""
        for attempt in range(_ATTEMPTS):
            seconds, foreign = self._once(way)
            was_left_alone = seconds < _SHORTEST_JUDGED or foreign < _DISTURBED_CORES
            if was_left_alone or self.patience <= 0 or attempt == _ATTEMPTS - 1:
                break
            self.patience -= seconds
        return seconds, foreign

    def _once(self, way: Way) -> tuple[float, float]:
        if way.prepare is not None:
            way.prepare()
        gc.collect()
        # What the run before left in memory for the disk is not this one's to wait for.
        os.sync()
        self.quiet()
        if way.touches:
            pretouch(self.pretouched)
        busy, own = busy_seconds(), own_seconds(way.processes)
        began = time.perf_counter()
        answer = way.run()
        passed = time.perf_counter() - began
        ours = own_seconds(way.processes) - own
        everybodys = (busy_seconds() or 0.0) - busy if busy is not None else ours
        if way.clear is not None:
            way.clear()
        seconds = float(answer) if isinstance(answer, Elapsed) else passed
        return seconds, max(0.0, (everybodys - ours) / max(passed, 0.02))
