"""What nodes of a channel say to each other: the envelope, who is there, who belongs.

Packets are msgpack arrays of exactly the fields written here; anything else is refused. Files and
feeds have their own packets, in `node_files` and `node_feeds`. The envelope around each:

    epoch (u32) | nonce (12) | AES-256-GCM(key of the epoch for "control", Signed; aad = epoch)

`Signed` carries its sender's signature over channel, membership, destination, ids, kind and body,
so that nothing said in one place can be said again in another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import msgspec

from kachery_core.capabilities import channel_subkey
from kachery_core.errors import BadEnvelopeError
from kachery_core.keys import SIGNATURE_SIZE
from kachery_core.memberships import LARGEST_MEMBERSHIP, MEMBERSHIP_HASH_SIZE
from kachery_core.nkeys import account_key_of
from kachery_core.roles import Role
from kachery_core.sealing import NONCE_SIZE, seal_note, unseal_note

if TYPE_CHECKING:
    from typing import Any

_P = TypeVar("_P", bound="Packet")

ID_SIZE = 16
PADDING_STEP = 256
EPOCH_SIZE = 4
# What an envelope adds to a body, with a whole membership in it, at most.
LARGEST_ENVELOPE_EXTRA = LARGEST_MEMBERSHIP + 512
CONTROL = "control"
_TAG = b"kachery-envelope-1\x00"

Bytes16 = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Bytes32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, msgspec.Meta(min_length=SIGNATURE_SIZE, max_length=SIGNATURE_SIZE)]
Discovery = Bytes16
Discoveries = Annotated[list[Discovery], msgspec.Meta(min_length=1, max_length=1000)]
# What is sealed with a key that follows from a URI; the nonce stands in front.
Note = bytes
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Epoch = Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
Instance = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$", max_length=16)]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Addresses = Annotated[list[Address], msgspec.Meta(max_length=16)]
Subject = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=1 << 20)]

# What a message is: something said (a question, or to whoever listens), an answer with more to
# come, the last answer; or instead of an answer: too busy, or a membership that is not known here.
Kind = Literal["say", "answer", "last", "busy", "who"]
_KINDS: tuple[Kind, ...] = ("say", "answer", "last", "busy", "who")


class Packet(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Anything one node sends to another."""


class Signed(Packet, frozen=True):
    """What is sealed in an envelope.

    Attributes:
        membership: the sender's, as text; or its 16-byte hash for who has seen it.
        to: the subject that this is sent to.
        id: 16 bytes, new for each message.
        re: the id of the question that this answers, or empty.
        kind: what it is.
        body: a packet of the topic, or empty.
        signature: of the sender, over `signed_bytes`.
    """

    membership: Annotated[
        bytes, msgspec.Meta(min_length=MEMBERSHIP_HASH_SIZE, max_length=LARGEST_MEMBERSHIP)
    ]
    to: Subject
    id: Bytes16
    re: Annotated[bytes, msgspec.Meta(max_length=ID_SIZE)]
    kind: Kind
    body: bytes
    signature: Signature

    @property
    def has_whole_membership(self) -> bool:
        """Whether the membership stands there itself, not its hash."""
        return len(self.membership) != MEMBERSHIP_HASH_SIZE


class Presence(Packet, frozen=True):
    """A node is there.

    Attributes:
        instance: this run of it.
        roles: granted and enabled.
        is_archive: whether it takes URIs of what passes.
        version: of its kachery.
        record_version: of the newest record it knows.
        is_leaving: whether this is the last that is heard of it.
    """

    instance: Instance
    roles: Annotated[list[Role], msgspec.Meta(max_length=len(Role))]
    is_archive: bool
    version: Annotated[str, msgspec.Meta(max_length=64)]
    record_version: Count
    is_leaving: bool = False


class RecordNews(Packet, frozen=True):
    """The channel's record changed; to `members.record`. It is signed by the channel itself."""

    record: Token


class MembershipNews(Packet, frozen=True):
    """A node's new membership, and the channel's key in a letter if that changed as well."""

    membership: Token
    letter: Annotated[bytes, msgspec.Meta(max_length=4096)] = b""


