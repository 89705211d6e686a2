"""A channel on which everybody says what a test wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.errors import RoleMissingError
from kachery_core.roles import ALL_ROLES
from kachery_daemon.network.link import Answer, Peer
from kachery_daemon.network.standing import Standing
from tests.support.channel_samples import ALICE, CHANNEL_KEY, HUB, NOW, membership, record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kachery_core.errors import KacheryError
    from kachery_core.keys import SeedSigner
    from kachery_core.roles import Role
    from kachery_daemon.network.link import State


@dataclass
class ScriptedLink:
    """Takes the place of a link.

    Attributes:
        peers: who is there.
        lost: who was there when the hub was lost.
        answers: what they answer, one after the other.
        trouble: what `check` raises.
        break_off: what ends the answers.
        state: as the link says.
        asked: every question: address, body, role of the answerers, how many are expected.
    """

    peers: list[Peer] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    lost: list[Peer] = field(default_factory=list)
    roles: frozenset[Role] = ALL_ROLES
    trouble: KacheryError | None = None
    break_off: KacheryError | None = None
    state: State = "connected"
    asked: list[tuple[str, bytes, Role, int | None]] = field(default_factory=list)

    @property
    def own_roles(self) -> frozenset[Role]:
        return self.roles

    def present(self, role: Role | None = None) -> list[Peer]:
        return [peer for peer in self.peers if role is None or role in peer.roles]

    def expected(self, role: Role | None = None) -> list[Peer]:
        return [peer for peer in self.lost if role is None or role in peer.roles]

    def check(self, role: Role | None = None) -> None:
        if self.trouble is not None:
            raise self.trouble
        if role is not None and role not in self.roles:
            raise RoleMissingError(f"no {role}", hint=f"get {role}", role=str(role), channel="lab")

    async def ask(
        self,
        subject: str,
        body: bytes,
        *,
        role: Role,
        timeout: float,  # noqa: ARG002
        expect: int | None = None,
    ) -> AsyncIterator[Answer]:
        self.asked.append((subject, body, role, expect))
        for answer in self.answers:
            yield answer
        if self.break_off is not None:
            raise self.break_off


def peer(node: SeedSigner, name: str = "", roles: frozenset[Role] = ALL_ROLES) -> Peer:
    """A node that is there."""
    return Peer(membership(node, roles, name=name), "ab" * 8, roles, is_archive=False)


def answer(node: SeedSigner, body: bytes, name: str = "") -> Answer:
    """What a node says."""
    return Answer(membership(node, name=name), body)


def standing(
    roles: frozenset[Role] = ALL_ROLES, disabled: frozenset[Role] = frozenset()
) -> Standing:
    """Where this node, Alice's, stands in the channel."""
    return Standing(
        ALICE,
        HUB,
        membership(ALICE, roles),
        record(),
        keys={1: CHANNEL_KEY},
        disabled=disabled,
        clock=lambda: float(NOW),
    )
