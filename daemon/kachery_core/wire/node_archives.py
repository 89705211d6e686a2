"""What an archive is told: which contents and subfeeds have passed on a channel.

To keep something, an archive must know what it is: not the name under which nodes look for it, but
what its URI says. Only the archive may: the note is a box sealed to its key, inside the envelope
that every member can open. The box names channel and teller, so that nobody else can use it again.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from kachery_core.boxes import open_box, seal_box
from kachery_core.errors import BadEnvelopeError
from kachery_core.nkeys import account_key_of
from kachery_core.wire.node import Bytes32, Packet, pack, pack_padded, unpack

# The most contents, and the most subfeeds, of one note.
MOST_PASSED = 250
LONGEST_LABEL = 255
LARGEST_BOX = 512 << 10

Bytes20 = Annotated[bytes, msgspec.Meta(min_length=20, max_length=20)]


class PassedContent(Packet, frozen=True):
    """A content that somebody has loaded.

    Attributes:
        sha1: of the content.
        manifest: SHA-1 of the chunk table that its URI names, or empty.
        label: what it was called.
    """

    sha1: Bytes20
    manifest: Annotated[bytes, msgspec.Meta(max_length=20)] = b""
    label: Annotated[str, msgspec.Meta(max_length=LONGEST_LABEL)] = ""


class PassedSubfeed(Packet, frozen=True):
    """A subfeed that somebody follows: the feed's public key, the hash of the subfeed's name."""

    feed: Bytes32
    subfeed: Bytes20


class Passed(Packet, frozen=True):
    """What is in the box of a note; filled up so that its length says little.

    Attributes:
        channel: public key of the channel it passed on.
        teller: public key of the node that tells it.
        contents: loaded by the teller.
        subfeeds: followed by the teller.
        padding: zeros, see `pack_padded`.
    """

    channel: Bytes32
    teller: Bytes32
    contents: Annotated[list[PassedContent], msgspec.Meta(max_length=MOST_PASSED)]
    subfeeds: Annotated[list[PassedSubfeed], msgspec.Meta(max_length=MOST_PASSED)]
    padding: bytes = b""


class ArchiveNote(Packet, frozen=True):
    """To `archive.NODE`; nobody answers. `box` is `Passed`, sealed to that node."""

    box: Annotated[bytes, msgspec.Meta(max_length=LARGEST_BOX)]


def seal_note(archive: str, passed: Passed) -> bytes:
    """The body of a note to an archive.

    Args:
        archive: its node id.
        passed: what to tell.

    Raises:
        InvalidInputError: not a node id.
    """
    return pack(ArchiveNote(seal_box(archive, pack_padded(passed))))


def open_note(body: bytes, node_seed: bytes, channel_id: str, teller: str) -> Passed:
    """What a note tells this archive.

    Args:
        body: of the message.
        node_seed: private key of this node, 32 bytes.
        channel_id: the channel it came by.
        teller: node id of its sender.

    Raises:
        BadEnvelopeError: not sealed to this node, by this teller, for this channel.
    """
    passed = unpack(open_box(unpack(body, ArchiveNote).box, node_seed), Passed)
    if passed.channel.hex() != account_key_of(channel_id) or passed.teller.hex() != teller:
        raise BadEnvelopeError("A note to an archive was told by somebody else, or elsewhere.")
    return passed
