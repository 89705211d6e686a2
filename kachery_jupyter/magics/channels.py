"""What the verbs of `%kc channel` do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kachery_core.errors import KacheryError
from kachery_jupyter.client import belonging
from kachery_jupyter.client.tables import Shown

if TYPE_CHECKING:
    from argparse import Namespace

    from kachery_jupyter.client.belonging import Channel


def run_channel_verb(arguments: Namespace) -> Any:
    """Do what a line after `%kc channel` says."""
    if arguments.channel_verb == "create":
        return belonging.create(arguments.name, arguments.url)
    if arguments.channel_verb == "join":
        return belonging.join(arguments.invitation)
    if arguments.channel_verb == "invite":
        roles = arguments.roles or belonging.SHARING_ROLES
        return Shown((), [(belonging.invite(arguments.name, arguments.node_id, roles),)])
    if arguments.channel_verb == "members":
        return _members(arguments.name)
    return Shown(("name", "state", "", "others present", "hub"), list(map(_row, belonging.ls())))


def complete_channel(fragment: str) -> list[str]:
    """Names of channels that begin with a fragment."""
    try:
        return [one.name for one in belonging.ls() if one.name.startswith(fragment)]
    except KacheryError:
        # Nothing to offer without a node; running the line will say why.
        return []


def _row(one: Channel) -> tuple[str, ...]:
    state = f"{one.state}: {one.problem}" if one.problem else one.state
    return (one.name, state, "owner" if one.is_owner else "", str(one.present), one.hub)


def _members(name: str) -> Shown:
    rows = [
        (
            one.name,
            one.node_id,
            "present" if one.is_present else "",
            "owner" if one.is_owner else "",
            " ".join(one.roles),
            one.warning,
        )
        for one in belonging.members(name)
    ]
    return Shown(("name", "node", "", "", "roles", ""), rows)
