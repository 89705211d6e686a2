"""Opening the log of a subfeed, and what is known of it besides its messages (blocking)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_daemon.feeds.log import SubfeedLog
from kachery_daemon.feeds.refusals import check_witness
from kachery_store.disk import disk_errors, sync_directory

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_core.forks import ForkProof
    from kachery_core.messages import SubfeedKey
    from kachery_daemon.feeds.copies import Copies
    from kachery_daemon.feeds.heads import Heads
    from kachery_daemon.feeds.registry import FeedRecord, Registry
    from kachery_store.folder import Folder


@dataclass
class OpenSubfeed:
    """A subfeed in use: its log, the proof of its fork if it is forked, whether it is too old."""

    log: SubfeedLog
    fork: ForkProof | None
    is_old: bool


class Opener:
    """Opens logs.

    Args:
        folder: the storage folder.
        registry: knows of forks.
        heads: how far subfeeds went, as noted beside the logs, and as witnessed elsewhere.
        copies: open the logs of other nodes' feeds.
    """

    def __init__(
        self, folder: Folder, registry: Registry, heads: list[Heads], copies: Copies
    ) -> None:
        self._folder = folder
        self._registry = registry
        self._heads, self._witness = heads
        self._copies = copies

    def open(self, key: SubfeedKey, record: FeedRecord) -> OpenSubfeed:
        """Open a subfeed of a feed.

        Raises:
            BrokenChainError: something acknowledged is damaged or missing.
            FeedForkedError: it is not the history that was once seen.
        """
        path = self._path(key)
        if record.is_copy:
            log, is_old = self._copies.open_log(path, key), False
        else:
            log, is_old = self._open_own(path, key)
        try:
            return OpenSubfeed(log, self._registry.find_fork(key), is_old)
        except BaseException:
            log.close()
            raise

    def _open_own(self, path: Path, key: SubfeedKey) -> tuple[SubfeedLog, bool]:
        log = SubfeedLog(path, key, self._heads.find(key))
        try:
            seen = self._witness.find(key)
            is_old = log.head.length < seen.length
            if not is_old:  # an older copy can still be read
                check_witness(log, seen)
        except BaseException:
            log.close()
            raise
        return log, is_old

    def _path(self, key: SubfeedKey) -> Path:
        folder = self._folder.state / "feeds" / key.feed
        with disk_errors(self._folder.root):
            for path in (folder.parent, folder):
                if not path.exists():
                    path.mkdir(mode=0o700)
                    sync_directory(path.parent)
        return folder / f"{key.subfeed}.log"
