"""What nodes say to each other about files.

Who looks for content names discovery keys, and gets *offers*: who has it, how large it is, by which
table, and small content at once. Then one node is asked for a *ticket* (bytes come directly, by
HTTP), for its *table*, or for *chunks* (bytes come through the hub). Whatever tells something about
a content is sealed with the content's key, as a note; the frames of a content are not packets, but
1 MiB pieces sealed with `capabilities.frame_nonce`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from kachery_core.wire.node import (
    Addresses,
    Bytes32,
    Count,
    Discoveries,
    Discovery,
    Instance,
    Note,
    Packet,
)

# Content up to this size may come with the offer; all of one answer may have this much.
LARGEST_INLINE = 16 << 10
MOST_INLINE = 512 << 10
MOST_CHUNKS = 8
TICKET_SECONDS = 60


class FindFiles(Packet, frozen=True):
    """Who has these? To `files.find`.

    Attributes:
        discoveries: of the contents.
        inline_limit: up to how many bytes a content may come with its offer; 0 for none.
    """

    discoveries: Discoveries
    inline_limit: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INLINE)]


class FileFacts(Packet, frozen=True):
    """What is sealed in an offer.

    Attributes:
        size: bytes.
        table: BLAKE3 of all chunk digests (32 bytes each, one after the other): equal tables.
        inline: the bytes themselves, if they are few.
    """

    size: Count
    table: Bytes32
    inline: Annotated[bytes, msgspec.Meta(max_length=LARGEST_INLINE)] | None = None


class FileOffer(Packet, frozen=True):
    """I have this; `note` is sealed `FileFacts`."""

    discovery: Discovery
    note: Note


class FileOffers(Packet, frozen=True):
    """What a node has of what was looked for; nothing looks like something of the same length.

    Attributes:
        instance: under which it may be asked for it.
        addresses: host:port where it may be reached directly; none if it cannot.
        offers: one for each content it has.
        padding: zeros, see `pack_padded`.
    """

    instance: Instance
    addresses: Addresses
    offers: Annotated[list[FileOffer], msgspec.Meta(max_length=1000)]
    padding: bytes = b""


class AskTicket(Packet, frozen=True, tag="ticket"):
    """Let me get this directly; answered by `Ticket`."""

    discovery: Discovery


class AskTable(Packet, frozen=True, tag="table"):
    """Send me the table of this; answered by as many `TablePart` as it takes."""

    discovery: Discovery


class AskChunks(Packet, frozen=True, tag="chunks"):
    """Send me these frames; answered by the frames as they are, on the bulk connection."""

    discovery: Discovery
    first: Count
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_CHUNKS)]


# To `files.get.NODE.INSTANCE`.
AskFile = AskTicket | AskTable | AskChunks


class Ticket(Packet, frozen=True):
    """Whoever shows this may get the frames of one content.

    Attributes:
        ticket: 32 random bytes; in URLs as hex.
        addresses: host:port.
        seconds: how long it counts.
    """

    ticket: Bytes32
    addresses: Addresses
    seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = TICKET_SECONDS


class TablePart(Packet, frozen=True):
    """A part of an encoded manifest; `note` is sealed with the content's key."""

    part: Count
    parts: Annotated[int, msgspec.Meta(ge=1, le=1024)]
    note: Note
