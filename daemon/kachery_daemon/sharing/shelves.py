"""What this node has on shelves, as those see it who look for content here. Everything blocks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from kachery_core.capabilities import content_discovery
from kachery_core.errors import ContentNotFoundError
from kachery_daemon.network.frames import Frames
from kachery_daemon.sharing.shelf import Shelf, ShelfFrames, Shelved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kachery_daemon.network.frames import FrameSource
    from kachery_daemon.sharing.archive_ledger import ArchiveLedger
    from kachery_store import Store

_MOST_OPEN = 16


class Shelves:
    """The object stores behind the archives of a node. Any thread may use it.

    Args:
        store: what is on the disk, and comes first.
        ledger: knows what is on which shelf.
    """

    def __init__(self, store: Store, ledger: ArchiveLedger) -> None:
        self._store = store
        self._ledger = ledger
        self._shelves: dict[str, Shelf] = {}
        self._open: OrderedDict[str, ShelfFrames] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, discoveries: Sequence[bytes]) -> dict[bytes, Shelved]:
        """What is on a shelf of what is looked for, by discovery keys."""
        return self._ledger.find_shelved(discoveries)

    def frames(self, sha1: str) -> FrameSource:
        """The frames of a content, from the disk or else from a shelf.

        Raises:
            ContentNotFoundError: it is in neither.
            UntrustworthyError, UnavailableError: it cannot be had from there.
        """
        try:
            return Frames(self._store, sha1)
        except ContentNotFoundError:
            shelved = self._shelved(sha1)
            if shelved is None:
                raise
        with self._lock:
            known = self._open.get(sha1)
        if known is not None:
            return known
        frames = ShelfFrames(self.shelf(shelved.url), shelved)
        with self._lock:
            self._open[sha1] = frames
            if len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        return frames

    def table(self, sha1: str) -> bytes | None:
        """The encoded chunk table of a content on a shelf; None if it is on none."""
        shelved = self._shelved(sha1)
        return None if shelved is None else self.shelf(shelved.url).table(shelved)

    def put(self, url: str, sha1: str) -> None:
        """Copy a content to a shelf, unless it is on one.

        Raises:
            UnavailableError: the object store does not take it.
        """
        if self._shelved(sha1) is None:
            self._ledger.shelve(self.shelf(url).put(self._store, sha1))

    def shelf(self, url: str) -> Shelf:
        """An object store; see `Shelf`."""
        if url not in self._shelves:
            self._shelves[url] = Shelf(url)
        return self._shelves[url]

    def _shelved(self, sha1: str) -> Shelved | None:
        discovery = content_discovery(sha1)
        return self.find([discovery]).get(discovery)
