"""A world of providers, good and bad, in which downloads are tried out: no disk, no clock, a seed.

Every provider has a temper that says how it answers; the world carries its answers to the machine
in random order, checks them as a real driver does, and watches that the machine keeps its rules.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE, blake3_hex, chunk_digests, sha1_hex
from kachery_core.machines.candidates import Claim
from kachery_core.machines.download import Download
from kachery_core.machines.steps import (
    CheckWhole,
    FetchChunks,
    FetchTable,
    Limits,
    Step,
    StopRequest,
    UseTable,
)
from kachery_core.manifests import Manifest, encode_manifest, make_manifest, read_table

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPERS = (
    "honest",
    "slow",
    "wrong",
    "rarely wrong",
    "wrong table",
    "other table",
    "junk table",
    "truncates",
    "too much",
    "repeats",
    "silent",
    "stops",
    "trickles",
    "vanishes",
    "returns",
    "has nothing",
    "boasts",
    "has no table yet",
)
HONEST = {"honest", "slow", "returns", "has no table yet"}
LIMITS = Limits(longest_run=8, largest=1 << 40)
_LONGEST = 100_000.0


@dataclass(frozen=True)
class Variant:
    """One version of a content: its chunks and its table, as they are or as a liar has them.

    Chunks are compared as Python compares bytes, which is quicker than hashing them each time.
    """

    chunks: tuple[bytes, ...]
    table: Manifest
    encoded: bytes


@functools.cache
def variant(chunks: int, *, is_lie: bool = False) -> Variant:
    """Content of some chunks that are quick to tell apart; a lie has another first byte."""
    pieces = [index.to_bytes(8, "big") * (CHUNK_SIZE // 8) for index in range(chunks)]
    if pieces:
        pieces[-1] = pieces[-1][:-7]
    data = b"".join(pieces)
    sha1 = sha1_hex(data)
    if is_lie:
        pieces[:1] = [_spoilt(pieces[0]) if pieces else b"x"]
        data = b"".join(pieces)
    table = make_manifest(sha1, len(data), chunk_digests(data))
    return Variant(tuple(pieces), table, encode_manifest(table))


def _spoilt(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


@dataclass
class Source:
    """One provider.

    Attributes:
        name: of the provider.
        temper: one of TEMPERS.
        content: what it has.
        table: the table it shows.
        claim: what it says at first.
        is_there: whether it answers at all.
    """

    name: str
    temper: str
    content: Variant
    table: bytes
    claim: Claim
    is_there: bool = True


@dataclass
class World:
    """One download of a content, tried out.

    Args:
        count: chunks of the content.
        tempers: of its providers.
        seed: of everything random.
        manifest: whether the URI names the table.
        here: chunks that were there before.
    """

    count: int
    tempers: list[str]
    seed: int
    manifest: bool = False
    here: set[int] = field(default_factory=set)
    now: float = 0.0
    served: dict[int, int] = field(default_factory=dict)
    kept: dict[int, bytes] = field(default_factory=dict)
    most_requests: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.content = variant(self.count)
        self._lie = variant(self.count, is_lie=True)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._going: dict[int, Source] = {}
        self._stopped: set[int] = set()
        self._using: Manifest | None = None
        self._old_chunks = {index: self.content.chunks[index] for index in self.here}
        self.sources = {
            f"{index}-{temper}": self._source(f"{index}-{temper}", temper)
            for index, temper in enumerate(self.tempers)
        }
        manifest = sha1_hex(self.content.encoded) if self.manifest else ""
        self.machine = Download(self.content.table.sha1, 0.0, manifest=manifest, limits=LIMITS)

    @property
    def has_everything(self) -> bool:
        """Whether the right bytes are here, all of them."""
        return self.kept == dict(enumerate(self.content.chunks))

    def run(self) -> None:
        """Let it happen until it is over."""
        self.machine.want(self.now)
        self._search()
        while not self.machine.is_over:
            self._take(self.machine.next(self.now))
            if self.machine.is_over:
                break
            moment = self.machine.wake_at(self.now)
            assert moment > self.now
            if self._events and self._events[0][0] <= moment:
                self.now, _, happen = heapq.heappop(self._events)
                happen()
            else:
                self.now = moment
            assert self.now < _LONGEST, "it never ends"
        self._take(self.machine.next(self.now))
        while self._events:  # what was on its way still arrives, and changes nothing
            self.now, _, happen = heapq.heappop(self._events)
            if self._going:
                happen()
            else:
                break

    def _source(self, name: str, temper: str) -> Source:
        content = self._lie if temper == "wrong table" else self.content
        table = b'{"size": 1e99}' if temper == "junk table" else content.encoded
        claim = Claim(content.table.size, blake3_hex(table))
        if temper == "has no table yet":
            claim = Claim(content.table.size)
        elif temper == "boasts":
            claim = Claim(1 << 60, blake3_hex(table))
        elif temper == "other table":
            table = table[:-1] + b" }"
        return Source(name, temper, content, table, claim)

    def _is_right(self, index: int, data: bytes) -> bool:
        """Whether a chunk is what the table in use says."""
        if self._using is None:
            return False
        for content in (self.content, self._lie):
            if content.table.chunks == self._using.chunks:
                return content.chunks[index] == data
        return self._using.chunks[index].matches(data)

    def _later(self, happen: Callable[[], None], most: float) -> None:
        moment = self.now + self.random.uniform(0.001, most)
        heapq.heappush(self._events, (moment, next(self._order), happen))

    def _search(self) -> None:
        """Ask everybody who is there, again and again while somebody is needed."""
        began = self.now
        for source in self.sources.values():
            if source.is_there:
                self.machine.offered(source.name, source.claim, self.now)
        self.machine.searched(began)

        def again() -> None:
            if self.machine.wants_search(self.now):
                self._search()
            elif not self.machine.is_over:
                self._later(again, 3.0)

        if not self.machine.is_over:
            self._later(again, 3.0)

    def _take(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, UseTable):
                self._use(step.table)
            elif isinstance(step, CheckWhole):
                self._later(self._check, 0.1)
            elif isinstance(step, StopRequest):
                self._stopped.add(step.request)
                if step.request in self._going:
                    number = step.request
                    self._later(lambda number=number: self._end(number), 0.5)  # type: ignore[misc]
            else:
                self._going[step.request] = self.sources[step.provider]
                self.most_requests = max(self.most_requests, len(self._going))
                self._ask(step)

    def _use(self, table: Manifest) -> None:
        self._using, chunks = table, table.chunks
        kept = self.kept | self._old_chunks
        self.kept = {
            index: data
            for index, data in kept.items()
            if index < len(chunks) and self._is_right(index, data)
        }
        self.machine.opened(table, self.kept)

    def _check(self) -> None:
        self.machine.checked(self.now, is_right=self.has_everything)

    def _ask(self, step: FetchTable | FetchChunks) -> None:
        source, number = self.sources[step.provider], step.request
        if source.temper == "silent":
            return
        if not source.is_there or source.temper == "has nothing":
            self._later(lambda: self._end(number), 0.2)
        elif isinstance(step, FetchTable):
            if source.temper == "stops" and self.random.random() < 0.5:
                return
            self._later(lambda: self._bring_table(number, source), 0.3)
        else:
            self._check_question(step)
            self._serve(step, source, list(range(step.first, step.first + step.count)))

    def _check_question(self, step: FetchChunks) -> None:
        assert self._using is not None
        assert 0 < step.count <= LIMITS.longest_run
        assert step.first + step.count <= len(self._using.chunks)
        for index in range(step.first, step.first + step.count):
            assert index not in self.kept, f"chunk {index} is here and was asked for again"
            self.served[index] = self.served.get(index, 0) + 1

    def _serve(self, step: FetchChunks, source: Source, left: list[int]) -> None:
        """Send the next of the chunks, as the provider's temper has it, and go on later."""
        number, draw = step.request, self.random.random()
        if number not in self._going:
            return
        if not source.is_there or not left or (source.temper == "truncates" and draw < 0.3):
            self._end(number)
            return
        if source.temper in {"stops", "trickles"} and draw < 0.3:
            self._silence(number, source)
            return
        index = left[0]
        data = source.content.chunks[index]
        is_bad = source.temper == "wrong" or (source.temper == "rarely wrong" and draw < 0.2)
        if is_bad:
            data = _spoilt(data)
        if source.temper == "too much" and draw < 0.3:
            index = step.first + step.count
        if source.temper in {"vanishes", "returns"} and draw < 0.2:
            self._vanish(source)
            return
        self._bring_chunk(number, index, data)
        is_repeating = source.temper == "repeats" and draw < 0.3
        rest = left if is_repeating else left[1:]
        slowness = 4.0 if source.temper == "slow" else 0.2
        self._later(lambda: self._serve(step, source, rest), slowness)

    def _silence(self, number: int, source: Source) -> None:
        """Send nothing any more, or hardly anything."""
        if source.temper == "trickles" and number in self._going and number not in self._stopped:
            self.machine.heard(number, self.now)
            self._later(lambda: self._silence(number, source), 5.0)

    def _vanish(self, source: Source) -> None:
        source.is_there = False
        self.machine.vanished(source.name, self.now)
        if source.temper == "returns":
            self._later(lambda: setattr(source, "is_there", True), 10.0)

    def _bring_table(self, number: int, source: Source) -> None:
        if number in self._going:
            self.machine.table_came(number, read_table(source.table), self.now)
            self._end(number)

    def _bring_chunk(self, number: int, index: int, data: bytes) -> None:
        using = self._using
        if using is None or index >= len(using.chunks):
            if number not in self._stopped:
                self.machine.misbehaved(number, self.now)
            return
        is_right = self._is_right(index, data)
        if is_right:
            self.kept[index] = data
        self.machine.chunk_came(number, index, self.now, under=using, is_right=is_right)

    def _end(self, number: int) -> None:
        if self._going.pop(number, None) is not None:
            self.machine.ended(number, self.now)
