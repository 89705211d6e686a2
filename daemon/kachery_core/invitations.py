"""Invitations and letters: what a channel's owner sends to one node, sealed to that node's key.

A *letter* carries the channel's key of one epoch. An *invitation* carries a letter and all else
that a node needs to join: the hub's URL, its membership, the channel's record. Both are sealed to
the node's Ed25519 key (converted to Curve25519; libsodium's sealed box), so that they are useless
to everybody else, and may lie in a hub's directory or in an e-mail.

A sealed box does not say who closed it. So a letter is signed by the channel, over the key, the
node and the epoch: a hub cannot make members use a key of its choice.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import msgspec
from nacl.bindings import (
    crypto_box_seal,
    crypto_box_seal_open,
    crypto_sign_ed25519_pk_to_curve25519,
    crypto_sign_ed25519_sk_to_curve25519,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import CryptoError

from kachery_core.errors import InvalidInputError, InvalidInvitationError, KacheryError
from kachery_core.hub_urls import HubUrl, parse_hub_url
from kachery_core.keys import is_public_key, is_signed_by
from kachery_core.memberships import Membership, read_membership
from kachery_core.nkeys import account_key_of, account_nkey
from kachery_core.records import Record, read_record
from kachery_core.sealing import KEY_SIZE

if TYPE_CHECKING:
    from kachery_core.keys import Signer

INVITATION_PREFIX = "kachery-invitation-1."
LARGEST_INVITATION = 2 << 20
_LETTER_TAG = b"kachery-letter-1\x00"


class Letter(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The key of a channel in one epoch, for one node.

    Attributes:
        channel_id: account nkey of the channel.
        node_id: who may have the key, 64 hex digits.
        epoch: 1, 2, 3, …
        channel_key: 32 bytes.
        signature: of the channel, over all of these.
    """

    channel_id: str
    node_id: str
    epoch: int
    channel_key: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"Letter(epoch {self.epoch} of {self.channel_id} for {self.node_id})"


class Invitation(msgspec.Struct, frozen=True):
    """All that one node needs to join a channel."""

    hub_url: HubUrl
    membership: Membership
    record: Record
    letter: Letter

    @property
    def channel_id(self) -> str:
        """The account nkey of the channel."""
        return self.record.channel_id

    @property
    def channel_name(self) -> str:
        """What the channel calls itself."""
        return self.record.name

    @property
    def channel_key(self) -> bytes:
        """32 bytes."""
        return self.letter.channel_key

    @property
    def epoch(self) -> int:
        """Of the channel key."""
        return self.letter.epoch


