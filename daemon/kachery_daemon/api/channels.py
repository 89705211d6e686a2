"""Channels: make, invite, join, leave; who belongs to them and what they may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.wire.channels import (
    ArchiveChoice,
    ArchiveInfo,
    ChannelInfo,
    ChannelList,
    Invite,
    Invited,
    Join,
    Leaving,
    MemberInfo,
    MemberList,
    NewChannel,
    Revocation,
    RolesChange,
    RolesGrant,
)
from kachery_core.wire.local import API_PATH
from kachery_daemon.api.door import Role as Asker
from kachery_daemon.api.endpoint import Endpoint
from kachery_daemon.api.operations import operation
from kachery_daemon.channels.decisions import Wish
from kachery_daemon.channels.owning import Owner

if TYPE_CHECKING:
    from collections.abc import Container

    from kachery_core.memberships import Membership
    from kachery_daemon.channels.membership import Member
    from kachery_daemon.sharing.archives import Archives

_DOUBLED = "Two nodes use this key. Stop one, and give it a storage folder of its own."
_CHANNEL = f"{API_PATH}/channels/{{channel}}"


class _ChannelEndpoint(Endpoint):
    """An endpoint that shows channels."""

    def _info(self, member: Member) -> ChannelInfo:
        return _info(member, self.services.sharing.archives)


class ChannelsEndpoint(_ChannelEndpoint):
    """All channels of this node."""

    PATH = f"{API_PATH}/channels"

    @operation("The channels of this node.", ChannelList)
    async def get(self) -> ChannelList:
        """List channels; other users of the computer load through them, so they may see them."""
        infos = [self._info(member) for member in self.services.channels.members]
        return ChannelList(sorted(infos, key=lambda info: (info.name, info.channel_id)))

    @operation("Make a channel.", ChannelInfo, body=NewChannel, role=Asker.OWNER)
    async def post(self, body: NewChannel) -> ChannelInfo:
        """Make a channel."""
        return self._info(await self.services.channels.create(body.name, body.hub))


class JoinEndpoint(_ChannelEndpoint):
    """The way into a channel of somebody else."""

    PATH = f"{API_PATH}/channels/join"

    @operation("Accept an invitation.", ChannelInfo, body=Join, role=Asker.OWNER)
    async def post(self, body: Join) -> ChannelInfo:
        """Join a channel."""
        return self._info(await self.services.channels.join(body.invitation))


class InviteEndpoint(Endpoint):
    """The way into a channel of this node."""

    PATH = f"{_CHANNEL}/invite"

    @operation("Make a node a member.", Invited, body=Invite, role=Asker.OWNER)
    async def post(self, channel: str, body: Invite) -> Invited:
        """Invite a node."""
        wish = Wish(body.node_id, frozenset(body.roles), body.name, body.is_archive)
        return Invited(await self.services.channels.owned(channel).invite(wish))


class GrantEndpoint(Endpoint):
    """What a member may do."""

    PATH = f"{_CHANNEL}/grant"

    @operation("Give a member other roles.", MemberList, body=RolesGrant, role=Asker.OWNER)
    async def post(self, channel: str, body: RolesGrant) -> MemberList:
        """Grant roles."""
        owner = self.services.channels.owned(channel)
        await owner.grant(body.node_id, frozenset(body.roles), is_archive=body.is_archive)
        return await _members(owner)


class RevokeEndpoint(Endpoint):
    """The way out of a channel of this node."""

    PATH = f"{_CHANNEL}/revoke"

    @operation("Put a member out.", MemberList, body=Revocation, role=Asker.OWNER)
    async def post(self, channel: str, body: Revocation) -> MemberList:
        """Revoke a membership."""
        owner = self.services.channels.owned(channel)
        await owner.revoke(body.node_id)
        return await _members(owner)


class LeaveEndpoint(_ChannelEndpoint):
    """The way out of a channel."""

    PATH = f"{_CHANNEL}/leave"

    @operation("Leave a channel and forget it.", ChannelList, body=Leaving, role=Asker.OWNER)
    async def post(self, channel: str, body: Leaving) -> ChannelList:
        """Leave a channel."""
        await self.services.channels.leave(channel, abandon=body.abandon)
        return ChannelList([self._info(member) for member in self.services.channels.members])


class RolesEndpoint(_ChannelEndpoint):
    """Which of the granted roles this node uses."""

    PATH = f"{_CHANNEL}/roles"

    @operation("Enable and disable roles here.", ChannelInfo, body=RolesChange, role=Asker.OWNER)
    async def post(self, channel: str, body: RolesChange) -> ChannelInfo:
        """Change roles."""
        channels = self.services.channels
        return self._info(await channels.change_roles(channel, body.enable, body.disable))


class ArchiveEndpoint(_ChannelEndpoint):
    """Whether this node keeps what passes."""

    PATH = f"{_CHANNEL}/archive"

    @operation("Keep what passes, or no longer.", ChannelInfo, body=ArchiveChoice, role=Asker.OWNER)
    async def post(self, channel: str, body: ArchiveChoice) -> ChannelInfo:
        """Be an archive."""
        archives = self.services.sharing.archives
        return self._info(
            await archives.set(channel, is_on=body.is_on, quota=body.quota, shelf=body.store)
        )


class MembersEndpoint(Endpoint):
    """Who belongs to a channel."""

    PATH = f"{_CHANNEL}/members"

    @operation("The members of a channel that this node knows.", MemberList, role=Asker.OWNER)
    async def get(self, channel: str) -> MemberList:
        """List members."""
        return await _members(self.services.channels.find(channel))


def _info(member: Member, archives: Archives) -> ChannelInfo:
    standing, link = member.standing, member.link
    return ChannelInfo(
        channel_id=standing.channel_id,
        name=standing.name,
        hub=standing.hub_url.server,
        state=link.state,
        problem=_problem(member),
        is_owner=isinstance(member, Owner),
        is_archive=standing.membership.is_archive,
        granted=sorted(standing.membership.roles),
        enabled=sorted(standing.membership.roles - standing.disabled),
        present=len(link.present()),
        expires_at=standing.membership.expires_at,
        record_version=standing.record.version,
        ignored={reason: count for reason, count in sorted(link.counts.items()) if count},
        archive=_archive(archives, standing.channel_id),
    )


def _archive(archives: Archives, channel_id: str) -> ArchiveInfo | None:
    found = archives.kept(channel_id)
    if found is None:
        return None
    kept, holding = found
    return ArchiveInfo(
        kept.is_on,
        kept.quota,
        holding.size,
        holding.contents,
        holding.subfeeds,
        holding.waiting,
        kept.shelf,
    )


def _problem(member: Member) -> str:
    """What is wrong in a channel now, for people; or ''."""
    problem = member.link.failure
    if problem is None and isinstance(member, Owner):
        problem = member.telling.problem
    return _warning(member, member.standing.node_id) if problem is None else str(problem)


async def _members(member: Member) -> MemberList:
    """The owner knows all; the others know those who are there."""
    standing = member.standing
    peers = member.link.present()
    present = {peer.node_id: peer.membership for peer in peers}
    keeping = {peer.node_id for peer in peers if peer.is_archive}
    if member.link.greeting.is_archive and standing.membership.is_archive:
        keeping.add(standing.node_id)
    if isinstance(member, Owner):
        known = await member.members()
    else:
        known = [standing.membership, *present.values()]
    infos = [_member(member, one, present, keeping) for one in known]
    return MemberList(sorted(infos, key=lambda one: (not one.is_owner, one.name, one.node_id)))


def _member(
    member: Member, one: Membership, present: Container[str], keeping: Container[str]
) -> MemberInfo:
    is_self = one.node_id == member.standing.node_id
    return MemberInfo(
        node_id=one.node_id,
        name=one.name,
        roles=sorted(one.roles),
        is_owner=one.is_owner,
        is_archive=one.is_archive,
        is_present=one.node_id in present or (is_self and member.link.state == "connected"),
        is_self=is_self,
        expires_at=one.expires_at,
        warning=_warning(member, one.node_id),
        keeps=one.node_id in keeping,
    )


def _warning(member: Member, node_id: str) -> str:
    return _DOUBLED if node_id in member.link.greeting.table.doubled() else ""


CHANNEL_ENDPOINTS: tuple[type[Endpoint], ...] = (
    ChannelsEndpoint,
    JoinEndpoint,
    InviteEndpoint,
    GrantEndpoint,
    RevokeEndpoint,
    LeaveEndpoint,
    RolesEndpoint,
    ArchiveEndpoint,
    MembersEndpoint,
)
