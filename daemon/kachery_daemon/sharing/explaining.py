"""Where something is, and why it is not found: every channel is asked, and nothing is fetched."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kachery_core.errors import FeedNotFoundError, KacheryError
from kachery_core.feeds import is_feed_uri, parse_feed_uri, subfeed_hash
from kachery_core.messages import SubfeedKey
from kachery_core.uris import parse_content_uri
from kachery_core.wire.explanations import Explanation
from kachery_daemon.sharing.conclusions import conclude
from kachery_daemon.sharing.looking import look
from kachery_daemon.sharing.searches import search_content, search_feed, search_subfeed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kachery_core.uris import ContentUri
    from kachery_core.wire.channels import ChannelInfo
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.searches import Search
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store


class Explaining:
    """Looks for things without fetching them.

    Args:
        store: the content that is here.
        feeds: the feeds that are here.
        threads: for looking into them.
        channels: each link of this node, with what is known of its channel.
    """

    def __init__(
        self,
        store: Store,
        feeds: Feeds,
        threads: Threads,
        channels: Callable[[], Sequence[tuple[Link, ChannelInfo]]],
    ) -> None:
        self._store = store
        self._feeds = feeds
        self._threads = threads
        self._channels = channels

    async def explain(self, uri: str) -> Explanation:
        """Say where a content, a folder's listing, a feed or a subfeed is, or why it is not found.

        Raises:
            InvalidUriError: not a URI.
        """
        if is_feed_uri(uri):
            search, here = await self._feed(uri)
        else:
            search, here = await self._content(parse_content_uri(uri))
        looks = [look(link, info, search) for link, info in self._channels()]
        channels = await asyncio.gather(*looks)
        conclusion, advice = conclude(channels, search.role, is_here=bool(here))
        return Explanation(
            uri, search.subject, bool(here), here or "no", channels, conclusion, advice
        )

    async def _content(self, parts: ContentUri) -> tuple[Search, str]:
        """What to look for, and what of it is here."""
        what = "listing of the folder" if parts.is_folder else "content"
        name = f" ({parts.name})" if parts.name else ""
        search = search_content(parts.sha1, f"the {what} {parts.sha1}{name}")
        return search, await self._threads.run(self._held, parts.sha1)

    async def _feed(self, uri: str) -> tuple[Search, str]:
        """The same for a feed or a subfeed."""
        parts = parse_feed_uri(uri)
        key = None
        search = search_feed(parts.feed, f"the feed {parts.feed}")
        if parts.subfeed is not None:
            key = SubfeedKey(parts.feed, subfeed_hash(parts.subfeed))
            search = search_subfeed(key, f"the subfeed {parts.subfeed!r} of {parts.feed}")
        try:
            record = self._feeds.get(parts.feed)
        except FeedNotFoundError:
            return search, ""
        whose = "a copy of another node's" if record.is_copy else "written here"
        if key is None:
            return search, whose
        return search, f"{whose}, {await self._feeds.length(key):,} messages"

    def _held(self, sha1: str) -> str:
        try:
            held = self._store.objects.find(sha1)
        except KacheryError as problem:
            return f"a linked file, but: {problem.message}"
        if held is None:
            return ""
        return f"{held.size:,} bytes{', in a linked file' if held.is_link else ''}"
