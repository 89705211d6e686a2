"""Envelopes: what is said in a channel, sealed for its members and signed by who says it.

Every check that a message must pass stands here, in one order: known epoch, unsealed, membership
of this channel, not revoked, not ended, signed by that member, sent to the subject it came by,
never seen before. What it may say by its roles is checked by who takes it, with `roles.may_send`.
No clock is involved but for the end of memberships.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core.errors import BadEnvelopeError, BadMembershipError
from kachery_core.keys import is_signed_by
from kachery_core.memberships import membership_hash, read_membership
from kachery_core.sealing import NONCE_SIZE
from kachery_core.wire.node import (
    ID_SIZE,
    Signed,
    epoch_of,
    open_envelope,
    seal_envelope,
    signed_bytes,
)

if TYPE_CHECKING:
    from kachery_core.memberships import Membership
    from kachery_core.wire.node import Kind
    from kachery_daemon.network.standing import Standing

_REMEMBERED_IDS = 100_000
_REMEMBERED_MEMBERSHIPS = 4096
_NO_SIGNATURE = bytes(64)


class UnknownEpochError(Exception):
    """Sealed with a key that this node does not have, or not yet."""


class UnknownMembershipError(Exception):
    """The sender named a membership by a hash that was never seen here.

    Attributes:
        id: of the message.
    """

    def __init__(self, message_id: bytes) -> None:
        super().__init__("A message names a membership that was not seen yet.")
        self.id = message_id


@dataclass(frozen=True)
class Opened:
    """A message that passed every check but that of its sender's role.

    Attributes:
        sender: who said it, a member at this moment.
        id: 16 bytes, seen for the first time.
        re: the id of the question that it answers, or empty.
        kind: what it is.
        body: what it says.
        was_full: whether the sender's whole membership stood in it.
        epoch: with the key of which epoch it was sealed.
    """

    sender: Membership
    id: bytes
    re: bytes
    kind: Kind
    body: bytes
    was_full: bool
    epoch: int


class Envelopes:
    """Seals and opens the messages of one channel.

    Args:
        standing: of this node in it.
    """

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._ids: OrderedDict[bytes, None] = OrderedDict()
        self._members: OrderedDict[bytes, Membership] = OrderedDict()
        self._newest: dict[str, Membership] = {}

    def seal(  # noqa: PLR0913 - a message has these parts
        self,
        to: str,
        body: bytes,
        *,
        kind: Kind = "say",
        re: bytes = b"",
        message_id: bytes | None = None,
        in_full: bool = True,
        epoch: int | None = None,
    ) -> bytes:
        """A message of this node.

        Args:
            to: the subject it is sent to.
            body: what it says.
            kind: what it is.
            re: the id of the question that it answers.
            message_id: 16 random bytes; made here if None.
            in_full: whether this node's membership stands in it; otherwise its hash, for those
                who have seen it.
            epoch: whose key seals it; the newest if None.
        """
        standing = self._standing
        text = standing.membership.text
        digest = membership_hash(text)
        unsigned = Signed(
            text.encode("ascii") if in_full else digest,
            to,
            message_id or new_id(),
            re,
            kind,
            body,
            _NO_SIGNATURE,
        )
        signature = standing.signer.sign(signed_bytes(standing.channel_id, digest, unsigned))
        signed = Signed(unsigned.membership, to, unsigned.id, re, kind, body, signature)
        epoch = standing.epoch if epoch is None else epoch
        key = standing.control_key(epoch)
        if key is None:
            raise AssertionError("a channel without a key")
        return seal_envelope(epoch, key, secrets.token_bytes(NONCE_SIZE), signed)

    def open(self, envelope: bytes, subject: str) -> Opened:
        """What somebody says.

        Args:
            envelope: as it came.
            subject: the one it came by.

        Raises:
            UnknownEpochError: this node lacks the channel's newest key, perhaps.
            UnknownMembershipError: the sender has to send its whole membership.
            BadEnvelopeError, BadMembershipError: changed, forged, misdirected or repeated.
            MembershipRevokedError, MembershipExpiredError: the sender is no member any more.
        """
        standing = self._standing
        epoch = epoch_of(envelope)
        key = standing.control_key(epoch)
        if key is None:
            standing.hear_epoch(epoch)
            raise UnknownEpochError("A message is sealed with a key that is not known here.")
        message = open_envelope(key, envelope)
        sender, digest = self._sender(message)
        standing.check_member(sender)
        signed = signed_bytes(standing.channel_id, digest, message)
        if not is_signed_by(sender.node_id, message.signature, signed):
            raise BadEnvelopeError("A message is not signed by the member it names.")
        if message.to != subject:
            raise BadEnvelopeError("A message came by another subject than it was sent to.")
        self._remember(message.id)
        self._note(sender)
        return Opened(
            sender,
            message.id,
            message.re,
            message.kind,
            message.body,
            message.has_whole_membership,
            epoch,
        )

    def newest_of(self, node_id: str) -> Membership | None:
        """The newest membership that a node has spoken with; None if it never spoke here."""
        return self._newest.get(node_id)

    def _sender(self, message: Signed) -> tuple[Membership, bytes]:
        if not message.has_whole_membership:
            digest = message.membership
            if digest not in self._members:
                raise UnknownMembershipError(message.id)
            self._members.move_to_end(digest)
            return self._members[digest], digest
        try:
            text = message.membership.decode("ascii")
        except UnicodeDecodeError as problem:
            raise BadMembershipError(
                "A message comes with something else than a membership."
            ) from problem
        digest = membership_hash(text)
        sender = self._members.get(digest)
        if sender is None:
            sender = read_membership(text, self._standing.channel_id)
            self._members[digest] = sender
            if len(self._members) > _REMEMBERED_MEMBERSHIPS:
                self._members.popitem(last=False)
        return sender, digest

    def _remember(self, message_id: bytes) -> None:
        if message_id in self._ids:
            raise BadEnvelopeError("A message was repeated.")
        self._ids[message_id] = None
        if len(self._ids) > _REMEMBERED_IDS:
            self._ids.popitem(last=False)

    def _note(self, sender: Membership) -> None:
        known = self._newest.get(sender.node_id)
        if known is None or known.issued_at < sender.issued_at:
            self._newest[sender.node_id] = sender


def new_id() -> bytes:
    """The id of a new message."""
    return secrets.token_bytes(ID_SIZE)
