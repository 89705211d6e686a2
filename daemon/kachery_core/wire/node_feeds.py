"""What nodes say to each other about feeds.

A feed, or a subfeed, is looked for by its discovery key, and offered by whoever has it: its writer,
or any node that keeps a copy. Lengths, names and messages are sealed with the key that follows from
the URI, as notes; messages are batches as their writer signed them (`kachery_core.messages`), and
nobody is believed about them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec

from kachery_core.sealing import seal_note, unseal_note
from kachery_core.wire.node import (
    Bytes32,
    Count,
    Discoveries,
    Discovery,
    Instance,
    Note,
    Packet,
    Signature,
    pack,
    unpack,
)

if TYPE_CHECKING:
    from typing import TypeAlias

_P = TypeVar("_P", bound=Packet)

# The most bytes of messages in one answer; a longer run is asked for piece by piece.
LARGEST_PIECE = 1 << 20
# Of messages that are told live; of more than that only the head is told.
LARGEST_LIVE = 64 << 10
MOST_LISTED = 1000


class FindFeeds(Packet, frozen=True):
    """Who has these feeds and subfeeds? To `feeds.find`, answered by `FeedOffers`."""

    discoveries: Discoveries


class HeadFacts(Packet, frozen=True):
    """What is sealed in the offer of a subfeed: how far it goes there.

    Attributes:
        length, entry, signature: the head, as the feed's writer signed it; zeros if it is empty.
        is_writer: whether it says that it holds the feed's key.
        is_forked: whether it has the proof that there are two histories.
    """

    length: Count
    entry: Bytes32
    signature: Signature
    is_writer: bool
    is_forked: bool


class FeedFacts(Packet, frozen=True):
    """What is sealed in the offer of a feed."""

    subfeeds: Count
    is_writer: bool


class FeedOffer(Packet, frozen=True):
    """I have this; `note` is sealed `HeadFacts`, or `FeedFacts` if a feed was looked for."""

    discovery: Discovery
    note: Note


class FeedOffers(Packet, frozen=True):
    """What a node has of what was looked for; padded like `FileOffers`."""

    instance: Instance
    offers: Annotated[list[FeedOffer], msgspec.Meta(max_length=1000)]
    padding: bytes = b""


class AskHeads(Packet, frozen=True, tag="heads"):
    """Which of these go farther than that, or are forked?

    Answered by `FeedOffers` with those only.
    """

    discoveries: Discoveries
    lengths: Annotated[list[Count], msgspec.Meta(min_length=1, max_length=1000)]


class ListSubfeeds(Packet, frozen=True, tag="list"):
    """Which subfeeds does this feed have?

    Answered by `Sealed` `SubfeedsFacts`: those from number `first` on, in the order of hashes.
    """

    discovery: Discovery
    first: Count


# To `feeds.get.NODE.INSTANCE`.
AskFeed = AskHeads | ListSubfeeds


class SubfeedFacts(Packet, frozen=True):
    """A subfeed: its hash (20 bytes), its name as JSON or nothing, and about how far it goes."""

    subfeed: Annotated[bytes, msgspec.Meta(min_length=20, max_length=20)]
    name: Annotated[bytes, msgspec.Meta(max_length=8192)]
    length: Count


class SubfeedsFacts(Packet, frozen=True):
    """What is sealed in a list of subfeeds; `total` is the number of all."""

    total: Count
    subfeeds: Annotated[list[SubfeedFacts], msgspec.Meta(max_length=MOST_LISTED)]


class ReadFeed(Packet, frozen=True, tag="run"):
    """Send me the messages of a subfeed from number `position` on; answered by `RunPiece`.

    A run ends at a signature, so it may be longer than one answer: `offset` is where in it, in
    bytes, the next piece begins.
    """

    discovery: Discovery
    position: Count
    offset: Count = 0


class ReadProof(Packet, frozen=True, tag="proof"):
    """Send me the proof of a fork; answered by `RunPiece`, whose bytes are the proof as JSON."""

    discovery: Discovery
    offset: Count = 0


# To the same, on the bulk connection; the answer is sealed, not signed.
AskBytes = ReadFeed | ReadProof


class RunPiece(Packet, frozen=True):
    """What is sealed in an answer with messages, and in what is told live.

    Attributes:
        before_length, before_entry: the head before the run.
        piece: whole batches, one after the other, or a piece of them; empty if there are none.
        total: how many bytes the whole run has.
        length: how far the subfeed goes there.
    """

    before_length: Count
    before_entry: Bytes32
    piece: bytes
    total: Count
    length: Count


class LiveRun(Packet, frozen=True, tag="run"):
    """New messages, told to whoever asked for the subfeed in the last 90 seconds.

    To `feeds.live.TOKEN`; `note` is a sealed `RunPiece` with a whole run.
    """

    instance: Instance
    note: Note


class LiveHead(Packet, frozen=True, tag="head"):
    """So many new messages that they are better asked for; `note` is sealed `HeadFacts`."""

    instance: Instance
    note: Note


Live = LiveRun | LiveHead


class Sealed(Packet, frozen=True):
    """A note, filled up so that an answer with nothing looks like a small one with something."""

    note: Note
    padding: bytes = b""


Sealable: TypeAlias = "HeadFacts | FeedFacts | SubfeedsFacts | RunPiece"


def seal_facts(key: bytes, nonce: bytes, discovery: bytes, facts: Sealable) -> bytes:
    """The note that tells facts about a feed or subfeed to whoever knows its URI.

    Args:
        key: `feed_key` or `subfeed_key_of`.
        nonce: 12 random bytes.
        discovery: what it is looked for by.
        facts: what to tell. One kind is never taken for another.
    """
    return seal_note(key, nonce, pack(facts), _purpose(type(facts), discovery))


def unseal_facts(key: bytes, discovery: bytes, note: bytes, kind: type[_P]) -> _P:
    """The facts of one kind in a note.

    Raises:
        BadEnvelopeError: sealed with another key, about something else, or other facts.
    """
    return unpack(unseal_note(key, note, _purpose(kind, discovery)), kind)


def _purpose(kind: type, discovery: bytes) -> bytes:
    return kind.__name__.encode() + b"\0" + discovery
