"""Looks for a whole feed on the channels: whether anybody has it, and which subfeeds it has."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from kachery_core.errors import FeedNotFoundError, KacheryError
from kachery_core.feeds import FeedUri, control_subfeed
from kachery_core.messages import SubfeedKey
from kachery_core.roles import Role
from kachery_daemon.sharing.feed_asking import FIND_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kachery_core.machines.replication import Source
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.feed_asking import FeedAsker
    from kachery_daemon.sharing.feed_channels import FeedChannels
    from kachery_daemon.sharing.feed_offers import Offer
    from kachery_daemon.sharing.followers import Followers

LOOK_SECONDS = 5.0
# So many nodes are asked for the list of subfeeds; the writer first.
_MOST_ASKED = 3
# After the first offer, so much more patience: the writer may be a little slower.
_GRACE_SECONDS = 0.05
_MOST_REMEMBERED = 256
_log = logging.getLogger(__name__)


class FeedLookup:
    """Looks for feeds.

    Args:
        feeds: those that are here.
        channels: where others may be looked for.
        asker: asks for them.
        followers: brings a feed's last words.
    """

    def __init__(
        self, feeds: Feeds, channels: FeedChannels, asker: FeedAsker, followers: Followers
    ) -> None:
        self._feeds = feeds
        self._channels = channels
        self._asker = asker
        self._followers = followers
        self._told: OrderedDict[str, dict[str, int]] = OrderedDict()

    async def look(self, feed: str, channel: str = "", seconds: float | None = None) -> None:
        """Make a feed of another node known here, with its subfeeds; nothing for one's own.

        Args:
            feed: its public key.
            channel: name or id of the only channel to look on; '' for all.
            seconds: how long to look at most.

        Raises:
            FeedNotFoundError: it is not here, and nobody who can be asked has it.
            ChannelNotFoundError: there is no such channel.
            RoleMissingError, MembershipRevokedError, MembershipExpiredError, HubUnreachableError:
                the only channel to look on cannot be asked; nor is the feed here.
        """
        is_here = feed in self._feeds.identities
        if is_here and not self._feeds.get(feed).is_copy:
            return
        seconds = LOOK_SECONDS if seconds is None else seconds
        links = self._channels.asked_for(channel)
        if not is_here:
            await self._channels.wait(links, seconds)
            if channel:
                links[0].check(Role.REQUEST_FEEDS)
        offers = await self._offers(feed, self._channels.usable(channel), seconds)
        if offers:
            await self._enter(feed, offers)
        elif feed not in self._feeds.identities:
            raise self._not_found(feed, links)

    def told(self, key: SubfeedKey) -> int:
        """How many messages others said that a subfeed has."""
        return self._told.get(key.feed, {}).get(key.subfeed, 0)

    async def _offers(self, feed: str, links: Sequence[Link], seconds: float) -> list[Offer]:
        seconds = min(seconds, FIND_SECONDS)
        found = await asyncio.gather(
            *(self._asker.offers(link, [feed], seconds, _GRACE_SECONDS) for link in links)
        )
        return [offer for offers in found for offer in offers]

    async def _enter(self, feed: str, offers: list[Offer]) -> None:
        """Keep a copy, and ask for the names of its subfeeds."""
        await self._feeds.copies.add(feed)
        offers.sort(key=lambda offer: not offer.is_writer)
        for offer in offers[:_MOST_ASKED]:
            await self._ask_for_names(feed, offer.source)
            if offer.is_writer:
                break
        control = SubfeedKey(feed, control_subfeed())
        is_ended = control.subfeed in self._told.get(feed, {})
        if is_ended and self._feeds.get(feed).retired is None:
            await self._followers.catch_up({control: 0})

    async def _ask_for_names(self, feed: str, source: Source) -> None:
        link = self._channels.connected(source.channel)
        if link is None:
            return
        try:
            subfeeds = await self._asker.subfeeds(link, source, feed)
        except KacheryError as problem:
            _log.debug("%s does not list the subfeeds of %s: %s", source.node, feed, problem)
            return
        names = {subfeed: name for subfeed, (name, _) in subfeeds.items() if name is not None}
        await self._feeds.copies.add(feed, names)
        self._told[feed] = {subfeed: length for subfeed, (_, length) in subfeeds.items()}
        self._told.move_to_end(feed)
        if len(self._told) > _MOST_REMEMBERED:
            self._told.popitem(last=False)

    def _not_found(self, feed: str, links: Sequence[Link]) -> FeedNotFoundError:
        asked = [link.name for link in links if Role.REQUEST_FEEDS in link.own_roles]
        unreached = [link.name for link in links if link.state in {"connecting", "off"}]
        text = f"The feed {feed} is not on this node"
        if asked:
            text += f", and nobody who is there on {_listed(asked)} has it"
        if unreached:
            text += f"; {_listed(unreached)} cannot be reached"
        return FeedNotFoundError(
            f"{text}.",
            hint=f"kc.explain('{FeedUri(feed)}') says where was looked, and why it was not there.",
            feed=feed,
            channels=asked,
            unreached=unreached,
        )


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names))
