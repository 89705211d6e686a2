"""Where this node stands in a channel: its membership, the record, the keys, what is enabled.

Only ever newer: a hub that serves an older record or membership changes nothing. Nothing here is
kept on the disk; `channels.registry` has what this is made of.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kachery_core.capabilities import live_token
from kachery_core.errors import KacheryError, RoleMissingError
from kachery_core.memberships import check_membership
from kachery_core.nkeys import user_nkey
from kachery_core.roles import ALL_ROLES, may_send
from kachery_core.wire.node import control_key
from kachery_daemon.network.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kachery_core.hub_urls import HubUrl
    from kachery_core.keys import Signer
    from kachery_core.memberships import Membership
    from kachery_core.records import Record
    from kachery_core.roles import Role
    from kachery_daemon.network.link import Peer

_LONGEST_PATIENCE_SECONDS = 60.0
# How often in its time a membership is looked at, if that is more often.
_LOOKS = 12


class _Enabled:
    """A membership as if it granted only some roles."""

    def __init__(self, membership: Membership, roles: Iterable[Role]) -> None:
        self.node_id = membership.node_id
        self.roles = frozenset(roles)
        self.is_owner = membership.is_owner
        self.is_archive = membership.is_archive


class Standing:
    """What this node knows of one channel now.

    Args:
        signer: holds this node's key.
        hub_url: where the channel's hub is.
        membership: this node's own.
        record: of the channel.
        keys: the channel's keys by epoch; at least one.
        disabled: roles that this node's user does not want to have.
        clock: seconds since 1970; only the ends of memberships are compared with it.
        switch: whether this node is connected to its channels; always, if None.
    """

    def __init__(  # noqa: PLR0913 - it stands on these
        self,
        signer: Signer,
        hub_url: HubUrl,
        membership: Membership,
        record: Record,
        *,
        keys: Mapping[int, bytes],
        disabled: frozenset[Role],
        clock: Callable[[], float] = time.time,
        switch: Switch | None = None,
    ) -> None:
        self.signer = signer
        self.hub_url = hub_url
        self.membership = membership
        self.record = record
        self.disabled = disabled
        self.clock = clock
        self.switch = switch or Switch()
        self.address = user_nkey(signer.public_key)
        self._heard_version = 0
        self._heard_epoch = 0
        self._keys: dict[int, bytes] = {}
        self._control_keys: dict[int, bytes] = {}
        self.epoch = 0
        for epoch, key in keys.items():
            self.take_key(epoch, key)

    @property
    def channel_id(self) -> str:
        """The channel's account, `A…`."""
        return self.record.channel_id

    @property
    def name(self) -> str:
        """What the channel is called."""
        return self.record.name

    @property
    def node_id(self) -> str:
        """This node, 64 hex digits."""
        return self.signer.public_key

    @property
    def own_roles(self) -> frozenset[Role]:
        """Granted by the owner and enabled here; none once the membership is over."""
        if self.problem() is not None:
            return frozenset()
        return self.membership.roles - self.disabled

    @property
    def is_behind(self) -> bool:
        """Whether others know a newer record, or use a key that this node was not given."""
        newest = max(self.record.epoch, self._heard_epoch)
        return newest > self.epoch or self._heard_version > self.record.version

    @property
    def patience(self) -> float:
        """How long this node may go without asking what is new, in seconds: a minute, as a rule."""
        lifetime = self.membership.expires_at - self.membership.issued_at
        return min(_LONGEST_PATIENCE_SECONDS, max(0.5, lifetime / _LOOKS))

    def version(self) -> tuple[int, int, int]:
        """Version of the record, time of the membership, epoch of the key: what may get newer."""
        return self.record.version, self.membership.issued_at, self.epoch

    def hear_version(self, version: int) -> bool:
        """Somebody knows a record of this version; whether it is newer than the one here."""
        self._heard_version = max(self._heard_version, version)
        return version > self.record.version

    def hear_epoch(self, epoch: int) -> None:
        """Somebody seals with a key of this epoch, or says so: nobody has checked it."""
        self._heard_epoch = max(self._heard_epoch, epoch)

    @property
    def newest_key(self) -> bytes:
        """The channel's key of the newest epoch known here."""
        return self._keys[self.epoch]

    def control_key(self, epoch: int) -> bytes | None:
        """What seals control messages of an epoch; None if this node does not have it."""
        return self._control_keys.get(epoch)

    def live_token(self, discovery: bytes) -> str:
        """What a subfeed is called in subjects, under the newest key."""
        return live_token(self.newest_key, discovery)

    def is_newer_record(self, record: Record) -> bool:
        """Whether this is a newer record of this channel."""
        return record.channel_id == self.channel_id and record.version > self.record.version

    def take_record(self, record: Record) -> None:
        """Take a record, if it is newer."""
        if self.is_newer_record(record):
            self.record = record

    def is_newer_membership(self, membership: Membership) -> bool:
        """Whether this is a newer membership of this node."""
        is_ours = (membership.node_id, membership.channel_id) == (self.node_id, self.channel_id)
        return is_ours and membership.issued_at > self.membership.issued_at

    def take_membership(self, membership: Membership) -> None:
        """Take a membership, if it is newer."""
        if self.is_newer_membership(membership):
            self.membership = membership

    def take_key(self, epoch: int, key: bytes) -> None:
        """Take a key of this channel. Messages go out under the newest."""
        self._keys[epoch] = key
        self._control_keys[epoch] = control_key(key)
        self.epoch = max(self.epoch, epoch)

    def problem(self) -> KacheryError | None:
        """Why this node is no member at this moment; None if it is."""
        try:
            self.check_member(self.membership)
        except KacheryError as problem:
            return problem
        return None

    def check_member(self, membership: Membership) -> None:
        """Make sure that a membership of anybody counts at this moment.

        Raises:
            BadMembershipError, MembershipRevokedError, MembershipExpiredError: it does not.
        """
        check_membership(membership, self.record, self.clock())

    def is_allowed(self, membership: Membership, role: Role | None) -> bool:
        """Whether a member may act in a role at this moment."""
        try:
            self.check_member(membership)
        except KacheryError:
            return False
        return role is None or role in membership.roles

    def members_of(self, peers: Iterable[Peer]) -> list[Peer]:
        """The nodes among these whose memberships count at this moment."""
        return [peer for peer in peers if self.is_allowed(peer.membership, None)]

    def check_sending(self, subject: str) -> None:
        """Make sure that this node may send to a subject.

        What the hub allows is what was granted; roles that are disabled here it does not know.

        Raises:
            RoleMissingError: no role that it has allows it.
        """
        problem = self.problem()
        own = _Enabled(self.membership, self.own_roles)
        if problem is None and not may_send(own, subject):
            for role in sorted(ALL_ROLES - self.own_roles):
                if may_send(_Enabled(self.membership, {role}), subject):
                    self.check_role(role)

    def check_role(self, role: Role) -> None:
        """Make sure that this node has a role, granted and enabled.

        Raises:
            RoleMissingError: it has not; the message says which of the two is missing.
        """
        if role in self.own_roles:
            return
        facts = {"role": str(role), "channel": self.name}
        if role in self.membership.roles:
            raise RoleMissingError(
                f"The role {role} is disabled on this node in channel {self.name!r}.",
                hint=f"`kachery channel roles {self.name} --enable {role}` enables it.",
                **facts,
            )
        raise RoleMissingError(
            f"This node does not have the role {role} in channel {self.name!r}.",
            hint=f"Ask the channel's owner: `kachery channel grant {self.name} {self.node_id}"
            f" --roles …,{role}`.",
            **facts,
        )
