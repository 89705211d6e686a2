"""The logs in use: each opened once, and opened again after it failed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from kachery_core.messages import SubfeedKey
    from kachery_daemon.feeds.inventory import Inventory
    from kachery_daemon.feeds.log import SubfeedLog
    from kachery_daemon.feeds.opening import OpenSubfeed
    from kachery_daemon.feeds.registry import FeedRecord
    from kachery_daemon.system.threads import Threads


class Logs:
    """The open logs of one node; for its event loop.

    Args:
        threads: for the disk.
        find: the record of a feed; raises if it is not here.
        open_log: opens and checks the log of a subfeed (blocking).
        opened: where the open logs stand, for whoever wants to look.
        inventory: is told of each subfeed that comes into use.
    """

    def __init__(
        self,
        threads: Threads,
        find: Callable[[str], FeedRecord],
        open_log: Callable[[SubfeedKey, FeedRecord], OpenSubfeed],
        opened: dict[SubfeedKey, OpenSubfeed],
        inventory: Inventory,
    ) -> None:
        self._threads = threads
        self.find = find
        self._open_log = open_log
        self._opened = opened
        self._inventory = inventory
        self._opening = asyncio.Lock()

    def get(self, key: SubfeedKey) -> OpenSubfeed | None:
        """A log that is open and has not failed."""
        opened = self._opened.get(key)
        return None if opened is None or opened.log.failed else opened

    async def open(self, key: SubfeedKey) -> OpenSubfeed:
        """A log; opened and checked if it is not open.

        Raises:
            FeedNotFoundError: its feed is not here any more.
            BrokenChainError: it is damaged.
        """
        opened = self.get(key)
        if opened is not None:
            return opened
        async with self._opening:
            record = self.find(key.feed)
            opened = self.get(key)
            if opened is None:
                failed = self._opened.pop(key, None)
                if failed is not None:
                    failed.log.close()
                opened = await self._threads.run(self._open_log, key, record)
                self._opened[key] = opened
                self._inventory.entered(key)
            return opened

    @contextlib.asynccontextmanager
    async def without(self, feed: str) -> AsyncIterator[list[SubfeedLog]]:
        """Give up the logs of a feed, to be closed by the caller, and open none meanwhile."""
        async with self._opening:
            yield [self._opened.pop(key).log for key in list(self._opened) if key.feed == feed]

    def close(self) -> None:
        """Close every log."""
        close_all(opened.log for opened in self._opened.values())
        self._opened.clear()


def close_all(logs: Iterable[SubfeedLog]) -> None:
    """Close logs; nothing is written to them any more."""
    for log in logs:
        log.close()
