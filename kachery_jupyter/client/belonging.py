"""Channels: `kc.channels.create(...)`, invite, join, leave; who belongs to them; what they may do.

The node that makes a channel owns it. It invites others by their node ids, each with an invitation
that is of use to that node only.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from kachery_core.errors import InvalidInputError
from kachery_core.keys import is_public_key
from kachery_core.roles import Role
from kachery_core.wire.channels import ChannelInfo, ChannelList, Invited, MemberList
from kachery_jupyter.client.channel_facts import Channel, Member
from kachery_jupyter.client.connection import current_node

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ROLES",
    "SHARING_ROLES",
    "Channel",
    "Member",
    "archive",
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

_OTHERS_SECONDS = 2.0
_LOOK_EVERY_SECONDS = 0.1
ROLES: tuple[str, ...] = tuple(str(role) for role in Role)
_SIZE = re.compile(
    r"(?P<number>\d{1,15}(?:\.\d{1,9})?)\s*(?:(?P<prefix>[kmgtp])(?P<binary>i?))?b?(?:ytes)?",
    re.IGNORECASE | re.ASCII,
)
# Tasks run programs: nobody is granted those by leaving something out.
SHARING_ROLES: tuple[str, ...] = tuple(role for role in ROLES if not role.endswith("-tasks"))


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

    Once connected, it waits up to 2 s for the first of the others to be seen there.

    Raises:
        InvalidInvitationError: damaged, or for another node.
        MembershipExpiredError, MembershipRevokedError: it does not count any more.
    """
    joined = _channel(_post("/channels/join", {"invitation": invitation}))
    deadline = time.monotonic() + _OTHERS_SECONDS
    # Who is there answers a moment after the greeting: 'nobody else' would be said too early.
    while joined.state == "connected" and not joined.present and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_SECONDS)
        joined = next((one for one in ls() if one.channel_id == joined.channel_id), joined)
    return joined


def leave(channel: str, *, abandon: bool = False) -> None:
    """Leave a channel, and forget it with its keys. What you fetched stays.

    Args:
        channel: its name or id.
        abandon: leave a channel that you own; nobody can invite, revoke or renew there any more.

    Raises:
        ChannelNotFoundError: this node is not in it.
        InvalidInputError: you own it, and did not say `abandon`.
    """
    _post(_path(channel, "leave"), {"abandon": abandon})


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


def archive(
    channel: str,
    *,
    quota: int | str | None = None,
    store: str | None = None,
    enabled: bool = True,
) -> Channel:
    """Keep what other members load or follow on a channel, and have it while its providers are off.

    The channel's owner has to allow it (`archive=True` in `invite` or `grant`), with roles that
    request and provide. What is not used for longest goes first when the quota is reached; what
    you stored or pinned yourself stays, and does not count.

    Args:
        channel: its name or id.
        quota: bytes to keep for this channel, as a number or like "10GB"; None leaves it as it
            is, at first 100 GB.
        store: URL of an object store (`s3://bucket/folder`), where contents stay, sealed, when
            they leave the disk under the quota; "" for none; None leaves it as it is. Its keys
            come from the node's environment. Needs the extra `s3`.
        enabled: False takes nothing more. What is kept stays, and is served as before.

    Raises:
        RoleMissingError: the owner did not allow it, or a role is missing or disabled.
        ChannelNotFoundError: this node is not in it.
        UnavailableError: the object store cannot be used.

    Example:
        >>> kc.channels.archive("lab", quota="500GB")
    """
    size = _size(quota) if isinstance(quota, str) else quota
    choice = {"is_on": enabled, "quota": size, "store": store}
    return _channel(_post(_path(channel, "archive"), choice))


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


def _size(text: str) -> int:
    """Bytes, of a text like "10GB" or "500 GiB"."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(
            f"{text[:80]!r} is not a size.", hint="For example 500000, 10GB, or 1.5 TiB."
        )
    prefixes = "kmgtp"
    power = prefixes.index(match["prefix"].lower()) + 1 if match["prefix"] else 0
    unit: int = (1024 if match["binary"] else 1000) ** power
    return round(float(match["number"]) * unit)


def _node_id(text: str) -> str:
    if not is_public_key(text):
        raise InvalidInputError(
            f"{text[:80]!r} is not a node id: 64 hex digits, lower case.",
            hint="`kachery node id` prints it, on the computer that is to join.",
        )
    return text
