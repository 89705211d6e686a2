"""Answers other members of a channel about the feeds that are here, own ones and copies.

Whoever knows a feed's URI and has the role gets what its writer signed, from whichever node has it.
Everybody else gets the same as if there were nothing, after the same work.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from kachery_core import subjects
from kachery_core.capabilities import feed_key, subfeed_key_of
from kachery_core.digests import json_bytes
from kachery_core.errors import NotFoundError, UntrustworthyError
from kachery_core.keys import SIGNATURE_SIZE
from kachery_core.messages import Head, SubfeedKey
from kachery_core.roles import Role
from kachery_core.sealing import NONCE_SIZE
from kachery_core.wire.node import pack_padded, unpack, unpack_any
from kachery_core.wire.node_feeds import (
    LARGEST_PIECE,
    LONGEST_NAME,
    MOST_LISTED,
    AskBytes,
    AskFeed,
    AskHeads,
    FeedFacts,
    FeedOffer,
    FeedOffers,
    FindFeeds,
    HeadFacts,
    ListSubfeeds,
    ReadFeed,
    RunPiece,
    Sealed,
    SubfeedFacts,
    SubfeedsFacts,
    seal_facts,
)

if TYPE_CHECKING:
    from kachery_core.feeds import SubfeedName
    from kachery_core.wire.node_feeds import ReadProof, Sealable
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.network.link import Link, Question, Respond, Unsubscribe
    from kachery_daemon.sharing.feed_index import FeedIndex
    from kachery_daemon.sharing.feed_news import FeedNews
    from kachery_daemon.system.threads import Threads

# A run ends at the first signature after so much: nearly always in one piece.
_RUN_BYTES = LARGEST_PIECE - (128 << 10)
# As long as a sealed nothing could be; nobody can open it.
_NOTHING_HERE = bytes(256)


class FeedProvider:
    """The answering side.

    Args:
        feeds: what is here.
        index: what it is looked for by.
        news: told who wants to hear what is new.
        threads: for sealing many bytes.
    """

    def __init__(self, feeds: Feeds, index: FeedIndex, news: FeedNews, threads: Threads) -> None:
        self._feeds = feeds
        self._threads = threads
        self._index = index
        self._news = news

    async def serve(self, link: Link) -> list[Unsubscribe]:
        """Answer on a channel from now on, as long as this node may."""

        async def find(question: Question) -> bytes:
            return await self._find(link, question)

        async def tell(question: Question) -> bytes:
            return await self._tell(link, question)

        async def send(question: Question, respond: Respond) -> None:
            await respond(await self._bytes(question))

        own = subjects.get("feeds", link.node_id, link.instance)
        return [
            await link.serve(subjects.find("feeds"), Role.PROVIDE_FEEDS, find),
            await link.serve(own, Role.PROVIDE_FEEDS, tell),
            await link.serve_bulk(own, Role.PROVIDE_FEEDS, send),
        ]

    async def _find(self, link: Link, question: Question) -> bytes:
        asked = unpack(question.body, FindFeeds)
        self._index.refresh()
        offers = [
            await self._offer(link, discovery)
            for discovery in (asked.discoveries if question.is_allowed else [])
        ]
        return _packed(link, offers)

    async def _offer(self, link: Link, discovery: bytes) -> FeedOffer | None:
        found = self._index.find(discovery)
        if isinstance(found, str):
            subfeeds = await self._feeds.inventory.described(found)
            facts = FeedFacts(len(subfeeds), is_writer=not self._feeds.get(found).is_copy)
            return FeedOffer(discovery, _sealed(feed_key(found), discovery, facts))
        if found is None:
            self._news.want(link, discovery, 0)
            return None
        return await self._head_offer(link, discovery, found, at_least=0)

    async def _head_offer(
        self, link: Link, discovery: bytes, key: SubfeedKey, at_least: int
    ) -> FeedOffer | None:
        """An offer, if the subfeed has so many messages here, or is forked."""
        copies = self._feeds.copies
        try:
            is_forked = await copies.fork(key) is not None
            length = (await copies.head(key)).length
            self._news.want(link, discovery, length)
            if length < at_least and not is_forked:
                return None
            is_writer = not self._feeds.get(key.feed).is_copy
            if is_writer:
                await self._feeds.served.note(key.feed)
            head, signature = await copies.signed_head(key)
        except (NotFoundError, UntrustworthyError):
            return None  # deleted this moment, or not fit to be shown
        facts = HeadFacts(
            head.length,
            head.entry,
            signature or bytes(SIGNATURE_SIZE),
            is_writer=is_writer,
            is_forked=is_forked,
        )
        return FeedOffer(discovery, _sealed(subfeed_key_of(key), discovery, facts))

    async def _tell(self, link: Link, question: Question) -> bytes:
        asked = unpack_any(question.body, AskFeed)
        self._index.refresh()
        if isinstance(asked, AskHeads):
            return _packed(link, await self._heads(link, asked) if question.is_allowed else [])
        return pack_padded(Sealed(await self._list(asked) if question.is_allowed else b""))

    async def _heads(self, link: Link, asked: AskHeads) -> list[FeedOffer | None]:
        offers = []
        for discovery, length in zip(asked.discoveries, asked.lengths, strict=False):
            key = self._index.find(discovery)
            if isinstance(key, SubfeedKey):
                offers.append(await self._head_offer(link, discovery, key, at_least=length + 1))
        return offers

    async def _list(self, asked: ListSubfeeds) -> bytes:
        """The note with the subfeeds of a feed, or nothing."""
        feed = self._index.find(asked.discovery)
        if not isinstance(feed, str):
            return b""
        subfeeds = await self._feeds.inventory.described(feed)
        listed = [
            SubfeedFacts(bytes.fromhex(subfeed), _name_bytes(name), length)
            for subfeed, (name, length) in subfeeds.items()
        ]
        page = listed[asked.first : asked.first + MOST_LISTED]
        facts = SubfeedsFacts(len(listed), page)
        return _sealed(feed_key(feed), asked.discovery, facts)

    async def _bytes(self, question: Question) -> bytes:
        asked = unpack_any(question.body, AskBytes)
        key = self._index.find(asked.discovery) if question.is_allowed else None
        if not isinstance(key, SubfeedKey):
            return _NOTHING_HERE
        try:
            before, run, length = await self._run(key, asked)
        except (NotFoundError, UntrustworthyError):
            return _NOTHING_HERE
        piece = run[asked.offset : asked.offset + LARGEST_PIECE]
        facts = RunPiece(before.length, before.entry, piece, len(run), length)
        return await self._threads.run(_sealed, subfeed_key_of(key), asked.discovery, facts)

    async def _run(self, key: SubfeedKey, asked: ReadFeed | ReadProof) -> tuple[Head, bytes, int]:
        """What is asked for, with the head before it and how far the subfeed goes here."""
        copies = self._feeds.copies
        fork, length = await copies.fork(key), (await copies.head(key)).length
        if not isinstance(asked, ReadFeed):
            return Head(), b"" if fork is None else msgspec.json.encode(fork), length
        if fork is not None and asked.position >= fork.index:
            return Head(), b"", fork.index  # of two histories nobody is given one
        if not self._feeds.get(key.feed).is_copy:
            await self._feeds.served.note(key.feed)
        return *await copies.run_from(key, asked.position, _RUN_BYTES), length


def _packed(link: Link, offers: list[FeedOffer | None]) -> bytes:
    return pack_padded(FeedOffers(link.instance, [one for one in offers if one is not None]))


def _name_bytes(name: SubfeedName | None) -> bytes:
    """A name as it is listed; one that is too long is left out."""
    text = b"" if name is None else json_bytes(name)
    return text if len(text) <= LONGEST_NAME else b""


def _sealed(key: bytes, discovery: bytes, facts: Sealable) -> bytes:
    return seal_facts(key, os.urandom(NONCE_SIZE), discovery, facts)
