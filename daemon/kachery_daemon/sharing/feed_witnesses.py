"""Asks those who have copies of this node's feeds what they saw, before it goes on writing.

They have heads with this node's own signature. A higher one means that messages are missing here; a
different one that somebody else has the key and uses it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_core.messages import Head
from kachery_core.runs import check_foreign_run
from kachery_daemon.feeds.refusals import forked, other_than_seen
from kachery_daemon.sharing.fork_search import find_split

if TYPE_CHECKING:
    from kachery_core.forks import ForkProof
    from kachery_core.messages import SubfeedKey
    from kachery_daemon.feeds.copies import Copies
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.feed_asking import FeedAsker
    from kachery_daemon.sharing.feed_channels import FeedChannels
    from kachery_daemon.sharing.feed_offers import Offer
    from kachery_daemon.system.threads import Threads

_ASK_SECONDS = 1.0
_log = logging.getLogger(__name__)


class FeedWitnesses:
    """The other nodes on this node's channels.

    Args:
        copies: what is here.
        channels: where others are asked.
        asker: asks them.
        threads: for checking signatures.
    """

    def __init__(
        self, copies: Copies, channels: FeedChannels, asker: FeedAsker, threads: Threads
    ) -> None:
        self._copies = copies
        self._channels = channels
        self._asker = asker
        self._threads = threads

    def can_be_asked(self) -> bool:
        """Whether any of them can be reached now."""
        return bool(self._channels.usable())

    async def highest(self, key: SubfeedKey) -> Head:
        """The highest head that they saw, signed; waits for a second at most.

        Raises:
            FeedForkedError: they saw another history than the one here.
        """
        links = self._channels.usable()
        found = await asyncio.gather(
            *(self._asker.offers(link, [key], _ASK_SECONDS) for link in links)
        )
        highest = Head()
        for link, offers in zip(links, found, strict=True):
            for offer in offers:
                await self._check_same(link, key, offer)
                highest = max(highest, offer.head, key=lambda head: head.length)
        return highest

    async def _check_same(self, link: Link, key: SubfeedKey, offer: Offer) -> None:
        """Refuse to go on if somebody has a second history."""
        ours = await self._copies.head(key)
        shared = min(offer.head.length, ours.length)
        is_known = offer.head.length == shared and not offer.is_forked
        if is_known and await self._copies.head(key, shared) == offer.head:
            return
        proof = None
        try:
            proof = await self._proof(link, key, offer, shared)
        except KacheryError as problem:
            _log.warning("the other history of %s is out of reach: %s", key.feed, problem)
        if proof is not None:
            raise forked(await self._copies.keep_fork(proof))
        if is_known:
            raise other_than_seen(key, offer.head)

    async def _proof(
        self, link: Link, key: SubfeedKey, offer: Offer, differs_at: int
    ) -> ForkProof | None:
        if offer.is_forked:
            return await self._asker.proof(link, offer.source, key)

        async def ask(position: int) -> tuple[Head, bytes]:
            return await self._asker.run(link, offer.source, key, position)

        before, data = await ask(differs_at)
        if data:
            await self._threads.run(check_foreign_run, key, before, data)
            if before == await self._copies.head(key, differs_at):
                return None  # it goes on where we end
        return await find_split(self._copies, self._threads, key, differs_at, ask)
