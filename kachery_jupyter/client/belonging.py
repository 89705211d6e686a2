"""Channels: `kc.channels.create(...)`, invite, join, leave; who belongs to them; what they may do.

The node that makes a channel owns it. It invites others by their node ids, each with an invitation
that is of use to that node only.
"""

from __future__ import annotations

import html
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from kachery_core.errors import InvalidInputError
from kachery_core.keys import is_public_key
from kachery_core.roles import Role
from kachery_core.wire.channels import ChannelInfo, ChannelList, Invited, MemberInfo, MemberList
from kachery_jupyter.client.connection import current_node

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ROLES",
    "SHARING_ROLES",
    "Channel",
    "Member",
    "create",
    "grant",
    "invite",
    "join",
    "leave",
    "ls",
    "members",
    "revoke",
    "roles",
]

ROLES: tuple[str, ...] = tuple(str(role) for role in Role)
# Tasks run programs: nobody is granted those by leaving something out.
SHARING_ROLES: tuple[str, ...] = tuple(role for role in ROLES if not role.endswith("-tasks"))


class _Shown:
    """Something with facts, shown as a table in notebooks."""

    def as_dict(self) -> dict[str, Any]:
        """The facts as plain JSON values."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(str(value))}</td></tr>"
            for name, value in self.as_dict().items()
        )
        return f"<table>{rows}</table>"


class Channel(_Shown):
    """One channel, as this node saw it when it was asked.

    Attributes:
        name: what it is called.
        channel_id: what identifies it, `A…`.
        hub: where its hub is.
        state: connected, connecting, revoked or expired.
        problem: more about that, or ''.
        is_owner: whether this node decides who belongs to it.
        is_archive: whether this node is told what passes.
        granted: the roles that the owner granted to this node.
        enabled: those of them that this node uses.
        present: how many other nodes are there.
        expires_at: when this node's membership ends, if it is not renewed.
    """

    def __init__(self, info: ChannelInfo) -> None:
        self.name = info.name
        self.channel_id = info.channel_id
        self.hub = info.hub
        self.state = info.state
        self.problem = info.problem
        self.is_owner = info.is_owner
        self.is_archive = info.is_archive
        self.granted = [str(role) for role in info.granted]
        self.enabled = [str(role) for role in info.enabled]
        self.present = info.present
        self.expires_at = _moment(info.expires_at)

    def __repr__(self) -> str:
        return f"<Channel {self.name!r}: {self.state}, {self.present} others present>"

    def as_dict(self) -> dict[str, Any]:
        """The facts as plain JSON values."""
        return {**vars(self), "expires_at": self.expires_at.isoformat()}


class Member(_Shown):
    """One member of a channel, as far as this node knows.

    Attributes:
        node_id: 64 hex digits.
        name: what the owner calls it, or ''.
        roles: granted to it.
        is_owner: whether it decides who belongs to the channel.
        is_archive: whether it may be told what passes.
        is_present: whether it is there now.
        is_self: whether it is this node.
        expires_at: when its membership ends, if it is not renewed.
        warning: something is wrong with it, or ''.
    """

    def __init__(self, info: MemberInfo) -> None:
        self.node_id = info.node_id
        self.name = info.name
        self.roles = [str(role) for role in info.roles]
        self.is_owner = info.is_owner
        self.is_archive = info.is_archive
        self.is_present = info.is_present
        self.is_self = info.is_self
        self.expires_at = _moment(info.expires_at)
        self.warning = info.warning

    def __repr__(self) -> str:
        there = "present" if self.is_present else "away"
        return f"<Member {self.name or self.node_id[:12]}: {there}, {', '.join(self.roles)}>"

    def as_dict(self) -> dict[str, Any]:
        """The facts as plain JSON values."""
        return {**vars(self), "expires_at": self.expires_at.isoformat()}


def create(name: str, hub: str) -> Channel:
    """Make a channel that this node owns.

    Args:
        name: what it is called, 1 to 64 characters.
        hub: the URL that `kachery hub start` prints.

    Raises:
        InvalidHubUrlError: not all of such a URL.
        ChannelExistsError: this node is in a channel of that name.
        HubUnreachableError, HubNotTrustedError: the hub did not take it; nothing was made.

    Example:
        >>> kc.channels.create("lab", "tls://hub.example.org:7422/…")
    """
    return _channel(_post("/channels", {"name": name, "hub": hub}))


def invite(
    channel: str,
    node_id: str,
    roles: Iterable[str] | str = SHARING_ROLES,
    *,
    name: str = "",
    archive: bool = False,
) -> str:
    """Make another node a member of a channel of yours; the text that lets it join.

    Only that node can use the text, so it may be sent by any way.

    Args:
        channel: its name or id.
        node_id: of the other node: `kc.get_node_id()` or `kachery node id` there.
        roles: what it may do, of `kc.channels.ROLES`; by default all that files and feeds need.
        name: what you call it.
        archive: whether it may be told what passes, to keep it.

    Raises:
        NotOwnerError: somebody else owns the channel.
    """
    body = {
        "node_id": _node_id(node_id),
        "roles": _roles(roles),
        "name": name,
        "is_archive": archive,
    }
    return msgspec.convert(_post(_path(channel, "invite"), body), Invited).invitation


def join(invitation: str) -> Channel:
    """Accept an invitation; joining twice changes nothing.

    Raises:
        InvalidInvitationError: damaged, or for another node.
        MembershipExpiredError, MembershipRevokedError: it does not count any more.
    """
    return _channel(_post("/channels/join", {"invitation": invitation}))


def leave(channel: str) -> None:
    """Leave a channel, and forget it with its keys. What you fetched stays.

    Raises:
        ChannelNotFoundError: this node is not in it.
    """
    _post(_path(channel, "leave"), {})


def ls() -> list[Channel]:
    """The channels of this node, by name."""
    found = msgspec.convert(current_node().door.request("GET", "/channels"), ChannelList)
    return [Channel(info) for info in found.channels]


def members(channel: str) -> list[Member]:
    """The members of a channel: the owner sees all, the others those who are there."""
    return _members(current_node().door.request("GET", _path(channel, "members")))


def grant(
    channel: str, node_id: str, roles: Iterable[str] | str, *, archive: bool | None = None
) -> list[Member]:
    """Give a member exactly these roles, from now on; all members.

    Args:
        channel: its name or id; you own it.
        node_id: of the member.
        roles: of `kc.channels.ROLES`.
        archive: whether it may be told what passes; None leaves that as it is.

    Raises:
        NotOwnerError: somebody else owns the channel.
        MemberNotFoundError: there is no such member.
    """
    body = {"node_id": _node_id(node_id), "roles": _roles(roles), "is_archive": archive}
    return _members(_post(_path(channel, "grant"), body))


def revoke(channel: str, node_id: str) -> list[Member]:
    """Put a member out; within seconds nobody serves it any more. Those who remain.

    What it has fetched already it keeps.

    Raises:
        NotOwnerError: somebody else owns the channel.
        MemberNotFoundError: there is no such member.
    """
    return _members(_post(_path(channel, "revoke"), {"node_id": _node_id(node_id)}))


def roles(
    channel: str, enable: Iterable[str] | str = (), disable: Iterable[str] | str = ()
) -> Channel:
    """Which of the roles it is granted this node uses; changes that, if asked to.

    Args:
        channel: its name or id.
        enable: roles to use again.
        disable: roles not to use, whatever the owner grants.
    """
    body = {"enable": _roles(enable), "disable": _roles(disable)}
    return _channel(_post(_path(channel, "roles"), body))


def _post(path: str, body: dict[str, Any]) -> Any:
    return current_node().door.request("POST", path, body)


def _path(channel: str, what: str) -> str:
    return f"/channels/{quote(channel, safe='')}/{what}"


def _channel(value: Any) -> Channel:
    return Channel(msgspec.convert(value, ChannelInfo))


def _members(value: Any) -> list[Member]:
    return [Member(info) for info in msgspec.convert(value, MemberList).members]


def _roles(names: Iterable[str] | str) -> list[str]:
    """Names of roles, as a list or between commas."""
    listed = names.split(",") if isinstance(names, str) else [str(name) for name in names]
    stripped = [name.strip() for name in listed if name.strip()]
    for name in stripped:
        if name not in ROLES:
            raise InvalidInputError(
                f"{name!r} is not a role.", hint=f"The roles are: {', '.join(ROLES)}."
            )
    return list(dict.fromkeys(stripped))


def _node_id(text: str) -> str:
    if not is_public_key(text):
        raise InvalidInputError(
            f"{text[:80]!r} is not a node id: 64 hex digits, lower case.",
            hint="`kachery node id` prints it, on the computer that is to join.",
        )
    return text


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
