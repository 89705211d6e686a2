"""Which subfeeds are here, and about how far each goes, without opening any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kachery_core.digests import is_sha1
from kachery_core.keys import is_public_key
from kachery_core.messages import SubfeedKey

if TYPE_CHECKING:
    from kachery_daemon.feeds.heads import Heads
    from kachery_daemon.feeds.registry import Registry
    from kachery_daemon.system.threads import Threads
    from kachery_store.folder import Folder


class Inventory:
    """The subfeeds of a node.

    Args:
        folder: the storage folder.
        registry: what they are called.
        threads: for the disk.
    """

    def __init__(self, folder: Folder, registry: Registry, threads: Threads) -> None:
        self._folder = folder
        self._registry = registry
        self._threads = threads

    def start(self, heads: Heads) -> None:
        """Use what is noted of how far the subfeeds go."""
        self._heads = heads

    async def subfeeds(self) -> list[SubfeedKey]:
        """Every subfeed that has a log or a name."""
        return await self._threads.run(self._subfeeds)

    async def described(self, feed: str) -> dict[str, tuple[Any, int]]:
        """The subfeeds of a feed by their hashes: name or None, and about how many messages."""
        return await self._threads.run(self._described, feed)

    def _subfeeds(self) -> list[SubfeedKey]:
        found = {SubfeedKey(*names): None for names in self._registry.all_subfeeds()}
        for path in (self._folder.state / "feeds").glob("*/*.log"):
            if is_public_key(path.parent.name) and is_sha1(path.stem):
                found[SubfeedKey(path.parent.name, path.stem)] = None
        return list(found)

    def _described(self, feed: str) -> dict[str, tuple[Any, int]]:
        names = self._registry.subfeeds(feed)
        lengths = self._heads.lengths(feed)
        return {
            subfeed: (names.get(subfeed), lengths.get(subfeed, 0))
            for subfeed in sorted({*names, *lengths})
        }
