"""What is shown of a channel and of a member."""

from __future__ import annotations

import html
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from kachery_core.wire.channels import ChannelInfo, MemberInfo


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
        state: connected, connecting, revoked, expired, or off while the node does not share.
        problem: more about that, or ''.
        is_owner: whether this node decides who belongs to it.
        is_archive: whether this node is told what passes.
        granted: the roles that the owner granted to this node.
        enabled: those of them that this node uses.
        present: how many other nodes are there.
        expires_at: when this node's membership ends, if it is not renewed.
        archive: what this node keeps for others there: is_on, quota and size in bytes, contents,
            subfeeds, waiting; None if it never did.
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
        self.archive = None if info.archive is None else msgspec.to_builtins(info.archive)

    def __repr__(self) -> str:
        others = "other" if self.present == 1 else "others"
        return f"<Channel {self.name!r}: {self.state}, {self.present} {others} present>"

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
        keeps: whether it is there and keeps what passes.
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
        self.keeps = info.keeps
        self.is_self = info.is_self
        self.expires_at = _moment(info.expires_at)
        self.warning = info.warning

    def __repr__(self) -> str:
        there = "present" if self.is_present else "away"
        return f"<Member {self.name or self.node_id[:12]}: {there}, {', '.join(self.roles)}>"

    def as_dict(self) -> dict[str, Any]:
        """The facts as plain JSON values."""
        return {**vars(self), "expires_at": self.expires_at.isoformat()}


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
