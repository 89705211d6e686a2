"""Looking for providers of a content that is on its way, for as long as it needs some."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from kachery_core.errors import NotAllowedError
from kachery_daemon.sharing.finding import Search

if TYPE_CHECKING:
    from kachery_core.machines.download import Download
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.finding import Offer
    from kachery_daemon.system.threads import Threads

SEARCH_SECONDS = 1.0


class Seeker(Protocol):
    """What a content is looked for by; see `Transfer`."""

    machine: Download
    sha1: str
    links: dict[str, Link]

    def offered(self, offer: Offer) -> None:
        """A node says that it has the content."""
        ...

    def fail(self, problem: BaseException) -> None:
        """Nobody may be asked."""
        ...

    def stir(self) -> None:
        """Think again."""
        ...


class Seeking:
    """One search after the other.

    Args:
        seeker: needs providers.
        threads: for opening what comes.
    """

    def __init__(self, seeker: Seeker, threads: Threads) -> None:
        self._seeker = seeker
        self._threads = threads
        self._searched_at = float("-inf")
        self._search: asyncio.Task[None] | None = None

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What goes on."""
        return [] if self._search is None else [self._search]

    def look(self, now: float) -> None:
        """Begin to search if it is time."""
        is_due = now - self._searched_at >= SEARCH_SECONDS and self._search is None
        if is_due and self._seeker.machine.wants_search(now):
            self._searched_at = now
            self._search = asyncio.ensure_future(self._ask_around(now))

    async def _ask_around(self, began_at: float) -> None:
        """Ask once more who has it."""
        seeker = self._seeker
        links = list(seeker.links.values())
        search = Search(links, [seeker.sha1], self._threads)
        try:
            async for offer in search.offers():
                seeker.offered(offer)
            problems = list(search.problems.values())
            # Who is there and silent may have it all the same.
            if not problems and not search.silent:
                seeker.machine.searched(began_at)
            elif len(problems) == len(links) and isinstance(problems[0], NotAllowedError):
                seeker.fail(problems[0])
        finally:
            self._search = None
            seeker.stir()
