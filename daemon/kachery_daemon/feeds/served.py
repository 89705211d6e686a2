"""Feeds of this node that other nodes have seen: they are asked before the first append.

A node that was restored from a backup together with its witness, or a second copy of it, does not
know what it wrote. Whoever copied the feed does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from kachery_core.messages import SubfeedKey
    from kachery_daemon.feeds.registry import Registry
    from kachery_daemon.system.threads import Threads

    class Others(Protocol):
        """The nodes that may have copies of this node's feeds."""

        def can_be_asked(self) -> bool:
            """Whether any of them can be reached now."""
            ...

        async def compare(self, key: SubfeedKey) -> None:
            """Ask how far they saw a subfeed go.

            Raises:
                FeedRollbackError: farther than it goes here.
                FeedForkedError: elsewhere.
            """
            ...


class Served:
    """Which feeds of this node were ever given to others.

    Args:
        registry: remembers them.
        threads: for the disk.
    """

    def __init__(self, registry: Registry, threads: Threads) -> None:
        self._registry = registry
        self._threads = threads
        self._feeds: set[str] = set()
        self._compared: set[SubfeedKey] = set()
        self._others: Others | None = None

    def start(self) -> None:
        """Read which they are (blocking)."""
        self._feeds = self._registry.served()

    def ask(self, others: Others | None) -> None:
        """From now on, ask these before the first append of each subfeed."""
        self._others = others

    async def note(self, feed: str) -> None:
        """Others are about to see a feed."""
        if feed not in self._feeds:
            await self._threads.run(self._registry.mark_served, feed)
            self._feeds.add(feed)

    def is_due(self, key: SubfeedKey) -> bool:
        """Whether others should be asked, and can be, before a subfeed is appended to."""
        return (
            key.feed in self._feeds
            and key not in self._compared
            and self._others is not None
            and self._others.can_be_asked()
        )

    async def compare(self, key: SubfeedKey) -> None:
        """Ask the others, once after each start of the node.

        Raises:
            FeedRollbackError, FeedForkedError: this is an older or another copy of the feed.
        """
        if self._others is not None:
            await self._others.compare(key)
            self._compared.add(key)
