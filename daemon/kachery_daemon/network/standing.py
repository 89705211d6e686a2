"""Where this node stands in a channel: its membership, the record, the keys, what is enabled.

Only ever newer: a hub that serves an older record or membership changes nothing. Nothing here is
kept on the disk; `channels.registry` has what this is made of.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kachery_core.capabilities import channel_subkey, live_token
from kachery_core.errors import KacheryError, RoleMissingError
from kachery_core.memberships import check_membership
from kachery_core.nkeys import user_nkey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kachery_core.hub_urls import HubUrl
    from kachery_core.keys import Signer
    from kachery_core.memberships import Membership
    from kachery_core.records import Record
    from kachery_core.roles import Role

_CONTROL = "control"


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
    ) -> None:
        self.signer = signer
        self.hub_url = hub_url
        self.membership = membership
        self.record = record
        self.disabled = disabled
        self.clock = clock
        self.address = user_nkey(signer.public_key)
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
    def lacks_key(self) -> bool:
        """Whether the channel has a newer key than any that this node was given."""
        return self.record.epoch > self.epoch

    def control_key(self, epoch: int) -> bytes | None:
        """What seals control messages of an epoch; None if this node does not have it."""
        return self._control_keys.get(epoch)

    def live_token(self, discovery: bytes) -> str:
        """What a subfeed is called in subjects, under the newest key."""
        return live_token(self._keys[self.epoch], discovery)

    def take_record(self, record: Record) -> bool:
        """Take a record of this channel; whether it is newer."""
        if record.channel_id != self.channel_id or record.version <= self.record.version:
            return False
        self.record = record
        return True

    def take_membership(self, membership: Membership) -> bool:
        """Take a membership of this node; whether it is newer."""
        is_ours = (membership.node_id, membership.channel_id) == (self.node_id, self.channel_id)
        if not is_ours or membership.issued_at <= self.membership.issued_at:
            return False
        self.membership = membership
        return True

    def take_key(self, epoch: int, key: bytes) -> bool:
        """Take a key of this channel; whether it was missing. Messages go out under the newest."""
        if epoch in self._control_keys:
            return False
        self._keys[epoch] = key
        self._control_keys[epoch] = channel_subkey(key, _CONTROL)
        self.epoch = max(self.epoch, epoch)
        return True

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
