"""Looking for something on one channel: who is there, who answers, who has it, and on which way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError, UntrustworthyError
from kachery_core.wire.explanations import ChannelFacts, ProviderFacts
from kachery_daemon.network.ending import within

if TYPE_CHECKING:
    from typing import Literal

    from kachery_core.memberships import Membership
    from kachery_daemon.network.link import Answer, Link, Peer
    from kachery_daemon.network.standing import Standing
    from kachery_daemon.sharing.inquiries import Found, Inquiry

# As long as a load would wait for somebody to answer.
_ANSWER_SECONDS = 2.0
_REACH_SECONDS = 1.0
_OTHER_TABLE = "Its chunk table is not that of the others: one of the copies is wrong."
_NOT_UNDERSTOOD = "Its answer makes no sense; compare the versions of kachery."


@dataclass
class _Heard:
    """What was heard on one channel.

    Attributes:
        peers: who may provide and is there, by node id.
        answerers: who answered.
        found: what they have.
        problems: what was wrong with their answers.
        trouble: why nobody was asked, or why it ended early.
    """

    peers: dict[str, Peer] = field(default_factory=dict)
    answerers: dict[str, Membership] = field(default_factory=dict)
    found: dict[str, Found] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    was_asked: bool = False
    trouble: KacheryError | None = None

    def take(self, answer: Answer, inquiry: Inquiry) -> None:
        """Note an answer."""
        node_id = answer.sender.node_id
        self.answerers[node_id] = answer.sender
        try:
            found = inquiry.read(answer.body)
        except UntrustworthyError:
            self.problems[node_id] = _NOT_UNDERSTOOD
            return
        if found is not None:
            self.found[node_id] = found


async def look(link: Link, standing: Standing, inquiry: Inquiry) -> ChannelFacts:
    """Ask one channel; nothing is fetched.

    Args:
        link: the way there.
        standing: this node's in the channel.
        inquiry: what to ask.
    """
    heard = await _hear(link, inquiry)
    trouble, granted = heard.trouble, standing.membership.roles
    return ChannelFacts(
        name=standing.name,
        channel_id=standing.channel_id,
        hub=standing.hub_url.server,
        state=link.state,
        role=inquiry.role,
        is_granted=inquiry.role in granted,
        is_enabled=inquiry.role in granted - standing.disabled,
        was_asked=heard.was_asked,
        problem="" if trouble is None else trouble.message,
        advice="" if trouble is None else trouble.hint,
        present=len(link.present()),
        providers=await _providers(heard),
        expires_at=standing.membership.expires_at,
    )


async def _hear(link: Link, inquiry: Inquiry) -> _Heard:
    heard = _Heard()
    answering = inquiry.role.other_side
    try:
        link.check(inquiry.role)
        heard.peers = {peer.node_id: peer for peer in link.present(answering)}
        heard.was_asked = True
        answers = link.ask(
            inquiry.address,
            inquiry.body,
            role=answering,
            timeout=_ANSWER_SECONDS,
            expect=len(heard.peers) or None,
        )
        async for answer in answers:
            heard.take(answer, inquiry)
    except KacheryError as problem:
        heard.trouble = problem
    return heard


async def _providers(heard: _Heard) -> list[ProviderFacts]:
    known = {node_id: peer.membership for node_id, peer in heard.peers.items()} | heard.answerers
    paths = await asyncio.gather(*(_path(heard.found.get(node_id)) for node_id in known))
    tables = {found.table for found in heard.found.values() if found.table}
    return [
        _provider(heard, member, path, is_doubtful=len(tables) > 1)
        for member, path in zip(known.values(), paths, strict=True)
    ]


def _provider(
    heard: _Heard, member: Membership, path: Literal["direct", "hub", ""], *, is_doubtful: bool
) -> ProviderFacts:
    node_id = member.node_id
    found = heard.found.get(node_id)
    problem = heard.problems.get(node_id, "")
    if found is not None:
        problem = _OTHER_TABLE if is_doubtful else found.problem
    peer = heard.peers.get(node_id)
    return ProviderFacts(
        node_id,
        member.name,
        peer is not None and peer.is_archive,
        "has it" if found else "has it not" if node_id in heard.answerers else "silent",
        None if found is None else found.size,
        path,
        problem,
    )


async def _path(found: Found | None) -> Literal["direct", "hub", ""]:
    """How bytes would come from a node."""
    if found is None:
        return ""
    reached = await asyncio.gather(*map(is_reached, found.addresses))
    return "direct" if any(reached) else "hub"


async def is_reached(address: str) -> bool:
    """Whether somebody listens at host:port, as far as this computer can tell."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        return False
    try:
        opening = asyncio.open_connection(host.strip("[]"), int(port))
        _, writer = await within(opening, _REACH_SECONDS)
    except (OSError, OverflowError, UnicodeError, asyncio.TimeoutError):
        return False
    writer.close()
    return True
