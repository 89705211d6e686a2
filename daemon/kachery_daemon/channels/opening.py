"""Channels as they are on the disk, made into something that works: standing, lobby, link."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from kachery_core.hub_urls import parse_hub_url
from kachery_core.invitations import open_invitation
from kachery_core.keys import SeedSigner
from kachery_core.memberships import read_membership
from kachery_core.records import read_record
from kachery_core.roles import Role
from kachery_core.statements import check_name
from kachery_daemon.channels import decisions
from kachery_daemon.channels.membership import Member
from kachery_daemon.channels.owning import Owner
from kachery_daemon.channels.registry import ChannelRegistry
from kachery_daemon.keyring import channel_signer, make_channel_key
from kachery_daemon.network.hub_link import HubLink
from kachery_daemon.network.standing import Standing
from kachery_daemon.network.switch import Switch
from kachery_daemon.network.tls import ssl_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from kachery_core.invitations import Invitation
    from kachery_daemon.channels.registry import KeptChannel
    from kachery_daemon.system.threads import Threads
    from kachery_store.folder import Folder

_ROLES = {str(role): role for role in Role}


class Opening:
    """Makes the channels of one node.

    Args:
        folder: the storage folder; what is kept is in its state folder.
        node_seed: the node's private key, 32 bytes.
        threads: for the disk.
        version: of kachery, for the others to see.
        lifetime: of the memberships that this node issues, in seconds.
        clock: seconds since 1970.

    Attributes:
        switch: whether this node is connected to its channels.
    """

    def __init__(
        self,
        folder: Folder,
        node_seed: bytes,
        threads: Threads,
        version: str,
        *,
        lifetime: float = decisions.MEMBERSHIP_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.switch = Switch()
        self._folder = folder
        self._node_seed = node_seed
        self._signer = SeedSigner(node_seed)
        self._threads = threads
        self._version = version
        self._lifetime = lifetime
        self._registry = ChannelRegistry(folder.state)
        self._instance = secrets.token_hex(8)

    async def kept(self) -> list[KeptChannel]:
        """The channels that are on the disk, the oldest first."""
        return await self._threads.run(self._registry.all)

    async def member(self, kept: KeptChannel) -> Member:
        """This node as a member, or owner, of a channel.

        Raises:
            UntrustworthyError: what is on the disk is damaged.
        """
        return await self._threads.run(self._member, kept)

    async def create(self, name: str, hub_url: str) -> Owner:
        """A new channel, on the disk.

        Raises:
            InvalidInputError: not a name, or not the URL of a hub.
        """
        return await self._threads.run(self._create, name, hub_url)

    async def read(self, text: str) -> Invitation:
        """An invitation to this node.

        Raises:
            InvalidInvitationError: damaged, or for another node.
        """
        return await self._threads.run(open_invitation, text, self._node_seed)

    async def join(self, invitation: Invitation) -> Member:
        """This node as a member of a channel it is invited to, on the disk."""
        return await self._threads.run(self._join, invitation)

    async def forget(self, member: Member) -> None:
        """Take a channel off the disk, but for the account key of an own one."""
        await self._threads.run(self._registry.remove, member.standing.channel_id)

    def link(self, member: Member) -> HubLink:
        """What connects a member with its channel; not started yet."""
        standing = member.standing

        seen: list[ssl.SSLContext | None] = []

        async def secure() -> ssl.SSLContext | None:
            # It accepts one certificate, the one that the URL names: that stays true.
            if not seen:
                seen.append(await self._threads.run(ssl_context, standing.hub_url))
            return seen[0]

        return HubLink(
            standing, self._instance, version=self._version, secure=secure, refresh=member.refresh
        )

    def _member(self, kept: KeptChannel) -> Member:
        if kept.is_owned:
            return self._owner(kept)
        return Member(self._standing(kept), self._registry, self._threads, self._node_seed)

    def _owner(self, kept: KeptChannel) -> Owner:
        owner = Owner(self._standing(kept), self._registry, self._threads, self._node_seed)
        owner.own(channel_signer(self._folder, kept.channel_id), self._lifetime)
        return owner

    def _standing(self, kept: KeptChannel) -> Standing:
        return Standing(
            self._signer,
            parse_hub_url(kept.hub_url),
            read_membership(kept.membership, kept.channel_id),
            read_record(kept.record),
            keys=kept.keys,
            disabled=frozenset(_ROLES[name] for name in kept.disabled if name in _ROLES),
            clock=self.clock,
            switch=self.switch,
        )

    def _create(self, name: str, hub_url: str) -> Owner:
        url = str(parse_hub_url(hub_url))
        check_name(name)
        channel = make_channel_key(self._folder)
        record, membership, key = decisions.found(
            channel, name, self._signer.public_key, self.clock(), self._lifetime
        )
        kept = self._registry.add(url, membership, record, (record.epoch, key), is_owned=True)
        return self._owner(kept)

    def _join(self, invitation: Invitation) -> Member:
        kept = self._registry.add(
            str(invitation.hub_url),
            invitation.membership,
            invitation.record,
            (invitation.epoch, invitation.channel_key),
            is_owned=False,
        )
        return self._member(kept)
