"""Reading parts of content that stays where it is: only the chunks that are needed come here."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    ContentNotFoundError,
    StorageFailedError,
    TooBusyError,
    TransferCancelledError,
)
from kachery_daemon.network.ending import end_tasks
from kachery_daemon.sharing.finding import Search
from kachery_store.reading import checked_range

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Sequence
    from typing import Any

    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.downloads import Downloads, Wanted
    from kachery_daemon.sharing.finding import Offer
    from kachery_daemon.sharing.transfer import Transfer
    from kachery_daemon.system.threads import Threads

# Whoever reads on soon goes on with the same providers and table.
_IDLE_SECONDS = 60.0
_FIRST_AHEAD = 4
_MOST_AHEAD = 64
_MOST_OPEN = 64
_MOMENT = 0.02


class _Moved(Exception):  # noqa: N818 - no error, and seen by nobody else
    """What is read is in another file by now."""


class _Opened:
    """A content that is being read."""

    def __init__(self, transfer: Transfer, leaving: contextlib.AsyncExitStack) -> None:
        self.transfer = transfer
        self.leaving = leaving
        self.readers = 0
        self.used_at = _now()
        self._end = 0
        self._ahead = 0

    def ahead(self, start: int, end: int) -> int:
        """How many chunks reading is likely to need next: the more the longer it goes on."""
        goes_on = start == self._end and start > 0
        self._ahead = min(max(2 * self._ahead, _FIRST_AHEAD), _MOST_AHEAD) if goes_on else 0
        self._end = end
        return self._ahead


class RangeReader:
    """Reads ranges of contents of other nodes.

    Args:
        downloads: the transfers of the node.
        threads: for opening what comes.
    """

    def __init__(self, downloads: Downloads, threads: Threads) -> None:
        self._downloads = downloads
        self._threads = threads
        self._opened: dict[str, _Opened] = {}
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(
        self, wanted: Wanted, start: int, end: int, links: Sequence[Link]
    ) -> tuple[bytes, int] | None:
        """Verified bytes [start, end), and the size of the content.

        Returns:
            None if only the whole can be verified.

        Raises:
            ContentNotFoundError: nobody has it.
            InvalidRangeError: not within the content.
            KacheryError: it was found, and did not come.
        """
        opened = await self._open(wanted, links)
        opened.readers += 1
        try:
            while not opened.transfer.machine.is_complete:
                # Its file is on its way into the store, or goes on under another table.
                with contextlib.suppress(_Moved):
                    return await self._read(opened, start, end)
                await asyncio.sleep(_MOMENT)
        finally:
            opened.readers -= 1
            opened.used_at = _now()
        return None

    async def close(self) -> None:
        """Stop reading."""
        await end_tasks(self._tasks)
        for sha1 in list(self._opened):
            await self._opened.pop(sha1).leaving.aclose()

    async def _read(self, opened: _Opened, start: int, end: int) -> tuple[bytes, int] | None:
        try:
            return await self._read_now(opened, start, end)
        except TransferCancelledError as problem:
            if opened.transfer.has_failed:
                raise
            raise _Moved from problem

    async def _read_now(self, opened: _Opened, start: int, end: int) -> tuple[bytes, int] | None:
        transfer, machine = opened.transfer, opened.transfer.machine
        first, last = start // CHUNK_SIZE, -(-end // CHUNK_SIZE)
        await transfer.want(first, max(first, last))
        await transfer.wait(lambda: machine.is_complete or transfer.landing.sink is not None)
        size = transfer.size
        if machine.is_complete or not (machine.is_trusted or size <= CHUNK_SIZE):
            return None
        checked_range(size, start, end)
        await transfer.wait(lambda: machine.is_complete or machine.has(first, last))
        data = await transfer.landing.read(start, end)
        if data is None:
            raise StorageFailedError(
                "The disk gives back other bytes than it was given.", hint="Look at the disk."
            )
        ahead = opened.ahead(start, end)
        if ahead and not transfer.has_ended:
            await transfer.want(last, min(last + ahead, -(-size // CHUNK_SIZE)))
        return data, size

    async def _open(self, wanted: Wanted, links: Sequence[Link]) -> _Opened:
        """A content that is being read, or looked for now."""
        async with self._turn:
            opened = self._opened.get(wanted.sha1)
            if opened is not None and not opened.transfer.has_ended:
                return opened
        search = Search(links, [wanted.sha1], self._threads)
        offers = search.offers()
        async for offer in offers:
            async with self._turn:
                opened = await self._join(wanted, offer, links)
            self._begin(self._take_others(opened, offers))
            return opened
        for problem in search.problems.values():
            raise problem
        raise search.silence() or nobody_has(wanted.sha1)

    async def _join(self, wanted: Wanted, offer: Offer, links: Sequence[Link]) -> _Opened:
        before = self._opened.get(wanted.sha1)
        if before is not None and not before.transfer.has_ended:
            before.transfer.offered(offer)
            return before
        if before is not None:
            await self._opened.pop(wanted.sha1).leaving.aclose()
        if len(self._opened) >= _MOST_OPEN:
            await self._close_one()
        leaving = contextlib.AsyncExitStack()
        origin = {"channel": offer.source.link.name, "node": offer.source.node_id}
        joined = self._downloads.joined(wanted, origin, links)
        opened = _Opened(await leaving.enter_async_context(joined), leaving)
        opened.transfer.offered(offer)
        self._opened[wanted.sha1] = opened
        if len(self._opened) == 1:
            self._begin(self._close_idle())
        return opened

    async def _take_others(self, opened: _Opened, offers: AsyncGenerator[Offer, None]) -> None:
        """Others may have it as well."""
        async for offer in offers:
            opened.transfer.offered(offer)

    async def _close_idle(self) -> None:
        """Let go of what nobody has read from for a while."""
        while self._opened:
            await asyncio.sleep(_IDLE_SECONDS / 4)
            async with self._turn:
                for sha1, opened in list(self._opened.items()):
                    if not opened.readers and _now() - opened.used_at > _IDLE_SECONDS:
                        await self._opened.pop(sha1).leaving.aclose()

    async def _close_one(self) -> None:
        """Make room: let go of what was not read from for the longest time."""
        idle = [sha1 for sha1, opened in self._opened.items() if not opened.readers]
        if not idle:
            raise TooBusyError(
                f"{_MOST_OPEN} contents of other nodes are being read.", hint="Try again later."
            )
        oldest = min(idle, key=lambda sha1: self._opened[sha1].used_at)
        await self._opened.pop(oldest).leaving.aclose()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def nobody_has(sha1: str) -> ContentNotFoundError:
    """The error for content that was not found."""
    return ContentNotFoundError(
        f"Nobody on the channels has the content {sha1}.",
        hint="`kc.explain(uri)` says where was looked.",
        sha1=sha1,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
