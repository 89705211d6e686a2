"""Which subfeeds are here, and about how far each goes, without opening any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kachery_core.digests import is_sha1
from kachery_core.keys import is_public_key
from kachery_core.messages import SubfeedKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kachery_daemon.feeds.heads import Heads
    from kachery_daemon.feeds.opening import OpenSubfeed
    from kachery_daemon.feeds.registry import Registry
    from kachery_daemon.system.threads import Threads
    from kachery_store.folder import Folder


class Inventory:
    """The subfeeds of a node.

    Args:
        folder: the storage folder.
        registry: what they are called.
        threads: for the disk.
        opened: the subfeeds in use, which know better than what is noted.
    """

    def __init__(
        self,
        folder: Folder,
        registry: Registry,
        threads: Threads,
        opened: Mapping[SubfeedKey, OpenSubfeed],
    ) -> None:
        self._folder = folder
        self._registry = registry
        self._threads = threads
        self._opened = opened
        self._listener: Callable[[SubfeedKey], object] | None = None

    def listen(self, listener: Callable[[SubfeedKey], object]) -> None:
        """Call somebody for every subfeed that comes into use, before anything is done with it."""
        self._listener = listener

    def entered(self, key: SubfeedKey) -> None:
        """A subfeed has come into use."""
        if self._listener is not None:
            self._listener(key)

    def start(self, heads: Heads) -> None:
        """Use what is noted of how far the subfeeds go."""
        self._heads = heads

    async def subfeeds(self) -> list[SubfeedKey]:
        """Every subfeed that has a log or a name."""
        return await self._threads.run(self._subfeeds)

    async def described(self, feed: str) -> dict[str, tuple[Any, int]]:
        """The subfeeds of a feed by their hashes: name or None, and about how many messages."""
        names, lengths = await self._threads.run(self._noted, feed)
        for key, opened in list(self._opened.items()):
            if key.feed == feed and opened.log.head.length:
                lengths[key.subfeed] = opened.log.head.length
        return {
            subfeed: (names.get(subfeed), lengths.get(subfeed, 0))
            for subfeed in sorted({*names, *lengths})
        }

    def size(self, key: SubfeedKey) -> int:
        """Bytes of a subfeed's log; 0 if there is none (blocking)."""
        path = self._folder.state / "feeds" / key.feed / f"{key.subfeed}.log"
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0

    def _subfeeds(self) -> list[SubfeedKey]:
        found = {SubfeedKey(*names): None for names in self._registry.all_subfeeds()}
        for path in (self._folder.state / "feeds").glob("*/*.log"):
            if is_public_key(path.parent.name) and is_sha1(path.stem):
                found[SubfeedKey(path.parent.name, path.stem)] = None
        return list(found)

    def _noted(self, feed: str) -> tuple[dict[str, Any], dict[str, int]]:
        return self._registry.subfeeds(feed), self._heads.lengths(feed)