class _Sealed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What is inside the text of an invitation."""

    hub_url: str
    membership: str
    record: str
    letter: Letter


def make_letter(channel: Signer, node_id: str, channel_key: bytes, epoch: int) -> Letter:
    """The channel's key for a node, signed.

    Raises:
        InvalidInputError: not a node id.
    """
    if not is_public_key(node_id):
        raise _not_a_node(node_id)
    if len(channel_key) != KEY_SIZE:
        raise ValueError(f"a channel key of {len(channel_key)} bytes")
    unsigned = Letter(account_nkey(channel.public_key), node_id, epoch, channel_key, b"")
    return msgspec.structs.replace(unsigned, signature=channel.sign(_letter_bytes(unsigned)))


def seal_letter(letter: Letter) -> bytes:
    """A letter that only its node can open."""
    return _seal(letter.node_id, msgspec.msgpack.encode(letter))


def open_letter(sealed: bytes, node_seed: bytes, channel_id: str) -> Letter:
    """The letter of a channel to this node.

    Args:
        sealed: what `seal_letter` made.
        node_seed: private key of this node, 32 bytes.
        channel_id: whose letter it must be.

    Raises:
        InvalidInvitationError: damaged, for another node, or not from this channel.
    """
    try:
        letter = msgspec.msgpack.decode(_open(sealed, node_seed), type=Letter)
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise _refused() from problem
    _check_letter(letter, node_seed, channel_id)
    return letter


def seal_invitation(invitation: Invitation) -> str:
    """The text of an invitation, for the node that its membership names."""
    inside = _Sealed(
        str(invitation.hub_url),
        invitation.membership.text,
        invitation.record.text,
        invitation.letter,
    )
    sealed = _seal(invitation.membership.node_id, msgspec.msgpack.encode(inside))
    return INVITATION_PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")


def open_invitation(text: str, node_seed: bytes) -> Invitation:
    """An invitation to this node. Whether the membership counts is another question.

    Args:
        text: what `seal_invitation` made; blanks and line breaks in it do not matter.
        node_seed: private key of this node, 32 bytes.

    Raises:
        InvalidInvitationError: damaged, for another node, or its parts do not belong together.
    """
    sealed = _from_text(text)
    try:
        inside = msgspec.msgpack.decode(_open(sealed, node_seed), type=_Sealed)
        record = read_record(inside.record)
        membership = read_membership(inside.membership, record.channel_id)
        hub_url = parse_hub_url(inside.hub_url)
    except InvalidInvitationError:
        raise
    except (msgspec.MsgspecError, UnicodeDecodeError, KacheryError) as problem:
        raise _refused() from problem
    _check_letter(inside.letter, node_seed, record.channel_id)
    if membership.node_id != inside.letter.node_id:
        raise _refused()
    return Invitation(hub_url, membership, record, inside.letter)


def _from_text(text: str) -> bytes:
    joined = "".join(text.split()) if len(text) <= LARGEST_INVITATION else ""
    if not joined.startswith(INVITATION_PREFIX):
        raise InvalidInvitationError(
            "This is not an invitation to a channel.",
            hint=f"It begins with {INVITATION_PREFIX!r}; `kachery channel invite` prints it.",
        )
    encoded = joined.removeprefix(INVITATION_PREFIX)
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as problem:
        raise _refused() from problem


def _check_letter(letter: Letter, node_seed: bytes, channel_id: str) -> None:
    is_right = (
        letter.channel_id == channel_id
        and letter.node_id == _public_key(node_seed).hex()
        and len(letter.channel_key) == KEY_SIZE
        and 0 < letter.epoch < 1 << 32
        and is_signed_by(_channel_key(channel_id), letter.signature, _letter_bytes(letter))
    )
    if not is_right:
        raise _refused()


def _letter_bytes(letter: Letter) -> bytes:
    return b"".join(
        (
            _LETTER_TAG,
            letter.channel_id.encode("utf-8"),
            bytes.fromhex(letter.node_id),
            letter.epoch.to_bytes(8, "big"),
            letter.channel_key,
        )
    )


def _channel_key(channel_id: str) -> str:
    try:
        return account_key_of(channel_id)
    except InvalidInputError as problem:
        raise _refused() from problem


def _public_key(node_seed: bytes) -> bytes:
    return crypto_sign_seed_keypair(node_seed)[0]


def _seal(node_id: str, data: bytes) -> bytes:
    try:
        return crypto_box_seal(data, crypto_sign_ed25519_pk_to_curve25519(bytes.fromhex(node_id)))
    except (CryptoError, ValueError) as problem:
        raise _not_a_node(node_id) from problem


def _open(sealed: bytes, node_seed: bytes) -> bytes:
    public, secret = crypto_sign_seed_keypair(node_seed)
    try:
        return crypto_box_seal_open(
            sealed,
            crypto_sign_ed25519_pk_to_curve25519(public),
            crypto_sign_ed25519_sk_to_curve25519(secret),
        )
    except (CryptoError, ValueError, TypeError) as problem:
        raise _refused() from problem


def _not_a_node(node_id: str) -> InvalidInputError:
    return InvalidInputError(
        f"{node_id!r:.80} is not a node id.",
        hint="A node id has 64 hex digits; `kachery node id` prints it.",
    )


def _refused() -> InvalidInvitationError:
    return InvalidInvitationError(
        "The invitation cannot be opened: it is for another node, or it was damaged on the way.",
        hint="Compare `kachery node id` here with the id that was invited, and copy it again.",
    )
