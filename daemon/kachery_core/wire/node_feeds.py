"""What nodes say to each other about feeds.

A subfeed is looked for by its discovery key, and offered by whoever has a copy: its writer, or any
node that follows it. Lengths, names and messages are sealed with the subfeed's key, as notes;
messages are batches as their writer signed them (`kachery_core.messages`), and nobody is believed
about them.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from kachery_core.wire.node import (
    Bytes32,
    Count,
    Discoveries,
    Discovery,
    Instance,
    Note,
    Packet,
    Signature,
)

LARGEST_RUN = 1 << 20


class FindFeeds(Packet, frozen=True):
    """Who has copies of these subfeeds? To `feeds.find`."""

    discoveries: Discoveries


class HeadFacts(Packet, frozen=True):
    """How far a copy goes, as the feed's writer signed it: length, last entry, signature."""

    length: Count
    entry: Bytes32
    signature: Signature


class FeedOffer(Packet, frozen=True):
    """I have a copy; `note` is sealed `HeadFacts`."""

    discovery: Discovery
    note: Note


class FeedOffers(Packet, frozen=True):
    """What copies a node has of what was looked for; padded like `FileOffers`."""

    instance: Instance
    offers: Annotated[list[FeedOffer], msgspec.Meta(max_length=1000)]
    padding: bytes = b""


class ReadFeed(Packet, frozen=True, tag="read"):
    """Send me messages of a subfeed, from this position; answered by `FeedRun`."""

    discovery: Discovery
    position: Count
    max_bytes: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_RUN)] = LARGEST_RUN


class ListSubfeeds(Packet, frozen=True, tag="list"):
    """Which subfeeds of this feed are there? Answered by `SubfeedList`."""

    discovery: Discovery


# To `feeds.get.NODE.INSTANCE`.
AskFeed = ReadFeed | ListSubfeeds


class RunFacts(Packet, frozen=True):
    """What is sealed in a run.

    Attributes:
        before_length: how many messages come before the run.
        before_entry: the last entry before it.
        run: whole batches, one after the other; empty if there is nothing at the position.
        length: how far the copy goes.
    """

    before_length: Count
    before_entry: Bytes32
    run: bytes
    length: Count


class FeedRun(Packet, frozen=True):
    """Messages of a subfeed; `note` is sealed `RunFacts`. Also sent to `feeds.live.TOKEN`."""

    note: Note


class SubfeedFacts(Packet, frozen=True):
    """A subfeed: its hash (20 bytes), its name as JSON or nothing, and how far the copy goes."""

    subfeed: Annotated[bytes, msgspec.Meta(min_length=20, max_length=20)]
    name: Annotated[bytes, msgspec.Meta(max_length=8192)]
    length: Count


class SubfeedsFacts(Packet, frozen=True):
    """What is sealed in a list of subfeeds."""

    subfeeds: Annotated[list[SubfeedFacts], msgspec.Meta(max_length=10_000)]


class SubfeedList(Packet, frozen=True):
    """The subfeeds of a feed; `note` is sealed `SubfeedsFacts`, with the feed's key."""

    note: Note
