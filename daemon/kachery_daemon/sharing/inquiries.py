"""What to ask other nodes to learn whether they have something, and how to read what they say.

Only to learn it: sizes and lengths come back, no bytes of the content or feed itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core.capabilities import (
    content_discovery,
    content_key,
    feed_discovery,
    feed_key,
    subfeed_discovery,
    subfeed_key_of,
)
from kachery_core.roles import Role
from kachery_core.sealing import unseal_note
from kachery_core.subjects import find
from kachery_core.wire.node import pack, unpack
from kachery_core.wire.node_feeds import FeedFacts, FeedOffers, FindFeeds, HeadFacts, unseal_facts
from kachery_core.wire.node_files import FileFacts, FileOffers, FindFiles
from kachery_daemon.sharing.feed_offers import checked_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_core.messages import SubfeedKey

_FORKED = "It has the proof that the feed has two histories."


@dataclass(frozen=True)
class Found:
    """What a node has.

    Attributes:
        size: bytes of a content, messages of a subfeed, subfeeds of a feed.
        table: digest of a content's chunk table; empty if it has none, and for feeds.
        addresses: host:port where it may be reached directly.
        problem: what is wrong with it, for people; or ''.
    """

    size: int
    table: bytes = b""
    addresses: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Inquiry:
    """A question to all who provide.

    Attributes:
        subject: what is looked for, for people.
        unit: what its size counts: bytes, messages, subfeeds.
        role: what asking takes.
        body: the question.
        read: what an answer says, None for nothing; raises an UntrustworthyError for nonsense.
    """

    subject: str
    unit: str
    role: Role
    body: bytes
    read: Callable[[bytes], Found | None]

    @property
    def address(self) -> str:
        """The subject it is sent to."""
        return find(self.role.topic)


def content_inquiry(sha1: str, subject: str) -> Inquiry:
    """Look for a content, or the listing of a folder."""
    discovery, key = content_discovery(sha1), content_key(sha1)

    def read(body: bytes) -> Found | None:
        offers = unpack(body, FileOffers)
        for offer in offers.offers:
            if offer.discovery == discovery:
                facts = unpack(unseal_note(key, offer.note), FileFacts)
                # Zeros: it has not made a table yet.
                table = facts.table if any(facts.table) else b""
                return Found(facts.size, table, tuple(offers.addresses))
        return None

    return Inquiry(subject, "bytes", Role.REQUEST_FILES, pack(FindFiles([discovery], 0)), read)


def subfeed_inquiry(key: SubfeedKey, subject: str) -> Inquiry:
    """Look for copies of a subfeed."""
    discovery, seal_key = subfeed_discovery(key), subfeed_key_of(key)

    def read(body: bytes) -> Found | None:
        for offer in unpack(body, FeedOffers).offers:
            if offer.discovery == discovery:
                facts = unseal_facts(seal_key, discovery, offer.note, HeadFacts)
                checked_head(key, facts)
                return Found(facts.length, problem=_FORKED if facts.is_forked else "")
        return None

    return Inquiry(subject, "messages", Role.REQUEST_FEEDS, pack(FindFeeds([discovery])), read)


def feed_inquiry(feed: str, subject: str) -> Inquiry:
    """Look for copies of any subfeed of a feed."""
    discovery, seal_key = feed_discovery(feed), feed_key(feed)

    def read(body: bytes) -> Found | None:
        for offer in unpack(body, FeedOffers).offers:
            if offer.discovery == discovery:
                facts = unseal_facts(seal_key, discovery, offer.note, FeedFacts)
                return Found(facts.subfeeds)
        return None

    return Inquiry(subject, "subfeeds", Role.REQUEST_FEEDS, pack(FindFeeds([discovery])), read)
