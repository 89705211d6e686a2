"""The link to one channel over its hub: asking, answering, who is there, and why not, if so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.errors import MembershipExpiredError
from kachery_daemon.network.answering import Answerer
from kachery_daemon.network.asking import Asking
from kachery_daemon.network.bulk import BulkAnswerer, BulkAsking
from kachery_daemon.network.connections import unreachable
from kachery_daemon.network.ending import begin_task, end_tasks
from kachery_daemon.network.greeting import Greeting
from kachery_daemon.network.lines import Lines
from kachery_daemon.network.link import LARGEST_BULK
from kachery_daemon.network.refreshing import Refresher
from kachery_daemon.network.subscriptions import Subscriptions
from kachery_daemon.network.supervision import Supervisor

if TYPE_CHECKING:
    import ssl
    from collections import Counter
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from kachery_core.errors import KacheryError
    from kachery_core.memberships import Membership
    from kachery_core.roles import Role
    from kachery_daemon.network.link import (
        Answer,
        Answering,
        BulkAnswering,
        Hearing,
        Peer,
        State,
        TakeFrame,
        Unsubscribe,
    )
    from kachery_daemon.network.standing import Standing

_PATIENCE_SECONDS = 2.0
_BULK = "bulk"


class HubLink:
    """One channel over its hub; see `kachery_daemon.network.link.Link`.

    Args:
        standing: of this node in the channel; `standing_changed` is called when it changes.
        instance: this run of the node, 16 hex digits.
        version: of kachery, for the others to see.
        secure: makes what TLS needs; None without TLS.
        refresh: asks the lobby and takes what is newer.
    """

    def __init__(
        self,
        standing: Standing,
        instance: str,
        *,
        version: str,
        secure: Callable[[], Awaitable[ssl.SSLContext | None]],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self.standing = standing
        self.channel_id = standing.channel_id
        self.node_id = standing.node_id
        self.address = standing.address
        self.instance = instance
        self.refresher = Refresher(refresh, standing)
        self._lines = Lines(standing, instance, self.refresher.soon)
        self._subscriptions = Subscriptions(self._lines)
        self._asking = Asking(self._lines)
        self._answerer = Answerer(self._lines)
        self._bulk_asking = BulkAsking(self._lines)
        self._bulk_answerer = BulkAnswerer(self._lines, self._answerer)
        self.greeting = Greeting(self._lines, version, self.refresher.soon, self.notify)
        self._supervisor = Supervisor(
            self._lines, self.refresher, secure=secure, begin=self._begin, stay=self._stay
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._used_roles = standing.own_roles

    @property
    def name(self) -> str:
        """What the channel is called."""
        return self.standing.name

    @property
    def state(self) -> State:
        """Whether it reaches the channel, and if not, why."""
        problem = self.standing.problem()
        if problem is not None:
            return "expired" if isinstance(problem, MembershipExpiredError) else "revoked"
        if not self.standing.switch.is_on:
            return "off"
        return "connected" if self._supervisor.is_connected else "connecting"

    @property
    def failure(self) -> KacheryError | None:
        """Why it is not connected; None if it is, or if nothing is known yet."""
        standing = self.standing
        return standing.problem() or standing.switch.problem or self._supervisor.failure

    @property
    def counts(self) -> Counter[str]:
        """What came and was not taken, by kind."""
        return self._lines.ignored()

    @property
    def own_roles(self) -> frozenset[Role]:
        """Granted by the owner and enabled here."""
        return self.standing.own_roles

    @property
    def largest_body(self) -> int:
        """The most bytes that fit into one question, answer or one-way message."""
        return self._lines.largest_body

    async def be_archive(self, *, is_archive: bool) -> None:
        """Say from now on that this node keeps what passes, if it was granted that."""
        is_news = self.greeting.is_archive != is_archive
        self.greeting.is_archive = is_archive
        if is_news and self._supervisor.is_connected:
            await self.greeting.say()

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._tasks = [
            begin_task(self._supervisor.run(), "keeping a channel connected"),
            begin_task(self.refresher.run(), "keeping a channel up to date"),
        ]

    async def close(self) -> None:
        """Say goodbye and end."""
        if self._supervisor.is_connected:
            await self.greeting.farewell()
        await end_tasks(self._tasks)
        await self.refresher.close()
        await self._answerer.turns.close()
        await self._bulk_answerer.turns.close()

    def live_subject(self, discovery: bytes) -> str:
        """Where news of a subfeed are told; another one when the channel has another key."""
        return subjects.live("feeds", self.standing.live_token(discovery))

    def present(self, role: Role | None = None) -> list[Peer]:
        """The other nodes that are there now, members at this moment."""
        return self.standing.members_of(self.greeting.table.present(role))

    def expected(self, role: Role | None = None) -> list[Peer]:
        """The nodes that were there when the hub was lost, and are not back yet."""
        return self.standing.members_of(self.greeting.table.expected(role))

    def is_allowed(self, sender: Membership, role: Role) -> bool:
        """Whether a member may act in a role at this moment."""
        return self.standing.is_allowed(sender, role)

    def newest_of(self, node_id: str) -> Membership | None:
        """The newest membership that a node has spoken with."""
        return self._lines.envelopes.newest_of(node_id)

    def check(self, role: Role | None = None) -> None:
        """Refuse what cannot work now; see `Link.check`."""
        problem = self.standing.problem()
        if problem is not None:
            raise problem
        self.standing.switch.check()
        if role is not None:
            self.standing.check_role(role)
        if not self._supervisor.is_connected:
            raise self._supervisor.failure or unreachable(self.standing.hub_url, None)

    async def wait_connected(self, timeout: float) -> None:
        """Wait until the channel is reached; see `Link.wait_connected`."""
        if self.standing.problem() is None and self.standing.switch.is_on:
            await self._supervisor.wait_connected(timeout)
        self.check()

    async def try_to_connect(self, timeout: float) -> None:
        """Wait until the channel is reached, or it is known that it cannot be; never raises."""
        end = asyncio.get_running_loop().time() + timeout
        while self.state == "connecting" and asyncio.get_running_loop().time() < end:
            await self._supervisor.wait_connected(0.1)

    def watch(self, notice: Callable[[], None]) -> Callable[[], None]:
        """Be told when something changes; ends the watch."""
        return self._supervisor.watch(notice)

    def notify(self) -> None:
        """Tell those who watch that something is different."""
        self._supervisor.notify()

    async def serve(self, subject: str, role: Role | None, answer: Answering) -> Unsubscribe:
        """Answer questions that come by a subject; see `Link.serve`."""
        # What every member may ask, those may ask who have not got the newest key yet.
        receive = self._answerer.questions(answer, as_asked=role is None)
        return await self._subscriptions.add(subject, role, receive)

    async def subscribe(self, subject: str, role: Role | None, hear: Hearing) -> Unsubscribe:
        """Hear what is published; see `Link.subscribe`."""
        own_role = None if role is None else role.other_side
        return await self._subscriptions.add(subject, own_role, self._answerer.news(role, hear))

    async def serve_bulk(self, subject: str, role: Role, answer: BulkAnswering) -> Unsubscribe:
        """Answer with bytes as they are; see `Link.serve_bulk`."""
        receive = self._bulk_answerer.questions(answer)
        return await self._subscriptions.add(f"{subject}.{_BULK}", role, receive, is_bulk=True)

    async def ask(
        self,
        subject: str,
        body: bytes,
        *,
        role: Role | None,
        timeout: float,
        expect: int | None = None,
    ) -> AsyncGenerator[Answer, None]:
        """Ask, and get the answers as they come; see `Link.ask`."""
        await self._ready(None if role is None else role.other_side, timeout)
        async for answer in self._asking.ask(subject, body, role, timeout, expect):
            yield answer

    async def publish(self, subject: str, body: bytes) -> None:
        """Tell whoever listens; see `Link.publish`."""
        self.check()
        self.standing.check_sending(subject)
        await self._asking.tell(subject, body)

    async def bulk_request(
        self,
        subject: str,
        body: bytes,
        timeout: float,
        *,
        largest: int = LARGEST_BULK,
        take: TakeFrame | None = None,
    ) -> list[bytes]:
        """Ask one node for bytes; see `Link.bulk_request`."""
        self.standing.check_sending(subject)
        await self._ready(None, timeout)
        subject = f"{subject}.{_BULK}"
        return await self._bulk_asking.request(subject, body, timeout, largest, take)

    async def standing_changed(self) -> None:
        """The standing has something newer, or other roles are enabled: follow it."""
        table = self.greeting.table
        heard = table.present() + table.expected()
        for peer in set(heard) - set(self.standing.members_of(heard)):
            table.forget(peer.node_id)
        if self.standing.own_roles != self._used_roles:
            self._used_roles = self.standing.own_roles
            await self._subscriptions.match()
        self._supervisor.follow()
        if self._supervisor.is_connected:
            await self.greeting.say()
        self.notify()

    async def follow_switch(self) -> None:
        """The switch was turned: connect, or say goodbye; returns once nothing is open any more."""
        is_on = self.standing.switch.is_on
        if not is_on and self._supervisor.is_connected:
            await self.greeting.farewell()
        self._supervisor.follow()
        if not is_on:
            await self._supervisor.wait_idle()
        self.notify()

    async def _ready(self, own_role: Role | None, timeout: float) -> None:
        """Refuse what cannot work, after a moment of patience with a hub that comes back."""
        if own_role is not None and self.standing.problem() is None:
            self.standing.check_role(own_role)
        if self._supervisor.is_hopeful:
            await self.wait_connected(min(timeout, _PATIENCE_SECONDS))
        self.check()

    async def _begin(self) -> None:
        """Subscribe to everything on new connections, and say hello."""
        lines = self._lines
        control, bulk = lines.open_control(), lines.open_bulk()
        await control.subscribe(self.greeting.inbox, self.greeting.receive)
        await control.subscribe(subjects.EVERY_PRESENCE, self.greeting.receive)
        await control.subscribe(lines.inbox("c", "*"), self._asking.receive)
        await bulk.subscribe(lines.inbox("b", "*"), self._bulk_asking.receive)
        await self._subscriptions.match()
        await asyncio.gather(control.settle(), bulk.settle())
        await self.greeting.hello()

    async def _stay(self) -> None:
        """What goes on while connected."""
        try:
            await self.greeting.beat()
        finally:
            # Whoever waits for an answer on these connections waits in vain.
            self._asking.fail()
            self._bulk_asking.fail()
            self._answerer.turns.forget()
            self._bulk_answerer.turns.forget()
            self.greeting.table.lose()
