"""Keeps an archive within its quota: the least recently used goes, never what is the owner's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kachery_core.errors import ContentNotFoundError, FeedNotFoundError, UntrustworthyError
from kachery_store.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.sharing.archive_following import ArchiveFollowing
    from kachery_daemon.sharing.archive_ledger import ArchiveLedger, KeptArchive, Thing
    from kachery_daemon.sharing.shelves import Shelves
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store

_AT_ONCE = 200
_log = logging.getLogger(__name__)


class ArchiveRoom:
    """The space that archived things take.

    Args:
        store: has the contents.
        feeds: has the copies of feeds.
        following: follows them.
        ledger: says what was used when.
        threads: for the disk.
        shelves: where contents go that leave the disk.
    """

    def __init__(
        self,
        store: Store,
        feeds: Feeds,
        following: ArchiveFollowing,
        ledger: ArchiveLedger,
        threads: Threads,
        shelves: Shelves,
    ) -> None:
        self._collection = Collection(store)
        self._store = store
        self._feeds = feeds
        self._following = following
        self._ledger = ledger
        self._threads = threads
        self._shelves = shelves

    async def make(self, kept: KeptArchive, needed: int = 0) -> None:
        """Let go what is over the quota, when so many more bytes are to come."""
        while True:
            holding = await self._threads.run(self._ledger.holding, kept.channel_id)
            excess = holding.size + needed - kept.quota
            if excess <= 0:
                return
            oldest = await self._threads.run(self._ledger.oldest, kept.channel_id, _AT_ONCE)
            if not oldest:
                return
            await self._let_go(_enough(oldest, excess), kept.shelf)

    async def _let_go(self, things: Sequence[Thing], shelf: str) -> None:
        names = [thing.sha1 for thing in things if thing.key is None]
        if shelf:
            for sha1 in names:
                await self._threads.transfer(self._put_on_shelf, shelf, sha1)
        await self._threads.run(self._let_contents_go, names)
        await self._threads.run(self._ledger.forget, *things)
        for feed in {thing.feed for thing in things if thing.key is not None}:
            await self._let_feed_go(feed)

    def _put_on_shelf(self, shelf: str, sha1: str) -> None:
        entry = self._store.catalog.find(sha1)
        if entry is None or not entry.archived or not entry.fetched or entry.pinned:
            return  # it stays on the disk
        try:
            self._shelves.put(shelf, sha1)
        except (ContentNotFoundError, UntrustworthyError) as problem:
            _log.warning("%s is not put on the shelf: %s", sha1, problem)

    def _let_contents_go(self, names: Sequence[str]) -> None:
        gone = {entry.sha1 for entry in self._collection.let_go(names)}
        for sha1 in set(names) - gone:  # pinned, or the owner's by now: nothing of the archive's
            self._store.catalog.archive(sha1, archived=False)

    async def _let_feed_go(self, feed: str) -> None:
        things = await self._threads.run(self._ledger.of_feed, feed)
        await self._threads.run(self._ledger.forget, *things)
        await self._following.stop(feed)
        try:
            if self._feeds.get(feed).is_copy:
                await self._feeds.delete(feed)
        except FeedNotFoundError:
            return  # somebody deleted it before


def _enough(oldest: Sequence[Thing], excess: int) -> list[Thing]:
    """So many of the oldest that their bytes are enough."""
    chosen: list[Thing] = []
    for thing in oldest:
        if excess <= 0:
            break
        chosen.append(thing)
        excess -= thing.size or 0
    return chosen
