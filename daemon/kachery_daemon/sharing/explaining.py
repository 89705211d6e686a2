"""Where something is, and why it is not found: every channel is asked, and nothing is fetched."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import FeedNotFoundError, KacheryError
from kachery_core.feeds import is_feed_uri, parse_feed_uri, subfeed_hash
from kachery_core.messages import SubfeedKey
from kachery_core.uris import parse_content_uri
from kachery_core.wire.explanations import Explanation
from kachery_daemon.network.ending import within
from kachery_daemon.sharing.conclusions import conclude
from kachery_daemon.sharing.inquiries import content_inquiry, feed_inquiry, subfeed_inquiry
from kachery_daemon.sharing.looking import look

if TYPE_CHECKING:
    from kachery_core.uris import ContentUri
    from kachery_core.wire.explanations import ChannelFacts
    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.channels.membership import Member
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.sharing.inquiries import Inquiry
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store

_CLOCK_SECONDS = 2.0


class Explaining:
    """Looks for things without fetching them.

    Args:
        store: the content that is here.
        feeds: the feeds that are here.
        threads: for looking into them.
        channels: of this node.
    """

    def __init__(self, store: Store, feeds: Feeds, threads: Threads, channels: Channels) -> None:
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
            inquiry, here = await self._feed(uri)
        else:
            inquiry, here = await self._content(parse_content_uri(uri))
        looks = [_look(member, inquiry) for member in self._channels.members]
        channels = await asyncio.gather(*looks)
        conclusion, advice = conclude(channels, inquiry.role, is_here=bool(here))
        return Explanation(
            uri,
            inquiry.subject,
            bool(here),
            here or "no",
            channels,
            conclusion,
            advice,
            inquiry.unit,
        )

    async def _content(self, parts: ContentUri) -> tuple[Inquiry, str]:
        """What to look for, and what of it is here."""
        what = "listing of the folder" if parts.is_folder else "content"
        name = f" ({parts.name})" if parts.name else ""
        inquiry = content_inquiry(parts.sha1, f"the {what} {parts.sha1}{name}")
        return inquiry, await self._threads.run(self._held, parts.sha1)

    async def _feed(self, uri: str) -> tuple[Inquiry, str]:
        """The same for a feed or a subfeed."""
        parts = parse_feed_uri(uri)
        key = None
        inquiry = feed_inquiry(parts.feed, f"the feed {parts.feed}")
        if parts.subfeed is not None:
            key = SubfeedKey(parts.feed, subfeed_hash(parts.subfeed))
            inquiry = subfeed_inquiry(key, f"the subfeed {parts.subfeed!r} of {parts.feed}")
        try:
            record = self._feeds.get(parts.feed)
        except FeedNotFoundError:
            return inquiry, ""
        whose = "a copy of another node's" if record.is_copy else "written here"
        if key is None:
            return inquiry, whose
        length = await self._feeds.length(key)
        # Nobody knows the names of all subfeeds: an empty copy may be a copy of nothing.
        is_nothing = record.is_copy and length == 0
        return inquiry, "" if is_nothing else f"{whose}, {length:,} messages"

    def _held(self, sha1: str) -> str:
        try:
            held = self._store.objects.find(sha1)
        except KacheryError as problem:
            return f"a linked file, but: {problem.message}"
        if held is None:
            return ""
        return f"{held.size:,} bytes{', in a linked file' if held.is_link else ''}"


async def _look(member: Member, inquiry: Inquiry) -> ChannelFacts:
    facts, offset = await asyncio.gather(
        look(member.link, member.standing, inquiry), _clock_offset(member)
    )
    return msgspec.structs.replace(facts, clock_offset=offset)


async def _clock_offset(member: Member) -> float | None:
    """Seconds by which the clock here is ahead of the hub's; None if the hub does not tell."""
    standing = member.standing
    with contextlib.suppress(KacheryError, asyncio.TimeoutError):
        found = await within(member.lobby.lookup(standing.channel_id), _CLOCK_SECONDS)
        return standing.clock() - found.clock if found.clock else None
    return None
