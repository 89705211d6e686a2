"""One load: some contents are looked for together, and each comes as it suits its size."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from kachery_core.digests import sha1_hex
from kachery_core.errors import HubUnreachableError, KacheryError
from kachery_core.wire.loads import LoadProgress
from kachery_core.wire.node_files import LARGEST_INLINE
from kachery_daemon.network.ending import end_tasks
from kachery_daemon.sharing.finding import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Literal

    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.downloads import Downloads, Wanted
    from kachery_daemon.sharing.finding import Offer
    from kachery_daemon.sharing.transfer import Transfer
    from kachery_daemon.system.threads import Threads

_REPORT_SECONDS = 0.1
_log = logging.getLogger(__name__)


class Batch:
    """Contents that are wanted together.

    Args:
        wanted: by SHA-1; none of them is here.
        links: the channels to ask.
        downloads: the transfers of the node.
        threads: for opening what comes.

    Attributes:
        channels: the id of the channel on which each content was found first.
    """

    def __init__(
        self,
        wanted: dict[str, Wanted],
        links: Sequence[Link],
        downloads: Downloads,
        threads: Threads,
    ) -> None:
        self._wanted = wanted
        self._links = links
        self._downloads = downloads
        self._search = Search(links, list(wanted), threads, LARGEST_INLINE)
        self._work: dict[str, asyncio.Task[None]] = {}
        self._offers: dict[str, list[Offer]] = {}
        self._transfers: dict[str, Transfer] = {}
        self._sizes: dict[str, int] = {}
        self._inline: set[str] = set()
        self.channels: dict[str, str] = {}
        self._paths: set[str] = set()
        self._rate = 0.0
        self._rated = (time.monotonic(), 0)

    async def run(self, report: Callable[[LoadProgress], None] | None) -> set[str]:
        """Have them here; the SHA-1 of those that are.

        Raises:
            HubUnreachableError: something was not found, and a channel could not be asked.
            NoProviderError: something was not found, and who may have it did not answer.
            KacheryError: something was found and did not come; everything else is here.
        """
        searching = asyncio.ensure_future(self._look())
        reporting = asyncio.ensure_future(self._report(report))
        try:
            await self._wait(searching)
            for work in self._work.values():
                work.result()
            if searching.done():
                searching.result()
        finally:
            await end_tasks([searching, reporting, *self._work.values()])
            if report is not None:
                report(self._progress())
        missing = self._wanted.keys() - self._work.keys()
        if missing and self._search.problems:
            raise self._could_not_ask(len(missing))
        if missing and (silence := self._search.silence()) is not None:
            raise silence
        return set(self._work)

    async def _wait(self, searching: asyncio.Task[None]) -> None:
        """Until everything came, or the search is over and what was found has come."""
        while not searching.done() or any(not work.done() for work in self._work.values()):
            if len(self._work) == len(self._wanted) and all(
                work.done() for work in self._work.values()
            ):
                return
            left = [task for task in (searching, *self._work.values()) if not task.done()]
            await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)

    async def _look(self) -> None:
        async for offer in self._search.offers():
            if offer.inline is not None:
                self._take_inline(offer, offer.inline)
            else:
                self._take_offer(offer)
            if len(self._inline) == len(self._wanted):
                return

    def _take_inline(self, offer: Offer, data: bytes) -> None:
        """A content came along with its offer."""
        if offer.sha1 in self._inline:
            return
        if sha1_hex(data) != offer.sha1:
            _log.info("%s sent wrong bytes for %s", offer.source.name, offer.sha1)
            return
        self._inline.add(offer.sha1)
        self._paths.add("hub")
        self.channels.setdefault(offer.sha1, offer.source.link.channel_id)
        self._sizes[offer.sha1] = len(data)
        if offer.sha1 not in self._work:
            label = self._wanted[offer.sha1].label(_origin(offer))
            add = self._downloads.sinks.committer.add(data, label)
            self._work[offer.sha1] = asyncio.ensure_future(add)

    def _take_offer(self, offer: Offer) -> None:
        """Somebody has a content: fetch it, or ask for some of it as well."""
        sha1 = offer.sha1
        self._sizes.setdefault(sha1, offer.size)
        self.channels.setdefault(sha1, offer.source.link.channel_id)
        if sha1 in self._transfers:
            self._transfers[sha1].offered(offer)
        elif sha1 in self._offers:
            self._offers[sha1].append(offer)
        elif sha1 not in self._work:
            self._offers[sha1] = [offer]
            self._work[sha1] = asyncio.ensure_future(self._fetch(self._wanted[sha1], offer))

    async def _fetch(self, wanted: Wanted, offer: Offer) -> None:
        downloads = self._downloads
        async with downloads.slots, downloads.joined(wanted, _origin(offer), self._links) as it:
            self._transfers[wanted.sha1] = it
            for early in self._offers.pop(wanted.sha1):
                it.offered(early)
            await it.want_whole()
            await it.wait(lambda: it.machine.is_complete)
            self._sizes[wanted.sha1] = it.size
            self._paths |= it.paths

    async def _report(self, report: Callable[[LoadProgress], None] | None) -> None:
        while report is not None:
            await asyncio.sleep(_REPORT_SECONDS)
            report(self._progress())

    def _progress(self) -> LoadProgress:
        done = 0
        senders: dict[str, str] = {}
        for sha1, work in list(self._work.items()):
            transfer = self._transfers.get(sha1)
            if work.done():
                done += self._sizes[sha1]
            elif transfer is not None:
                done += transfer.received
                self._sizes[sha1] = transfer.size or self._sizes[sha1]
                senders.update(transfer.senders)
                self._paths |= transfer.paths
        self._measure(done)
        total = max(sum(self._sizes.values()), done)
        return LoadProgress(done, total, self._rate, len(senders), _path(self._paths))

    def _measure(self, done: int) -> None:
        """Bytes per second, lately."""
        now, (before, count) = time.monotonic(), self._rated
        if now > before:
            rate = (done - count) / (now - before)
            self._rate = rate if not self._rate else 0.8 * self._rate + 0.2 * rate
            self._rated = (now, done)

    def _could_not_ask(self, missing: int) -> KacheryError:
        name, problem = next(iter(self._search.problems.items()))
        if not isinstance(problem, HubUnreachableError):
            return problem
        what = "it" if missing == 1 else f"{missing} contents"
        return HubUnreachableError(
            f"Nobody who could be asked has {what}, and channel {name!r} could not be asked:"
            f" {problem.message}",
            hint=problem.hint,
            **{**problem.fields, "channel": name},
        )


def _origin(offer: Offer) -> dict[str, str]:
    return {"channel": offer.source.link.name, "node": offer.source.node_id}


def _path(paths: Iterable[str]) -> Literal["", "direct", "hub", "both"]:
    found = set(paths) - {""}
    if len(found) > 1:
        return "both"
    return "direct" if "direct" in found else "hub" if found else ""
