"""What a channel's owner decides, as the statements it takes: records, memberships, letters.

Pure but for the channel's key. Times of issue only ever rise, whatever the clock does: what was
revoked stays revoked if the clock is set back.
"""

from __future__ import annotations

import operator
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kachery_core.invitations import make_letter, seal_letter
from kachery_core.memberships import Grant, make_membership, read_membership
from kachery_core.records import Terms, make_record, read_record
from kachery_core.roles import ALL_ROLES
from kachery_core.sealing import KEY_SIZE

if TYPE_CHECKING:
    from kachery_core.keys import Signer
    from kachery_core.memberships import Membership
    from kachery_core.records import Record
    from kachery_core.roles import Role

# Members may have heard of decisions that neither the hub nor this node knows any more.
_LEAP = 100
MEMBERSHIP_SECONDS = 30 * 24 * 3600.0
# 150 kB of a record, which goes to every member with each decision.
_MOST_REVOCATIONS = 1000
_ENDED_LIFETIMES = 12


@dataclass(frozen=True)
class Wish:
    """What a member shall be able to do.

    Attributes:
        node_id: the member.
        roles: what it may do.
        name: what the owner calls it.
        is_archive: whether it may be told what passes.
        is_owner: whether it decides.
    """

    node_id: str
    roles: frozenset[Role]
    name: str = ""
    is_archive: bool = False
    is_owner: bool = False

    @staticmethod
    def of(membership: Membership) -> Wish:
        """What a membership says."""
        return Wish(
            membership.node_id,
            membership.roles,
            membership.name,
            membership.is_archive,
            membership.is_owner,
        )

    def but(self, roles: frozenset[Role], *, is_archive: bool | None) -> Wish:
        """The same member with other roles; None leaves `is_archive` as it is."""
        if is_archive is None:
            is_archive = self.is_archive
        return replace(self, roles=roles, is_archive=is_archive)


def found(
    channel: Signer, name: str, owner: str, now: float, lifetime: float
) -> tuple[Record, Membership, bytes]:
    """The first record of a channel, its owner's membership, and its first key.

    Raises:
        InvalidInputError: not a name.
    """
    terms = Terms(name=name, version=1, owner=owner, issued_at=int(now))
    record = read_record(make_record(channel, terms))
    wish = Wish(owner, ALL_ROLES, is_owner=True)
    return record, issue(channel, record, wish, now, lifetime), new_key()


def issue(
    channel: Signer, record: Record, wish: Wish, now: float, lifetime: float, after: int = 0
) -> Membership:
    """A membership that the record does not revoke.

    Args:
        channel: holds the channel's key.
        record: the newest.
        wish: what it shall say.
        now: seconds since 1970.
        lifetime: seconds.
        after: time of issue of the one that it replaces.
    """
    earliest = max(record.revocations.get(wish.node_id, 0), after) + 1
    issued_at = max(int(now), earliest)
    grant = Grant(
        node_id=wish.node_id,
        roles=wish.roles,
        issued_at=issued_at,
        expires_at=issued_at + max(1, int(lifetime)),
        name=wish.name,
        is_owner=wish.is_owner,
        is_archive=wish.is_archive,
    )
    return read_membership(make_membership(channel, grant), record.channel_id)


def revoke(channel: Signer, record: Record, membership: Membership, now: float) -> Record:
    """The next record, in which a membership does not count any more; same key."""
    return _next(channel, record, membership, now, record.epoch)


def put_out(channel: Signer, record: Record, membership: Membership, now: float) -> Record:
    """The next record, in which a node is no member any more; it needs a new key."""
    return _next(channel, record, membership, now, record.epoch + 1)


def merge(channel: Signer, theirs: Record, ours: Record, now: float) -> Record | None:
    """The record after two that do not know of each other; None if theirs has all of ours.

    An owner that was restored from a backup, or runs twice, meets its own later decisions at the
    hub. Nothing that either revoked comes back.
    """
    revocations = dict(theirs.revocations)
    for node_id, until in ours.revocations.items():
        revocations[node_id] = max(until, revocations.get(node_id, 0))
    if theirs.version > ours.version and revocations == theirs.revocations:
        return None
    terms = Terms(
        name=theirs.name,
        version=max(theirs.version, ours.version) + _LEAP,
        owner=theirs.owner,
        issued_at=max(int(now), theirs.issued_at, ours.issued_at),
        epoch=max(theirs.epoch, ours.epoch) + 1,
        revocations=revocations,
    )
    return read_record(make_record(channel, terms))


def new_key() -> bytes:
    """A key of a channel: 32 random bytes."""
    return secrets.token_bytes(KEY_SIZE)


def letter_to(channel: Signer, node_id: str, key: bytes, epoch: int) -> bytes:
    """The channel's key, sealed to a member."""
    return seal_letter(make_letter(channel, node_id, key, epoch))


def _needed(revocations: dict[str, int], now: float) -> dict[str, int]:
    """Revocations without those of memberships that ended long ago, if there are very many.

    A member whose clock is wrong may take an ended membership for one that counts, so as long as
    there is room for them all are kept.
    """
    spare = len(revocations) - _MOST_REVOCATIONS
    ended = now - _ENDED_LIFETIMES * MEMBERSHIP_SECONDS
    oldest = sorted(revocations.items(), key=operator.itemgetter(1))[: max(spare, 0)]
    dropped = {node_id for node_id, until in oldest if until < ended}
    return {node: until for node, until in revocations.items() if node not in dropped}


def _next(
    channel: Signer, record: Record, membership: Membership, now: float, epoch: int
) -> Record:
    node_id = membership.node_id
    until = max(record.revocations.get(node_id, 0), membership.issued_at)
    terms = Terms(
        name=record.name,
        version=record.version + 1,
        owner=record.owner,
        issued_at=max(int(now), record.issued_at),
        epoch=epoch,
        revocations=_needed({**record.revocations, node_id: until}, now),
    )
    return read_record(make_record(channel, terms))
