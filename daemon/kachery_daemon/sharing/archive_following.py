"""Follows the feeds of an archive for good, so that a copy is here when their writers are not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_core.roles import Role
from kachery_daemon.sharing.archive_fetching import next_try

if TYPE_CHECKING:
    from kachery_core.messages import SubfeedKey
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.archive_ledger import ArchiveLedger, Thing
    from kachery_daemon.sharing.archive_telling import ArchiveTelling
    from kachery_daemon.sharing.feed_sharing import FeedSharing
    from kachery_daemon.system.threads import Threads

# More than this are kept, but not kept up to date.
_MOST_FOLLOWED = 1000
_AT_ONCE = 4
_FIRST_MESSAGES_SECONDS = 10.0
_log = logging.getLogger(__name__)


class ArchiveFollowing:
    """The subfeeds that an archive follows.

    Args:
        feeds: the copies.
        sharing: follows feeds.
        ledger: says which.
        telling: not told of these.
        threads: for the disk.
    """

    def __init__(
        self,
        feeds: Feeds,
        sharing: FeedSharing,
        ledger: ArchiveLedger,
        telling: ArchiveTelling,
        threads: Threads,
    ) -> None:
        self._feeds = feeds
        self._sharing = sharing
        self._ledger = ledger
        self._telling = telling
        self._threads = threads
        self._followed: dict[SubfeedKey, tuple[Thing, contextlib.ExitStack]] = {}

    async def begin(self, link: Link) -> None:
        """Follow what a channel's members told, as far as it is not followed yet."""
        if link.state != "connected" or Role.REQUEST_FEEDS not in link.own_roles:
            return
        things = await self._threads.run(self._ledger.subfeeds, link.channel_id, _MOST_FOLLOWED)
        fresh = [thing for thing in things if thing.key not in self._followed]
        for start in range(0, len(fresh), _AT_ONCE):
            some = fresh[start : start + _AT_ONCE]
            await asyncio.gather(*(self._follow(thing, link) for thing in some))

    async def measure(self) -> None:
        """Note how large the copies are by now."""
        for key, (thing, _) in list(self._followed.items()):
            size = await self._threads.run(self._feeds.inventory.size, key)
            if size and key in self._followed:
                await self._threads.run(self._ledger.fetched, thing, size)

    async def stop(self, feed: str) -> None:
        """Follow no subfeed of a feed any more."""
        for key in [key for key in self._followed if key.feed == feed]:
            self._end(key)

    async def close(self) -> None:
        """Follow nothing any more."""
        for key in list(self._followed):
            self._end(key)

    def _end(self, key: SubfeedKey) -> None:
        _, stack = self._followed.pop(key)
        stack.close()
        self._telling.keep_quiet(key, quiet=False)

    async def _follow(self, thing: Thing, link: Link) -> None:
        key = thing.key
        if key is None or len(self._followed) >= _MOST_FOLLOWED:
            return
        if key.feed in self._feeds.identities and not self._feeds.get(key.feed).is_copy:
            await self._threads.run(self._ledger.forget, thing)  # this node writes it itself
            return
        self._telling.keep_quiet(key)
        if await self._catch_up(key, link):
            stack = contextlib.ExitStack()
            stack.enter_context(self._sharing.following([key]))
            self._followed[key] = thing, stack
            await self.measure()
        else:
            self._telling.keep_quiet(key, quiet=False)
            await next_try(self._ledger, self._threads, thing)

    async def _catch_up(self, key: SubfeedKey, link: Link) -> bool:
        """Whether messages of it have come; if it has any, they go on coming."""
        end = time.monotonic() + _FIRST_MESSAGES_SECONDS
        try:
            await self._sharing.look(key.feed, link.channel_id)
            while time.monotonic() < end:
                await self._sharing.catch_up({key: 0}, link.channel_id)
                if await self._feeds.length(key):
                    return True
                if not self._sharing.expected(key):
                    return False
        except KacheryError as problem:
            _log.debug("feed %s cannot be archived now: %s", key.feed, problem)
        return False
