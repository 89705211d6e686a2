"""The logs in use: each opened once, checked when it is opened, opened again after it failed."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_daemon.feeds.log import SubfeedLog
from kachery_daemon.feeds.refusals import check_witness
from kachery_store.disk import disk_errors, sync_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from kachery_core.forks import ForkProof
    from kachery_core.messages import SubfeedKey
    from kachery_daemon.feeds.committer import Committer
    from kachery_daemon.feeds.heads import Heads
    from kachery_daemon.feeds.registry import Registry
    from kachery_daemon.system.threads import Threads
    from kachery_store.folder import Folder


@dataclass
class Opened:
    """A subfeed in use: its log, the proof of its fork if it is forked, whether it is too old."""

    log: SubfeedLog
    fork: ForkProof | None
    is_old: bool


@dataclass(frozen=True)
class Known:
    """What is known of logs without opening them.

    Attributes:
        registry: which are forked.
        heads: how far each went, as noted beside the logs.
        witness: the same, as noted outside the storage folder.
    """

    registry: Registry
    heads: Heads
    witness: Heads


class Logs:
    """The open logs of one node; for its event loop.

    Args:
        folder: the storage folder.
        threads: for the disk.
        known: what is known of the logs.
        check_here: raises if a feed is not here any more.
    """

    def __init__(
        self, folder: Folder, threads: Threads, known: Known, check_here: Callable[[str], object]
    ) -> None:
        self._folder = folder
        self._threads = threads
        self._known = known
        self._check_here = check_here
        self._opened: dict[SubfeedKey, Opened] = {}
        self._opening = asyncio.Lock()

    def get(self, key: SubfeedKey) -> Opened | None:
        """A log that is open and has not failed."""
        opened = self._opened.get(key)
        return None if opened is None or opened.log.failed else opened

    async def open(self, key: SubfeedKey) -> Opened:
        """A log; opened and checked if it is not open.

        Raises:
            FeedNotFoundError: its feed is not here any more.
            BrokenChainError: it is damaged.
        """
        opened = self.get(key)
        if opened is not None:
            return opened
        async with self._opening:
            self._check_here(key.feed)
            opened = self.get(key)
            if opened is None:
                failed = self._opened.pop(key, None)
                if failed is not None:
                    failed.log.close()
                opened = await self._threads.run(self._open, key)
                self._opened[key] = opened
            return opened

    @contextlib.asynccontextmanager
    async def without(self, feed: str, committer: Committer) -> AsyncIterator[None]:
        """Close a feed's logs once the appends in hand are over, and open none meanwhile."""
        async with self._opening:
            logs = [self._opened.pop(key).log for key in list(self._opened) if key.feed == feed]
            # In the committer's thread: an append is before the end, or it is refused.
            await asyncio.wrap_future(committer.run(lambda: _close(logs)))
            yield

    def close(self) -> None:
        """Close every log."""
        for opened in self._opened.values():
            opened.log.close()
        self._opened.clear()

    def _open(self, key: SubfeedKey) -> Opened:
        folder = self._folder.state / "feeds" / key.feed
        with disk_errors(self._folder.root):
            for path in (folder.parent, folder):
                if not path.exists():
                    path.mkdir(mode=0o700)
                    sync_directory(path.parent)
        log = SubfeedLog(folder / f"{key.subfeed}.log", key, self._known.heads.find(key))
        try:
            seen = self._known.witness.find(key)
            is_old = log.head.length < seen.length
            if not is_old:  # an older copy can still be read
                check_witness(log, seen)
            return Opened(log, self._known.registry.find_fork(key), is_old)
        except BaseException:
            log.close()
            raise


def _close(logs: Iterable[SubfeedLog]) -> None:
    for log in logs:
        log.close()
