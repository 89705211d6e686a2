"""Which feed or subfeed a discovery key stands for, of those that are here; kept in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.capabilities import feed_discovery, subfeed_discovery
from kachery_core.messages import SubfeedKey

if TYPE_CHECKING:
    from kachery_daemon.feeds.collection import Feeds


class FeedIndex:
    """The discovery keys of the feeds of a node, its own and its copies.

    Args:
        feeds: what is here.
    """

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self._entered: set[str] = set()
        self._discoveries: dict[SubfeedKey, bytes] = {}
        self._found: dict[bytes, SubfeedKey | str] = {}

    async def start(self) -> None:
        """Enter all that is here, and what comes later."""
        self._feeds.inventory.listen(self.add)
        for key in await self._feeds.inventory.subfeeds():
            self.add(key)

    def add(self, key: SubfeedKey) -> bytes:
        """Enter a subfeed; its discovery key."""
        discovery = self._discoveries.get(key)
        if discovery is None:
            discovery = self._discoveries[key] = subfeed_discovery(key)
            self._found[discovery] = key
        return discovery

    def refresh(self) -> None:
        """Enter the feeds that are new; before a question is answered."""
        for new in self._feeds.identities - self._entered:
            self._entered.add(new)
            self._found[feed_discovery(new)] = new

    def find(self, discovery: bytes) -> SubfeedKey | str | None:
        """The subfeed, or the public key of the feed, that a discovery key stands for."""
        found = self._found.get(discovery)
        feed = found.feed if isinstance(found, SubfeedKey) else found
        return found if feed in self._feeds.identities else None
