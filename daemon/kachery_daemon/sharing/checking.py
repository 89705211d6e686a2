"""What the doctor asks the node: are its channels reached, and is all well with them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_core.roles import Role
from kachery_core.wire.explanations import Check
from kachery_daemon.sharing.looking import is_reached

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.channels.membership import Member
    from kachery_daemon.network.link import Link

_DAY = 24 * 3600
# A membership is renewed when half of its month is over; then something keeps it from that.
_LATE_SECONDS = 10 * _DAY
_NOTICED_SECONDS = 5.0
# Memberships and revocations are told apart by the second; minutes make them come out wrong.
_WRONG_SECONDS = 120.0


class Checking:
    """Looks at the channels of this node.

    Args:
        channels: of this node.
        addresses: where the members of a channel may reach this node directly.
    """

    def __init__(self, channels: Channels, addresses: Callable[[Link], Sequence[str]]) -> None:
        self._channels = channels
        self._addresses = addresses

    async def checks(self) -> list[Check]:
        """Look at every channel and its hub; takes some seconds where a hub does not answer."""
        members = self._channels.members
        if members and (off := self._channels.switch.problem) is not None:
            return [Check("warning", "sharing", off.message, off.hint)]
        channels = await asyncio.gather(*(_of_channel(member) for member in members))
        direct = await asyncio.gather(*(self._direct(member) for member in members))
        return [check for checks in (*channels, *direct) for check in checks]

    async def _direct(self, member: Member) -> list[Check]:
        """Whether bytes can come from here without the hub."""
        if Role.PROVIDE_FILES not in member.link.own_roles:
            return []
        subject = f"direct path of {member.standing.name}"
        addresses = self._addresses(member.link)
        if not addresses:
            return [Check("ok", subject, "none: files go through the hub")]
        reached = await asyncio.gather(*map(is_reached, addresses))
        where = ", ".join(addresses)
        if any(reached):
            return [Check("ok", subject, f"{where}, as far as can be seen from here")]
        return [
            Check(
                "warning",
                subject,
                f"nobody answers at {where}, which the others are told; files go through the hub",
                "Is KACHERY_DIRECT_ADDRESS this computer's, and does a firewall let others in?",
            )
        ]


async def _of_channel(member: Member) -> list[Check]:
    return [*await _hub(member), *_link(member), *_membership(member), *_roles(member)]


async def _hub(member: Member) -> list[Check]:
    """Whether the hub answers, is the right one, and what time it has."""
    standing = member.standing
    subject = f"hub of {standing.name}"
    try:
        before = standing.clock()
        found = await member.lobby.lookup(standing.channel_id)
    except KacheryError as problem:
        return [Check("wrong", subject, problem.message, problem.hint)]
    how = "without TLS" if standing.hub_url.pin is None else "with the certificate its URL names"
    answers = Check("ok", subject, f"{standing.hub_url.server} answers, {how}")
    if not found.clock:
        return [answers]
    return [answers, _clock((before + standing.clock()) / 2 - found.clock, standing.name)]


def _clock(offset: float, channel: str) -> Check:
    subject = f"clock and {channel}"
    if abs(offset) < _NOTICED_SECONDS:
        return Check("ok", subject, f"{abs(offset):.1f} s apart from the hub's")
    direction = "ahead of" if offset > 0 else "behind"
    return Check(
        "wrong" if abs(offset) >= _WRONG_SECONDS else "warning",
        subject,
        f"this computer's clock is {abs(offset):,.0f} s {direction} the hub's;"
        " memberships begin and end by the clock",
        "Set it, or ask who runs the hub: one of the two is wrong.",
    )


def _link(member: Member) -> Iterator[Check]:
    """Whether messages pass, and whether somebody else uses this node's key."""
    link, standing = member.link, member.standing
    subject = f"channel {standing.name}"
    if link.state == "connected":
        count = len(link.present())
        nodes = "1 other node" if count == 1 else f"{count} other nodes"
        yield Check("ok", subject, f"connected, {nodes} there")
    elif link.state == "connecting":
        failure = link.failure
        text = "not connected yet" if failure is None else failure.message
        yield Check("wrong", subject, text, "" if failure is None else failure.hint)
    if standing.node_id in link.greeting.table.doubled():
        yield Check(
            "wrong",
            subject,
            "another node that runs now has this node's key",
            "Stop one of them, and give it a storage folder of its own: a copied folder is a"
            " copied key.",
        )


def _membership(member: Member) -> Iterator[Check]:
    """Whether this node belongs there, and for how long."""
    standing = member.standing
    subject = f"membership in {standing.name}"
    problem = standing.problem()
    if problem is not None:
        yield Check("wrong", subject, problem.message, problem.hint)
        return
    left = standing.membership.expires_at - standing.clock()
    if left < _LATE_SECONDS and not standing.membership.is_owner:
        yield Check(
            "warning",
            subject,
            f"ends in {left / _DAY:.1f} days and was not renewed",
            "The owner's node renews it when both run; ask the owner to start it.",
        )
    else:
        yield Check("ok", subject, f"for {left / _DAY:.0f} more days")


def _roles(member: Member) -> Iterator[Check]:
    """What this node may do there."""
    standing = member.standing
    subject = f"roles in {standing.name}"
    granted = standing.membership.roles
    disabled = sorted(granted & standing.disabled)
    enabled = sorted(granted - standing.disabled)
    if not enabled:
        advice = f"`kachery channel roles {standing.name} --enable …`" if disabled else ""
        advice = advice or "Ask the channel's owner for roles."
        yield Check("warning", subject, "none is granted and enabled", advice)
        return
    without = f"; disabled here: {', '.join(disabled)}" if disabled else ""
    yield Check("ok", subject, ", ".join(enabled) + without)