class AskRecord(Packet, frozen=True, tag="record"):
    """Send me the record if it is newer than this; to `members.ask`."""

    version: Count


class AskRenewal(Packet, frozen=True, tag="renewal"):
    """Make my membership last longer; to `members.ask`, answered by the owner."""

    membership_hash: Bytes16
    epoch: Epoch


AskMembers = AskRecord | AskRenewal


class MembersAnswer(Packet, frozen=True):
    """What the owner has for who asked; empty where there is nothing new."""

    record: Annotated[str, msgspec.Meta(max_length=1 << 20)] = ""
    membership: Annotated[str, msgspec.Meta(max_length=LARGEST_MEMBERSHIP)] = ""
    letter: Annotated[bytes, msgspec.Meta(max_length=4096)] = b""


class ArchiveNews(Packet, frozen=True):
    """URIs that an archive may want to keep."""

    uris: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=4096)]], msgspec.Meta(max_length=1000)
    ]


def pack(packet: Packet) -> bytes:
    """The bytes of a packet."""
    return msgspec.msgpack.encode(packet)


def unpack(data: bytes, kind: type[_P]) -> _P:
    """A packet of one kind.

    Raises:
        BadEnvelopeError: the bytes are something else, or have something after them.
    """
    return _decoded(data, kind)  # type: ignore[no-any-return]


def unpack_any(data: bytes, kinds: Any) -> Any:
    """A packet of one of several kinds, for example `AskMembers`.

    Raises:
        BadEnvelopeError: the bytes are none of them, or have something after them.
    """
    return _decoded(data, kinds)


def pack_padded(packet: Packet) -> bytes:
    """The bytes of a packet, filled up to a multiple of 256 by its last field, `padding`."""
    missing = -len(pack(packet)) % PADDING_STEP
    return pack(msgspec.structs.replace(packet, padding=bytes(missing)))


def signed_bytes(channel_id: str, membership_hash: bytes, message: Signed) -> bytes:
    """What the signature of a message signs.

    Args:
        channel_id: the channel it is said in.
        membership_hash: of the sender's membership, whether that stands there or not.
        message: everything but its signature and its membership counts.
    """
    to = message.to.encode("utf-8")
    return b"".join(
        (
            _TAG,
            bytes.fromhex(account_key_of(channel_id)),
            membership_hash,
            len(to).to_bytes(2, "big"),
            to,
            message.id,
            len(message.re).to_bytes(1, "big"),
            message.re,
            _KINDS.index(message.kind).to_bytes(1, "big"),
            message.body,
        )
    )


def control_key(channel_key: bytes) -> bytes:
    """The key of an epoch that seals envelopes."""
    return channel_subkey(channel_key, CONTROL)


def seal_envelope(epoch: int, key: bytes, nonce: bytes, message: Signed) -> bytes:
    """An envelope.

    Args:
        epoch: whose key it is.
        key: `control_key` of the epoch.
        nonce: 12 random bytes.
        message: what it says.
    """
    prefix = epoch.to_bytes(EPOCH_SIZE, "big")
    return prefix + seal_note(key, nonce, pack(message), prefix)


def epoch_of(envelope: bytes) -> int:
    """With the key of which epoch an envelope is sealed.

    Raises:
        BadEnvelopeError: it is too short to be one.
    """
    if len(envelope) < EPOCH_SIZE + NONCE_SIZE:
        raise BadEnvelopeError("A message from the channel is too short to be one.")
    return int.from_bytes(envelope[:EPOCH_SIZE], "big")


def open_envelope(key: bytes, envelope: bytes) -> Signed:
    """What an envelope says. Who said it is still to be checked: membership, signature, id.

    Raises:
        BadEnvelopeError: sealed with another key, changed, or not a message.
    """
    prefix, note = envelope[:EPOCH_SIZE], envelope[EPOCH_SIZE:]
    return unpack(unseal_note(key, note, prefix), Signed)


def _decoded(data: bytes, kinds: Any) -> Any:
    try:
        return msgspec.msgpack.decode(data, type=kinds)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise BadEnvelopeError(
            f"Another node sent something that is not understood: {problem}."
        ) from problem
