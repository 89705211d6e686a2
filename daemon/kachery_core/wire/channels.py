"""The messages between a node and the programs on its computer, about channels."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from kachery_core.roles import Role
from kachery_core.wire.local import Answer, Message

NodeId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
ShortName = Annotated[str, msgspec.Meta(max_length=64)]
Roles = Annotated[list[Role], msgspec.Meta(max_length=len(Role))]
LinkState = Literal["connected", "connecting", "revoked", "expired", "off"]


class NewChannel(Message, frozen=True):
    """A channel to make: what it is called, and the URL of its hub."""

    name: ShortName
    hub: Annotated[str, msgspec.Meta(max_length=512)]


class Join(Message, frozen=True):
    """An invitation to accept."""

    invitation: Annotated[str, msgspec.Meta(max_length=2 << 20)]


class Invite(Message, frozen=True):
    """A node to invite, and what it may do.

    Attributes:
        node_id: of the node; `kachery node id` prints it there.
        roles: what it is granted.
        name: what the owner calls it.
        is_archive: whether it may be told what passes.
    """

    node_id: NodeId
    roles: Roles
    name: ShortName = ""
    is_archive: bool = False


class Invited(Answer, frozen=True):
    """The text that lets the invited node join, and nobody else."""

    invitation: str


class RolesGrant(Message, frozen=True):
    """What a member may do from now on; null leaves `is_archive` as it is."""

    node_id: NodeId
    roles: Roles
    is_archive: bool | None = None


class Revocation(Message, frozen=True):
    """A member to remove."""

    node_id: NodeId


class Leaving(Message, frozen=True):
    """A channel to leave; its owner has to say that it is to be given up for everybody."""

    abandon: bool = False


class RolesChange(Message, frozen=True):
    """Roles that this node uses, or does not use, of those it is granted."""

    enable: Roles = msgspec.field(default_factory=list)
    disable: Roles = msgspec.field(default_factory=list)


class ArchiveChoice(Message, frozen=True):
    """Whether this node keeps what passes.

    Attributes:
        is_on: whether it takes more; what it has it keeps.
        quota: bytes it may keep for this channel; null leaves that as it is, at first 100 GB.
        store: URL of an object store for what leaves the disk, '' for none; null leaves it.
    """

    is_on: bool = True
    quota: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None
    store: Annotated[str, msgspec.Meta(max_length=1024)] | None = None


class ArchiveInfo(Answer, frozen=True):
    """What this node keeps for a channel as an archive.

    Attributes:
        is_on: whether it takes more.
        quota: bytes it may keep.
        size: bytes it keeps.
        contents: how many of them.
        subfeeds: how many it follows.
        waiting: what it was told of and does not have yet.
        store: URL of the object store for what leaves the disk, or ''.
    """

    is_on: bool
    quota: int
    size: int
    contents: int
    subfeeds: int
    waiting: int
    store: str = ""


class ChannelInfo(Answer, frozen=True):
    """One channel of this node.

    Attributes:
        channel_id: account nkey.
        name: what the channel is called.
        hub: where its hub is; no secret.
        state: whether it is reached, and if not, why; off while this node does not share.
        problem: more about that, for people; or ''.
        is_owner: whether this node decides who belongs to it.
        is_archive: whether this node is told what passes.
        granted: roles that the owner granted.
        enabled: those of them that this node uses.
        present: how many other nodes are there now.
        expires_at: when the membership ends, seconds since 1970.
        record_version: of the newest record known here.
        archive: what this node keeps as an archive; null if it never was one.
        ignored: messages that came and were not taken, by the reason.
    """

    channel_id: str
    name: str
    hub: str
    state: LinkState
    problem: str
    is_owner: bool
    is_archive: bool
    granted: list[Role]
    enabled: list[Role]
    present: int
    expires_at: int
    record_version: int
    archive: ArchiveInfo | None = None
    ignored: dict[str, int] = msgspec.field(default_factory=dict)


class ChannelList(Answer, frozen=True):
    """The channels of this node, by name."""

    channels: list[ChannelInfo]


class MemberInfo(Answer, frozen=True):
    """One member of a channel.

    Attributes:
        node_id: 64 hex digits.
        name: what the owner calls it, or ''.
        roles: granted, as far as this node knows.
        is_owner: whether it decides who belongs to the channel.
        is_archive: whether it may be told what passes.
        is_present: whether it is there now.
        keeps: whether it is there and keeps what passes.
        is_self: whether it is this node.
        expires_at: when its membership ends, seconds since 1970.
        warning: something is wrong with it, for people; or ''.
    """

    node_id: str
    name: str
    roles: list[Role]
    is_owner: bool
    is_archive: bool
    is_present: bool
    is_self: bool
    expires_at: int
    warning: str = ""
    keeps: bool = False


class MemberList(Answer, frozen=True):
    """The members of a channel that this node knows: the owner knows all, others those they met."""

    members: list[MemberInfo]
