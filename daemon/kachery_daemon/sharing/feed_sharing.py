"""Feeds over channels: reading those of other nodes, and letting them read what is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.roles import Role
from kachery_daemon.sharing.feed_asking import FeedAsker
from kachery_daemon.sharing.feed_channels import FeedChannels
from kachery_daemon.sharing.feed_index import FeedIndex
from kachery_daemon.sharing.feed_lookup import FeedLookup
from kachery_daemon.sharing.feed_news import FeedNews
from kachery_daemon.sharing.feed_witnesses import FeedWitnesses
from kachery_daemon.sharing.feeds import FeedProvider
from kachery_daemon.sharing.followers import Followers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from kachery_core.messages import SubfeedKey
    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.network.link import Link
    from kachery_daemon.system.threads import Threads


class FeedSharing:
    """Both sides of it. For the feeds of a node it is where messages come from that others write.

    Args:
        feeds: what is here.
        channels: the channels of the node.
        threads: for signatures and seals.
    """

    def __init__(self, feeds: Feeds, channels: Channels, threads: Threads) -> None:
        self._feeds = feeds
        self._all_channels = channels
        self._threads = threads
        self._asker = FeedAsker(threads)
        self._channels = FeedChannels(channels)
        self._index = FeedIndex(feeds)
        self.followers = Followers(feeds, self._channels, self._asker, threads)
        self._lookup = FeedLookup(feeds, self._channels, self._asker, self.followers)
        self._news = FeedNews(feeds, self._index, self.followers.may_tell)
        self._provider = FeedProvider(feeds, self._index, self._news, threads)
        self._present: dict[str, set[tuple[str, str]]] = {}

    async def start(self) -> None:
        """Begin to ask, to answer, and to tell what is new."""
        await self._index.start()
        self._news.start()
        self.followers.start()
        self._feeds.elsewhere = self
        self._feeds.served.ask(
            FeedWitnesses(self._feeds.copies, self._channels, self._asker, self._threads)
        )
        await self._all_channels.attach(self.attach)

    async def close(self) -> None:
        """End."""
        await self.followers.close()
        await self._news.close()

    async def attach(self, link: Link) -> None:
        """Answer on a channel, and notice who comes."""
        await self._provider.serve(link)
        link.watch(lambda: self._notice(link))

    async def look(self, feed: str, channel: str = "", seconds: float | None = None) -> None:
        """Make a feed of another node known here; see `Elsewhere.look`."""
        await self._lookup.look(feed, channel, seconds)

    async def catch_up(self, positions: Mapping[SubfeedKey, int], channel: str = "") -> None:
        """Bring what others have; see `Elsewhere.catch_up`."""
        await self.followers.catch_up(positions, channel)

    def following(self, keys: Iterable[SubfeedKey]) -> AbstractContextManager[None]:
        """Keep subfeeds up to date; see `Elsewhere.following`."""
        return self.followers.following(keys)

    def forget(self, feed: str) -> None:
        """A feed was deleted here; see `Elsewhere.forget`."""
        self.followers.forget(feed)

    def expected(self, key: SubfeedKey) -> int:
        """How many messages are here or on their way; see `Elsewhere.expected`."""
        return self.followers.expected(key)

    def told(self, key: SubfeedKey) -> int:
        """How many messages others say there are; see `Elsewhere.told`."""
        return self._lookup.told(key)

    def _notice(self, link: Link) -> None:
        """Look again for what is being read when somebody new is there who may have it."""
        there = {(peer.node_id, peer.instance) for peer in link.present(Role.PROVIDE_FEEDS)}
        known = self._present.get(link.channel_id, set())
        self._present[link.channel_id] = there
        if there - known:
            self.followers.look_again()
