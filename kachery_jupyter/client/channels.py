"""Channels, to be awaited: `await client.channels.join(invitation)`; otherwise as `kc.channels`."""

from __future__ import annotations

from kachery_jupyter.client import belonging
from kachery_jupyter.client.awaitable import make_awaitable
from kachery_jupyter.client.belonging import ROLES, SHARING_ROLES, Channel, Member

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

create = make_awaitable(belonging.create)
invite = make_awaitable(belonging.invite)
join = make_awaitable(belonging.join)
leave = make_awaitable(belonging.leave)
ls = make_awaitable(belonging.ls)
members = make_awaitable(belonging.members)
grant = make_awaitable(belonging.grant)
revoke = make_awaitable(belonging.revoke)
roles = make_awaitable(belonging.roles)
archive = make_awaitable(belonging.archive)
