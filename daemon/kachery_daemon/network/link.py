"""What a link to a channel offers: asking, answering, telling, and who is there.

This is the interface that sharing is written against; `hub_link` is the one that reaches a hub.
Whatever a handler or an asker is given has passed every check: it is sealed with the channel's
key, signed by its sender, the sender is a member at this moment, and it came by the subject it was
meant for. Only the meaning of the body is theirs to judge.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from kachery_core.memberships import Membership
    from kachery_core.roles import Role

# What an answer in bulk may have, unless the asker says something else.
LARGEST_BULK = (1 << 20) + 1024
State = Literal["connected", "connecting", "revoked", "expired", "off"]


@dataclass(frozen=True)
class Question:
    """One question of another member.

    Attributes:
        sender: who asks; verified, not revoked, not expired.
        body: what they ask.
        id: 16 bytes, never seen before.
        is_allowed: whether the sender holds the role it takes to ask this. If not, do the same
            work and answer as if there were nothing: the difference must not be seen.
    """

    sender: Membership
    body: bytes
    id: bytes
    is_allowed: bool


@dataclass(frozen=True)
class Answer:
    """One answer of another member, who holds the role that was demanded of answerers.

    Attributes:
        sender: who answers.
        body: what they say.
        is_last: whether this answerer has nothing more to say to this question.
    """

    sender: Membership
    body: bytes
    is_last: bool = True


@dataclass(frozen=True)
class Peer:
    """Another node that is there now.

    Attributes:
        membership: its newest membership.
        instance: 16 hex digits, chosen when the node started; part of its addresses.
        roles: granted and enabled.
        is_archive: whether it keeps what passes and may be told of it.
    """

    membership: Membership
    instance: str
    roles: frozenset[Role]
    is_archive: bool

    @property
    def node_id(self) -> str:
        """The node's public key, 64 hex digits."""
        return self.membership.node_id


# What answers a question: nothing at all, one answer, or several.
Answering = Callable[[Question], Awaitable[Sequence[bytes] | bytes | None]]
# Sends one frame of a bulk answer; the link says by itself when the answer is over.
Respond = Callable[["bytes | memoryview"], Awaitable[None]]
BulkAnswering = Callable[[Question, Respond], Awaitable[None]]
# Takes one frame of a bulk answer; called as soon as all of it is here.
TakeFrame = Callable[[bytes], None]
# Takes a one-way message: who sent it, and what.
Hearing = Callable[["Membership", bytes], Awaitable[None]]
Unsubscribe = Callable[[], Awaitable[None]]


