"""The download of one content from several providers: what to fetch next, from whom, whom to blame.

A machine without clock, network or disk: it is told what happened and when, and says what to do.
Providers are grouped by what they say of the content; the chunks of one group are verified against
one table, so a chunk that is wrong names who sent it. If every chunk is right and the whole is
not, the table was wrong, and nobody who vouched for it is asked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.machines.asked import Asked, Request
from kachery_core.machines.candidates import Candidates, Claim, Provider
from kachery_core.machines.chunks import Chunks, Wishes
from kachery_core.machines.steps import (
    CheckWhole,
    FetchChunks,
    FetchTable,
    Limits,
    Step,
    StopRequest,
    UseTable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kachery_core.errors import KacheryError
    from kachery_core.manifests import Manifest, ReadTable


class Download:
    """One content on its way here.

    Args:
        sha1: of the content.
        now: seconds, of any clock that only goes forward.
        manifest: SHA-1 of the chunk table that its URI names, or ''.
        limits: see there.

    Attributes:
        table: the chunk table in use, or None.
        chunks: which chunks of it are here.
        wishes: which chunks are needed.
        is_complete: the whole is here and has its SHA-1.
        error: why it was given up, or None.
    """

    def __init__(
        self, sha1: str, now: float, *, manifest: str = "", limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self.table: Manifest | None = None
        self.chunks = Chunks(0)
        self.is_complete = False
        self.error: KacheryError | None = None
        self._candidates = Candidates(sha1, manifest, self.limits.largest)
        self._asked = Asked(self.limits)
        self._is_open = False
        self._is_checking = False
        self.wishes = Wishes()
        self._steps: list[Step] = []
        self._progress_at = self._changed_at = now

    @property
    def is_trusted(self) -> bool:
        """Whether the table in use is what the URI names, so that one chunk alone is verified."""
        return self._candidates.is_trusted

    @property
    def is_over(self) -> bool:
        """Whether it ended, well or not."""
        return self.is_complete or self.error is not None

    @property
    def senders(self) -> set[str]:
        """The providers that are answering now."""
        return {each.provider.name for each in self._asked.going()}

    @property
    def blamed(self) -> set[str]:
        """The providers that sent something wrong."""
        return {each.name for each in self._candidates.providers.values() if each.is_blamed}

    @property
    def needs_providers(self) -> bool:
        """Whether something is wanted and nobody is left to ask for it."""
        return bool(self.wishes) and not self.is_over and not self._candidates.anybody

    def wants_search(self, now: float) -> bool:
        """Whether to look for providers: there are none, or those there are do not deliver."""
        is_stuck = now - self._progress_at >= self.limits.hesitation
        return self.needs_providers or (is_stuck and bool(self.wishes) and not self.is_over)

    def has(self, first: int, last: int) -> bool:
        """Whether chunks [first, last) of the table in use are here."""
        return self._is_open and self.chunks.has(first, last)

    def want(self, now: float, first: int = 0, last: int | None = None) -> None:
        """Chunks [first, last) are needed, before all that was wanted so far.

        Without `last` it is all of the content, after what was wanted so far.
        """
        if not self.wishes:
            self._progress_at = now  # nothing was expected until now
        if last is None:
            self.wishes.add_everything()
        else:
            self.wishes.add(first, last)

    def unwant(self) -> None:
        """Nothing more is needed; what is coming may come."""
        self.wishes.clear()

    def offered(self, provider: str, claim: Claim, now: float) -> None:
        """A provider says that it has the content; it may say so again after it was gone."""
        if self._candidates.offered(provider, claim):
            self._changed_at = now

    def searched(self, began_at: float) -> None:
        """All who are there were asked who has the content; those who have it were `offered`."""
        if self.needs_providers and began_at >= self._changed_at and self._candidates.is_hopeless:
            self._fail()

    def opened(self, table: Manifest, here: Iterable[int] = ()) -> None:
        """Everything is ready for the chunks of a table; some are here, verified."""
        if table is self.table:  # another one may be in use by now
            self._is_open = True
            for index in here:
                self.chunks.arrived(index)

    def heard(self, request: int, now: float) -> None:
        """Some bytes of an answer came."""
        self._asked[request].heard_at = now

    def table_came(self, request: int, table: ReadTable, now: float) -> None:
        """What may be the chunk table came."""
        asked = self._asked[request]
        if asked.table is None or asked.is_stopped:
            return
        if self._candidates.table_came(asked.provider, asked.table, table):
            asked.provider.strikes = 0
            self._progress_at = now
        else:
            self._blame(asked.provider, now)

    def chunk_came(
        self, request: int, index: int, now: float, *, under: Manifest, is_right: bool
    ) -> None:
        """A chunk came and was compared with the table `under`."""
        asked = self._asked[request]
        if not asked.is_stopped and (index not in asked.left or not is_right):
            self._blame(asked.provider, now)
        if under is not self.table or not is_right:
            return
        asked.left.discard(index)
        asked.heard_at = asked.chunk_at = self._progress_at = now
        asked.provider.strikes = 0
        self.chunks.arrived(index)

    def ended(self, request: int, now: float) -> None:
        """An answer is over, complete or not; to be told once for every request."""
        asked = self._asked.remove(request)
        if asked.is_stopped:
            return
        self._release(asked)
        known = asked.table is None or asked.provider.claim in self._candidates.tables
        if known and all(self.chunks.is_here(index) for index in asked.left):
            asked.provider.finished(self.limits.longest_run)
        else:
            self._strike(asked.provider, now)

    def misbehaved(self, request: int, now: float) -> None:
        """The provider broke the rules: it sent too much, or what does not open."""
        if not self._asked[request].is_stopped:
            self._blame(self._asked[request].provider, now)

    def vanished(self, provider: str, now: float) -> None:
        """A provider is not there any more, or may not provide any more."""
        known = self._candidates.providers.get(provider)
        if known is not None and not known.is_gone:
            known.is_gone = True
            self._lost(known, now)

    def checked(self, now: float, *, is_right: bool) -> None:
        """The whole was compared with its SHA-1."""
        self._is_checking = False
        self.is_complete = is_right
        if not is_right:
            self._candidates.blame_current()
            self._changed_at = now
            self.table, self._is_open = None, False

    def next(self, now: float) -> list[Step]:
        """What to do now."""
        for asked in self._asked.stalled(now):
            self._stop(asked)
            self._strike(asked.provider, now)
        if self.wishes and not self.is_over and not self._is_checking:
            self._choose(now)
            self._fetch(now)
            self._look_for_the_end(now)
        steps, self._steps = self._steps, []
        return steps

    def wake_at(self, now: float) -> float:
        """When to ask `next` again if nothing happens before."""
        moments = [now + self.limits.patience, self._progress_at + self.limits.patience]
        moments += self._asked.moments()
        moments += [each.rests_until for each in self._candidates.providers.values()]
        return min(moment for moment in moments if moment > now)

    def _choose(self, now: float) -> None:
        """Which table to use; fetch one that might be better."""
        candidates = self._candidates
        for claim in candidates.worth_fetching():
            self._fetch_table(claim, now)
        is_patient = now - self._progress_at < self.limits.patience / 2
        best = candidates.better_one(has_chunks=self.chunks.here > 0, is_patient=is_patient)
        if best is not None:
            self._stop_all()
            self.table = candidates.use(best)
            self.chunks = Chunks(len(self.table.chunks))
            self._is_open = False
            self._steps.append(UseTable(self.table))

    def _fetch_table(self, claim: Claim, now: float) -> None:
        for provider in self._candidates.usable(claim):
            if self._asked.may_ask_for_table(provider, now):
                number = self._asked.add(provider, set(), now, claim).number
                self._steps.append(FetchTable(number, provider.name, claim))

    def _fetch(self, now: float) -> None:
        """Keep everybody busy who can be asked."""
        if not self._is_open:
            return
        if self.chunks.are_all_here:
            self._stop_all()
            self._is_checking = True
            self._steps.append(CheckWhole())
            return
        self.wishes.forget_fulfilled(self.chunks)
        for asked in self._asked.needless(self.chunks):
            self._stop(asked)
        for _ in range(self.limits.slots):
            for provider in self._candidates.usable():
                if self._asked.has_room(provider, now):
                    self._ask_for_chunks(provider, now)

    def _ask_for_chunks(self, provider: Provider, now: float) -> None:
        """Give one provider more to do; as the end comes near, less, so that all end together."""
        slots = self.limits.slots * len(self._candidates.usable())
        share = -(-self.chunks.missing // (2 * min(slots, self.limits.requests)))
        run = self.chunks.next_run(self.wishes.all_of(), max(min(provider.run, share), 1))
        again = None if run else self._asked.run_of_somebody_else(provider, self.chunks, now)
        if run or again:
            first, count = run or again or (0, 0)
            asked = self._asked.add(provider, self.chunks.assigned(first, count), now)
            self._steps.append(FetchChunks(asked.number, provider.name, first, count))

    def _look_for_the_end(self, now: float) -> None:
        waited = now - self._progress_at
        limit = self.limits.patience if self.needs_providers else 2 * self.limits.slowest_chunk
        if self.wishes and not self.is_over and not self._is_checking and waited >= limit:
            self._fail()

    def _fail(self) -> None:
        self._stop_all()
        self.error = self._candidates.reason()

    def _stop_all(self, provider: Provider | None = None) -> None:
        for asked in self._asked.going():
            if provider in (None, asked.provider):
                self._stop(asked)

    def _stop(self, asked: Request) -> None:
        asked.is_stopped = True
        self._release(asked)
        self._steps.append(StopRequest(asked.number))

    def _release(self, asked: Request) -> None:
        """What was asked for can be asked of others, unless others send it already."""
        self.chunks.released(each for each in asked.left if not self._asked.is_coming(each))

    def _strike(self, provider: Provider, now: float) -> None:
        provider.failed(now, self.limits.strikes)
        if provider.is_gone:
            self._changed_at = now

    def _blame(self, provider: Provider, now: float) -> None:
        provider.is_blamed = True
        self._lost(provider, now)

    def _lost(self, provider: Provider, now: float) -> None:
        self._changed_at = now
        self._stop_all(provider)
