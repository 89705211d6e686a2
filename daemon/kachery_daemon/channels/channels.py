"""All channels of this node: made, joined, left, kept connected."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kachery_core.errors import (
    ChannelExistsError,
    ChannelNotFoundError,
    InvalidInputError,
    KacheryError,
    NotOwnerError,
)
from kachery_core.memberships import check_membership
from kachery_daemon.channels.owning import Owner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from kachery_core.roles import Role
    from kachery_daemon.channels.membership import Member
    from kachery_daemon.channels.opening import Opening
    from kachery_daemon.network.link import Link
    from kachery_daemon.network.switch import Switch

    # Registers what is served on a link; called once for each.
    Setup = Callable[[Link], Awaitable[None]]

_CONNECT_SECONDS = 5.0
_log = logging.getLogger(__name__)


class Channels:
    """The channels of one node. Without any, nothing is opened and nothing is asked.

    Args:
        opening: makes them of what is on the disk.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._members: dict[str, Member] = {}
        self._setups: list[Setup] = []
        self._turn = asyncio.Lock()

    @property
    def switch(self) -> Switch:
        """Whether this node is connected to any of them."""
        return self._opening.switch

    @property
    def links(self) -> list[Link]:
        """The link of every channel, the oldest first."""
        return [member.link for member in self._members.values()]

    @property
    def members(self) -> list[Member]:
        """This node as a member of every channel, the oldest first."""
        return list(self._members.values())

    async def start(self) -> None:
        """Connect every channel; returns before they are connected."""
        for kept in await self._opening.kept():
            try:
                await self._begin(await self._opening.member(kept))
            except KacheryError as problem:
                _log.error("Channel %s cannot be used: %s", kept.channel_id, problem)

    async def close(self) -> None:
        """Disconnect every channel."""
        await asyncio.gather(*(member.close() for member in self._members.values()))
        self._members.clear()

    async def attach(self, setup: Setup) -> None:
        """Have something registered on every link, those of later channels too."""
        self._setups.append(setup)
        for link in self.links:
            await setup(link)

    def find(self, name_or_id: str) -> Member:
        """This node as a member of a channel.

        Raises:
            ChannelNotFoundError: of no such channel, or of several of that name.
        """
        if name_or_id in self._members:
            return self._members[name_or_id]
        found = [one for one in self._members.values() if one.standing.name == name_or_id]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(one.standing.channel_id for one in found)
            raise ChannelNotFoundError(
                f"There are {len(found)} channels named {name_or_id!r} here.",
                hint=f"Say which by its id: {ids}",
            )
        raise ChannelNotFoundError(
            f"This node is not in a channel {name_or_id!r}.",
            hint="`kachery channel ls` lists those it is in.",
        )

    def get(self, name_or_id: str) -> Link:
        """The link of a channel.

        Raises:
            ChannelNotFoundError: see `find`.
        """
        return self.find(name_or_id).link

    def owned(self, name_or_id: str) -> Owner:
        """A channel that this node owns.

        Raises:
            ChannelNotFoundError: see `find`.
            NotOwnerError: somebody else owns it.
        """
        member = self.find(name_or_id)
        if not isinstance(member, Owner):
            raise NotOwnerError(
                f"Only the owner of channel {member.standing.name!r} may do this:"
                f" node {member.standing.record.owner}.",
                hint="Ask them.",
                owner=member.standing.record.owner,
            )
        return member

    def is_allowed(self, channel_id: str, node_id: str, role: Role) -> bool:
        """Whether a node may act in a role at this moment, by the newest membership it showed."""
        member = self._members.get(channel_id)
        shown = None if member is None else member.link.newest_of(node_id)
        return member is not None and shown is not None and member.link.is_allowed(shown, role)

    async def create(self, name: str, hub_url: str) -> Member:
        """Make a channel that this node owns; its hub knows it when this returns.

        Raises:
            InvalidInputError: not a name, or not the URL of a hub.
            ChannelExistsError: there is a channel of this name here.
            HubUnreachableError, HubNotTrustedError, OverLimitError: the hub did not take it;
                nothing was made.
        """
        async with self._turn:
            if any(one.standing.name == name for one in self._members.values()):
                raise ChannelExistsError(
                    f"This node is already in a channel named {name!r}.", hint="Use another name."
                )
            owner = await self._opening.create(name, hub_url)
            try:
                await owner.telling.hub()
            except BaseException:
                await self._opening.forget(owner)
                raise
            await self._begin(owner)
        await owner.link.try_to_connect(_CONNECT_SECONDS)
        return owner

    async def join(self, text: str) -> Member:
        """Accept an invitation; a second time it changes nothing, or brings what is newer.

        Raises:
            InvalidInvitationError: damaged, or for another node.
            MembershipExpiredError, MembershipRevokedError: it does not count any more.
        """
        invitation = await self._opening.read(text)
        async with self._turn:
            member = self._members.get(invitation.channel_id)
            if member is not None:
                await member.accept(invitation)
            else:
                now = self._opening.clock()
                check_membership(invitation.membership, invitation.record, now)
                member = await self._opening.join(invitation)
                await self._begin(member)
        await member.link.try_to_connect(_CONNECT_SECONDS)
        return member

    async def leave(self, name_or_id: str, *, abandon: bool = False) -> Member:
        """Leave a channel, and forget it with its keys.

        Args:
            name_or_id: the channel.
            abandon: do so even if this node owns it: nobody can invite, revoke or renew any more.

        Raises:
            ChannelNotFoundError: see `find`.
            InvalidInputError: this node owns it, and `abandon` was not said.
        """
        async with self._turn:
            member = self.find(name_or_id)
            if isinstance(member, Owner) and not abandon:
                raise InvalidInputError(
                    f"This node owns channel {member.standing.name!r}: without it nobody can invite"
                    " anybody, and in a month all memberships are over.",
                    hint="`kachery channel leave NAME --abandon` leaves it all the same.",
                )
            await self._opening.forget(member)
            del self._members[member.standing.channel_id]
            await member.close()
        return member

    async def change_roles(
        self, name_or_id: str, enable: Iterable[Role], disable: Iterable[Role]
    ) -> Member:
        """Enable and disable roles of this node in a channel, as its user wants it.

        Raises:
            ChannelNotFoundError: see `find`.
        """
        async with self._turn:
            member = self.find(name_or_id)
            await member.disable((member.standing.disabled - set(enable)) | set(disable))
        return member

    async def _begin(self, member: Member) -> None:
        link = self._opening.link(member)
        for setup in self._setups:
            await setup(link)
        await member.begin(link)
        self._members[member.standing.channel_id] = member
