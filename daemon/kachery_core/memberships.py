"""Memberships: what the owner of a channel grants a node, signed with the channel's key.

A membership is the node's user JWT, so that the hub enforces by its permissions what every node
checks again, offline, by its tags. A tag that is not known is passed over: a newer kachery may
grant something that this one does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from blake3 import blake3

from kachery_core.errors import MembershipExpiredError, MembershipRevokedError
from kachery_core.jwts import encode_jwt
from kachery_core.nkeys import account_nkey, user_nkey
from kachery_core.roles import Role, permissions
from kachery_core.statements import (
    FORMAT_TAG,
    NATS_VERSION,
    check_name,
    read_node_id,
    read_statement,
    refused,
)

if TYPE_CHECKING:
    from kachery_core.keys import Signer
    from kachery_core.records import Record

# The hub reads it in the first line of a connection, of at most 4096 bytes.
LARGEST_MEMBERSHIP = 3600
MEMBERSHIP_HASH_SIZE = 16
_OWNER_TAG = "owner"
_ARCHIVE_TAG = "archive"
_ROLES = {f"role:{role}": role for role in Role}


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a membership says.

    Attributes:
        node_id: whose it is, 64 hex digits.
        roles: what the node may do.
        issued_at: seconds since 1970.
        expires_at: seconds since 1970; it counts until then.
        name: what the owner calls the node; may be empty.
        is_owner: whether the node may decide who belongs to the channel.
        is_archive: whether the node may be told what passes.
    """

    node_id: str
    roles: frozenset[Role]
    issued_at: int
    expires_at: int
    name: str = ""
    is_owner: bool = False
    is_archive: bool = False


class Membership(Grant, frozen=True, kw_only=True):
    """A grant that its channel signed; `text` is the signed form."""

    channel_id: str
    text: str


def make_membership(channel: Signer, grant: Grant) -> str:
    """Sign a membership.

    Args:
        channel: holds the channel's key.
        grant: what it says.

    Raises:
        InvalidInputError: not a node id, or a name that cannot be one.
    """
    if grant.name:
        check_name(grant.name)
    tags = [FORMAT_TAG, *sorted(f"role:{role}" for role in grant.roles)]
    tags += [_OWNER_TAG] * grant.is_owner + [_ARCHIVE_TAG] * grant.is_archive
    # One user has all that the account has.
    limits = {"subs": -1, "data": -1, "payload": -1}
    nats = {"type": "user", "version": NATS_VERSION, "tags": tags, **limits, **permissions(grant)}
    claims = {
        "iss": account_nkey(channel.public_key),
        "sub": user_nkey(grant.node_id),
        "name": grant.name,
        "iat": grant.issued_at,
        "exp": grant.expires_at,
        "nats": nats,
    }
    return encode_jwt(claims, channel)


def read_membership(text: str, channel_id: str) -> Membership:
    """What a membership of a channel says. Whether it still counts: `check_membership`.

    Raises:
        BadMembershipError: not a membership, or not signed by this channel.
    """
    if len(text) > LARGEST_MEMBERSHIP:
        raise refused(f"it has {len(text)} characters")
    claims, tags = read_statement(text, "user")
    if claims.issuer != channel_id:
        raise refused("another channel signed it")
    if claims.expires_at is None:
        raise refused("it has no end")
    return Membership(
        channel_id=channel_id,
        node_id=read_node_id(claims.subject),
        name=claims.name,
        roles=frozenset(_ROLES[tag] for tag in tags if tag in _ROLES),
        is_owner=_OWNER_TAG in tags,
        is_archive=_ARCHIVE_TAG in tags,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
        text=text,
    )


def membership_hash(text: str) -> bytes:
    """What stands for a membership in messages to who has seen it: 16 bytes of BLAKE3."""
    return blake3(text.encode("ascii")).digest(length=MEMBERSHIP_HASH_SIZE)


def check_membership(membership: Membership, record: Record, now: float) -> None:
    """Make sure that a membership counts.

    Args:
        membership: of a node, in the channel of the record.
        record: the newest that is known.
        now: seconds since 1970.

    Raises:
        BadMembershipError: it is of another channel.
        MembershipRevokedError: the owner took it back.
        MembershipExpiredError: it has ended.
    """
    if membership.channel_id != record.channel_id:
        raise refused("it is of another channel")
    facts = {"channel": record.name, "node_id": membership.node_id}
    revoked_until = record.revocations.get(membership.node_id)
    if revoked_until is not None and membership.issued_at <= revoked_until:
        raise MembershipRevokedError(
            f"The membership in channel {record.name!r} was revoked.",
            hint="Ask the owner of the channel for a new one.",
            **facts,
        )
    if membership.expires_at <= now:
        raise MembershipExpiredError(
            f"The membership in channel {record.name!r} ended {now - membership.expires_at:.0f} "
            "seconds ago, by the clock of this computer.",
            hint="Check the clock; then ask the owner of the channel for a new one.",
            **facts,
        )
