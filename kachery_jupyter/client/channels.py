"""Channels, to be awaited: `await client.channels.join(invitation)`; otherwise as `kc.channels`."""

from __future__ import annotations

from kachery_jupyter.client import belonging
from kachery_jupyter.client.awaitable import awaitable
from kachery_jupyter.client.belonging import ROLES, SHARING_ROLES, Channel, Member

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

create = awaitable(belonging.create)
invite = awaitable(belonging.invite)
join = awaitable(belonging.join)
leave = awaitable(belonging.leave)
ls = awaitable(belonging.ls)
members = awaitable(belonging.members)
grant = awaitable(belonging.grant)
revoke = awaitable(belonging.revoke)
roles = awaitable(belonging.roles)
