"""One subfeed that is being followed: whom to ask for what, and when. Pure: the time is given.

Whoever drives it tells what happened and does what `steps` says. Nothing here trusts a source: a
length counts only after its signature was checked, a message only after it was joined to the copy.
A source that is silent or false is left alone for a while, and the next best is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    # How reading from a source ended: messages were joined; it had none; it did not answer; what it
    # sent was not what the feed's writer wrote.
    Outcome: TypeAlias = Literal["joined", "nothing", "silent", "false"]

# Live messages may get lost without a trace, so the source is asked in any case.
CHECK_SECONDS = 2.0
# With no source; with one that is not the writer, who may have come back; with the writer.
FIND_SECONDS = (2.0, 10.0, 30.0)
_LEFT_ALONE_SECONDS = {"nothing": 5.0, "silent": 5.0, "false": 600.0}


class Source(msgspec.Struct, frozen=True):
    """One run of one node, as it is reached on one channel."""

    channel: str
    node: str
    instance: str


class Find(msgspec.Struct, frozen=True):
    """Ask everybody who has the subfeed."""


class Read(msgspec.Struct, frozen=True):
    """Ask a source for the messages from a position on."""

    source: Source
    position: int


class Check(msgspec.Struct, frozen=True):
    """Ask a source whether it has more than so many messages."""

    source: Source
    length: int


Step = Find | Read | Check


class _Known(msgspec.Struct):
    length: int
    is_writer: bool


class Replication:
    """Owns: how much is held, who has how much, who is being asked, who is left alone until when.

    Args:
        held: how many messages the copy has.
    """

    def __init__(self, held: int) -> None:
        self.held = held
        self._sources: dict[Source, _Known] = {}
        self._left_alone: dict[Source, float] = {}
        self._read: Source | None = None
        self._is_finding = False
        self._is_news = False
        self._find_at = 0.0
        self._check_at = 0.0
        self._paused_until = 0.0

    @property
    def expected(self) -> int:
        """How many messages the copy will have if the known sources go on answering."""
        lengths = [known.length for known in self._sources.values()]
        return max([self.held, *lengths])

    def has_writer(self, channel: str) -> bool:
        """Whether the feed's writer is known on a channel."""
        return any(
            known.is_writer and source.channel == channel for source, known in self._sources.items()
        )

    def offered(self, source: Source, length: int, *, is_writer: bool, now: float) -> None:
        """A source has so many messages; the signature of the last was checked."""
        if now < self._left_alone.get(source, 0.0):
            return
        known = self._sources.setdefault(source, _Known(length, is_writer))
        known.length = max(known.length, length)
        known.is_writer = is_writer

    def grown(self, held: int) -> None:
        """The copy has more messages, however they came."""
        self.held = max(self.held, held)

    def read_ended(self, source: Source, outcome: Outcome, now: float) -> None:
        """What came of a `Read`."""
        if self._read == source:
            self._read = None
        if outcome != "joined":
            self._leave_alone(source, now + _LEFT_ALONE_SECONDS[outcome], now)

    def checked(self, source: Source, *, is_answered: bool, now: float) -> None:
        """What came of a `Check`; what the source has was told by `offered`."""
        if not is_answered:
            self._leave_alone(source, now + _LEFT_ALONE_SECONDS["silent"], now)

    def found(self, now: float) -> None:
        """A `Find` is over; who was found was told by `offered`."""
        self._is_finding = False
        self._find_at = 0.0 if self._is_news else now + self._find_seconds()
        self._is_news = False

    def look_again(self) -> None:
        """Somebody came who may have the subfeed."""
        self._find_at = 0.0
        self._is_news = self._is_finding

    def gone(self, is_gone: Callable[[Source], bool]) -> None:
        """Some sources cannot be reached any more."""
        for source in [source for source in self._sources if is_gone(source)]:
            del self._sources[source]
            if self._read == source:
                self._read = None
        if not self._sources:
            self._find_at = 0.0

    def pause(self, until: float) -> None:
        """Ask nobody for messages for a while: here is no room for them."""
        self._paused_until = until

    def steps(self, now: float) -> list[Step]:
        """What should be done now; each is to be answered for by one of the calls above."""
        steps: list[Step] = []
        if not self._is_finding and now >= self._find_at:
            self._is_finding = True
            steps.append(Find())
        if self._read is None and now >= self._paused_until:
            steps += self._next_read(now)
        return steps

    def _next_read(self, now: float) -> list[Step]:
        best = self._by_length(lambda known: known.length > self.held)
        if best:
            self._read = best[0]
            return [Read(best[0], self.held)]
        if now >= self._check_at and (best := self._by_length(lambda _: True)):
            # At the same moment as for other subfeeds, so that one question is enough for all.
            self._check_at = (now // CHECK_SECONDS + 1) * CHECK_SECONDS
            return [Check(best[0], self.held)]
        return []

    def _by_length(self, is_meant: Callable[[_Known], bool]) -> list[Source]:
        meant = [(source, known) for source, known in self._sources.items() if is_meant(known)]
        meant.sort(key=lambda one: (-one[1].length, not one[1].is_writer))
        return [source for source, _ in meant]

    def _leave_alone(self, source: Source, until: float, now: float) -> None:
        until = max(until, self._left_alone.get(source, 0.0))
        self._left_alone = {one: end for one, end in self._left_alone.items() if end > now}
        self._left_alone[source] = until
        self._sources.pop(source, None)
        if not self._sources:
            self._find_at = min(self._find_at, now + FIND_SECONDS[0])

    def _find_seconds(self) -> float:
        if not self._sources:
            return FIND_SECONDS[0]
        has_writer = any(known.is_writer for known in self._sources.values())
        return FIND_SECONDS[2] if has_writer else FIND_SECONDS[1]