class Link(Protocol):
    """One channel, as this node reaches it. Reconnects by itself, and keeps what was registered.

    Attributes:
        channel_id: the channel's account, `A…`.
        name: what the channel is called.
        node_id: this node, 64 hex digits.
        address: this node as it stands in subjects, `U…`.
        instance: this start of this node, 16 hex digits; part of its subjects.
    """

    channel_id: str
    node_id: str
    address: str
    instance: str

    @property
    def name(self) -> str:
        """What the channel is called."""
        ...

    @property
    def state(self) -> State:
        """Whether it reaches the channel, and if not, why."""
        ...

    @property
    def own_roles(self) -> frozenset[Role]:
        """What this node may do: granted by the owner and enabled here."""
        ...

    @property
    def largest_body(self) -> int:
        """The most bytes that fit into one question, answer or one-way message."""
        ...

    def live_subject(self, discovery: bytes) -> str:
        """Where news of a subfeed are told; another one when the channel has another key."""
        ...

    def present(self, role: Role | None = None) -> list[Peer]:
        """The other nodes that are there now; those with a role, if one is given."""
        ...

    def expected(self, role: Role | None = None) -> list[Peer]:
        """The nodes that were there when the hub was lost, seconds ago, and are not back yet.

        What only they have is not gone.
        """
        ...

    def is_allowed(self, sender: Membership, role: Role) -> bool:
        """Whether a member may act in a role at this moment: not revoked, not expired, granted.

        Cheap; ask again before each part of a long answer.
        """
        ...

    def check(self, role: Role | None = None) -> None:
        """Refuse what cannot work now.

        Raises:
            RoleMissingError: this node does not have the role here.
            MembershipRevokedError, MembershipExpiredError: this node is no member any more.
            HubUnreachableError: the hub does not answer.
        """
        ...

    async def wait_connected(self, timeout: float) -> None:
        """Wait until the channel is reached.

        Raises:
            HubUnreachableError, MembershipRevokedError, MembershipExpiredError: it is not.
        """
        ...

    def watch(self, notice: Callable[[], None]) -> Callable[[], None]:
        """Be told when the state, a role, the record or who is there changes; ends the watch."""
        ...

    async def serve(self, subject: str, role: Role | None, answer: Answering) -> Unsubscribe:
        """Answer questions that come by a subject, while this node has the role.

        At most 8 questions of one member and 64 in all are answered at a time; some more wait,
        the rest is told that this node is busy.

        Args:
            subject: may end in `>`.
            role: the `provide-…` role it takes; None if every member answers. What who asks may
                ask follows from the subject: see `Question.is_allowed`.
            answer: several results are several answers; None says nothing at all.
        """
        ...

    def ask(
        self,
        subject: str,
        body: bytes,
        *,
        role: Role | None,
        timeout: float,
        expect: int | None = None,
    ) -> AsyncGenerator[Answer, None]:
        """Ask, and get the answers as they come.

        Ends after `timeout` seconds, at once if nobody listens, or when `expect` members have
        said all they have to say; of a question to one node (`TOPIC.get.NODE…`) when that has.

        Args:
            subject: whom and what to ask.
            body: at most `largest_body` bytes.
            role: what the answerers must hold; this node needs its counterpart. None for any.
            timeout: seconds.
            expect: how many members answer; None waits for the time to pass.

        Raises:
            RoleMissingError: this node may not ask this.
            HubUnreachableError, MembershipRevokedError, MembershipExpiredError: see `check`;
                also when the connection breaks while answers are awaited.
            TooBusyError: the only answer was that the other node is busy.
        """
        ...

    async def publish(self, subject: str, body: bytes) -> None:
        """Tell whoever listens; nobody may.

        Raises:
            RoleMissingError: this node may not say this here.
            HubUnreachableError, MembershipRevokedError, MembershipExpiredError: see `check`.
        """
        ...

    async def subscribe(self, subject: str, role: Role | None, hear: Hearing) -> Unsubscribe:
        """Hear what is published; kept over reconnects.

        Args:
            subject: may hold wildcards.
            role: what the senders must hold, None for any member; this node needs its counterpart,
                and is subscribed only while it has it.
            hear: called one message after the other.
        """
        ...

    async def serve_bulk(self, subject: str, role: Role, answer: BulkAnswering) -> Unsubscribe:
        """Answer with bytes as they are, on a connection of their own.

        The subject may be one that is also served with `serve`: they do not meet. The question is
        checked like any other; the frames of the answer are neither sealed nor signed by the link:
        seal them with the content's key. The limits are those of `serve`.
        """
        ...

    async def bulk_request(
        self,
        subject: str,
        body: bytes,
        timeout: float,
        *,
        largest: int = LARGEST_BULK,
        take: TakeFrame | None = None,
    ) -> list[bytes]:
        """Ask one node for bytes; the frames of its answer as they were given to `respond`.

        Anybody on the way could have changed them: open and verify each. Requests wait for one
        another when more would be on its way than the hub holds for this node.

        Args:
            subject: with the address and instance of one node.
            body: the question, sealed and signed.
            timeout: seconds without any bytes.
            largest: how many bytes the answer may have.
            take: gets each frame when all of it is here, so that those before an interruption
                count; then nothing is returned.

        Raises:
            NoProviderError: nobody listens there (any more).
            TransferStalledError: nothing came for `timeout` seconds, or part of it was lost.
            TooBusyError: the other node serves too many at the moment.
            HubUnreachableError, MembershipRevokedError, MembershipExpiredError: see `check`.
        """
        ...
