"""From what was seen to one sentence, and to what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kachery_core.roles import Role
    from kachery_core.wire.explanations import ChannelFacts, ProviderFacts


def conclude(channels: Sequence[ChannelFacts], role: Role, *, is_here: bool) -> tuple[str, str]:
    """What it comes to, and what to do.

    Args:
        channels: what was seen on each.
        role: what asking takes.
        is_here: whether this node has it.
    """
    if is_here:
        return "It is here.", ""
    if not channels:
        return (
            "It is not here, and this node is in no channel where others could have it.",
            "Join one: `kachery channel join INVITATION`, or make one: `kachery channel create`.",
        )
    if having := [channel for channel in channels if _having(channel)]:
        return _found(having)
    if not any(channel.was_asked for channel in channels):
        return _nobody_asked(channels, role)
    return _not_found(channels, role)


def _found(channels: Sequence[ChannelFacts]) -> tuple[str, str]:
    count = len({provider.node_id for channel in channels for provider in _having(channel)})
    nodes = "1 other node has" if count == 1 else f"{count} other nodes have"
    doubtful = [one.problem for channel in channels for one in _having(channel) if one.problem]
    advice = f"{doubtful[0]} " if doubtful else ""
    return (
        f"{nodes} it, on {_names(channels)}: it can be loaded.",
        f"{advice}If a load fails all the same, `kachery doctor` looks at the way there.",
    )


def _nobody_asked(channels: Sequence[ChannelFacts], role: Role) -> tuple[str, str]:
    if not any(channel.is_granted and channel.is_enabled for channel in channels):
        return (
            f"It is not here, and this node may not request {role.topic} on any of its channels.",
            channels[0].advice,
        )
    could = next(channel for channel in channels if channel.is_granted and channel.is_enabled)
    return f"It is not here, and no channel could be asked. {could.problem}", could.advice


def _not_found(channels: Sequence[ChannelFacts], role: Role) -> tuple[str, str]:
    asked = [channel for channel in channels if channel.was_asked]
    providers = [provider for channel in asked for provider in channel.providers]
    unreached = [
        channel
        for channel in channels
        if not channel.was_asked and channel.is_granted and channel.is_enabled
    ]
    if unreached:
        missing = f"{_names(unreached)} could not be asked. {unreached[0].problem}"
        return f"Nobody who was asked has it, and {missing}", unreached[0].advice
    if not providers:
        return (
            f"Nobody who may provide {role.topic} is there on {_names(asked)}.",
            f"Is the node that has it running, and does it have the role {role.other_side} there?",
        )
    if silent := sum(provider.answer == "silent" for provider in providers):
        who = "a node" if silent == 1 else f"{silent} nodes"
        return (
            f"Nobody who answered has it; {who} did not answer in time.",
            "Try again in a moment; `kachery doctor` looks at the way there.",
        )
    return (
        f"Nobody who is there has it: {_names(asked)} was asked.",
        "Is the node that stored it running and a member? Is the URI complete?",
    )


def _having(channel: ChannelFacts) -> list[ProviderFacts]:
    return [provider for provider in channel.providers if provider.answer == "has it"]


def _names(channels: Sequence[ChannelFacts]) -> str:
    names = ", ".join(repr(channel.name) for channel in channels)
    return f"channel {names}" if len(channels) == 1 else f"channels {names}"
