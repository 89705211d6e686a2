"""Nodes of one process that share feeds over channels without a hub; everything can be broken."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.capabilities import live_token
from kachery_core.errors import (
    ChannelNotFoundError,
    HubUnreachableError,
    NoProviderError,
    RoleMissingError,
    TransferStalledError,
)
from kachery_core.nkeys import user_nkey
from kachery_core.roles import ALL_ROLES, Role
from kachery_daemon.network.link import Answer, Peer, Question
from kachery_daemon.sharing.feed_sharing import FeedSharing
from tests.support.feed_samples import open_feeds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from pathlib import Path

    from kachery_daemon.feeds.collection import Feeds


@dataclass(frozen=True)
class FakeMember:
    """As much of a membership as feeds look at."""

    node_id: str
    roles: frozenset[Role]


@dataclass
class FakeChannel:
    """Carries what its links say, or does not.

    Attributes:
        name: what it is called.
        links: of the nodes in it.
        is_up: whether the hub is there.
        live_loss: the part of news that gets lost.
        mute: node ids that are there and do not answer.
        said: every subject and body that was sent.
    """

    name: str = "lab"
    links: list[FakeLink] = field(default_factory=list)
    is_up: bool = True
    live_loss: float = 0.0
    mute: set[str] = field(default_factory=set)
    key: bytes = bytes(32)
    said: list[tuple[str, bytes]] = field(default_factory=list)
    rnd: random.Random = field(default_factory=lambda: random.Random(1))

    def notify(self) -> None:
        for link in self.links:
            for notice in list(link.notices):
                notice()

    def turn(self, *, is_up: bool) -> None:
        self.is_up = is_up
        self.notify()

    def leave(self, link: FakeLink) -> None:
        if link in self.links:
            self.links.remove(link)
        self.notify()


class FakeLink:
    """One node on a fake channel."""

    largest_body = 4 << 20

    def __init__(self, channel: FakeChannel, node_id: str, roles: frozenset[Role]) -> None:
        self.channel = channel
        self.channel_id = f"A{channel.name}"
        self.name = channel.name
        self.node_id = node_id
        self.address = user_nkey(node_id)
        self.instance = secrets.token_hex(8)
        self.own_roles = roles
        self.notices: list[Callable[[], None]] = []
        self.served: dict = {}
        self.bulk: dict = {}
        self.heard: list[tuple[str, Callable]] = []
        self._news: asyncio.Queue = asyncio.Queue()
        self._pump = asyncio.ensure_future(self._carry())
        channel.links.append(self)
        channel.notify()

    async def close(self) -> None:
        self.channel.leave(self)
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)

    @property
    def member(self) -> FakeMember:
        return FakeMember(self.node_id, self.own_roles)

    @property
    def state(self) -> str:
        return "connected" if self.channel.is_up and self in self.channel.links else "connecting"

    def live_subject(self, discovery: bytes) -> str:
        return subjects.live("feeds", live_token(self.channel.key, discovery))

    def present(self, role: Role | None = None) -> list[Peer]:
        if self.state != "connected":
            return []
        return [
            Peer(link.member, link.instance, link.own_roles, is_archive=False)
            for link in self.channel.links
            if link is not self and (role is None or role in link.own_roles)
        ]

    def expected(self, role: Role | None = None) -> list[Peer]:
        del role
        return []

    def is_allowed(self, sender: FakeMember, role: Role) -> bool:
        return role in sender.roles

    def check(self, role: Role | None = None) -> None:
        if role is not None and role not in self.own_roles:
            raise RoleMissingError(f"no {role}", role=str(role), channel=self.name)
        if self.state != "connected":
            raise HubUnreachableError("the hub is gone")

    async def wait_connected(self, timeout: float) -> None:
        end = asyncio.get_running_loop().time() + timeout
        while self.state != "connected" and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.check()

    def watch(self, notice: Callable[[], None]) -> Callable[[], None]:
        self.notices.append(notice)
        return lambda: self.notices.remove(notice)

    async def serve(self, subject, role, answer):
        self.served[subject] = (role, answer)
        return lambda: _remove(self.served, subject)

    async def serve_bulk(self, subject, role, answer):
        self.bulk[subject] = (role, answer)
        return lambda: _remove(self.bulk, subject)

    async def subscribe(self, subject, role, hear):
        place = (subject, role, hear)
        self.heard.append(place)

        async def end() -> None:
            self.heard.remove(place)

        return end

    async def publish(self, subject: str, body: bytes) -> None:
        self.check(Role.PROVIDE_FEEDS)
        self.channel.said.append((subject, body))
        for link in self.channel.links:
            if link is not self and self.channel.rnd.random() >= self.channel.live_loss:
                link._news.put_nowait((subject, self.member, body))

    async def ask(
        self, subject: str, body: bytes, *, role: Role, timeout: float, expect: int | None = None
    ) -> AsyncGenerator[Answer, None]:
        self.check(role.other_side)
        self.channel.said.append((subject, body))
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        asked = [link for link in self.channel.links if link is not self and link.serves(subject)]
        waiting = {
            asyncio.ensure_future(link.answer(subject, self.member, body))
            for link in asked
            if link.node_id not in self.channel.mute
        }
        count = len(waiting)
        try:
            while waiting and self.channel.is_up:
                done, waiting = await asyncio.wait(
                    waiting, timeout=end - loop.time(), return_when="FIRST_COMPLETED"
                )
                for one in done:
                    member, answer = one.result()
                    if role in member.roles and answer is not None:
                        yield Answer(member, answer)
                if not done:
                    break
            if len(asked) > count and (expect is None or count < expect):
                await asyncio.sleep(max(end - loop.time(), 0))
        finally:
            for one in waiting:
                one.cancel()

    def serves(self, subject: str) -> bool:
        role, _ = self.served.get(subject, (None, None))
        return role in self.own_roles and self.state == "connected"

    async def answer(self, subject: str, sender: FakeMember, body: bytes):
        await asyncio.sleep(0)
        role, answer = self.served[subject]
        question = Question(sender, body, secrets.token_bytes(16), role.other_side in sender.roles)
        return self.member, await answer(question)

    async def bulk_request(self, subject: str, body: bytes, timeout: float) -> list[bytes]:
        self.check()
        self.channel.said.append((subject, body))
        for link in self.channel.links:
            role, answer = link.bulk.get(subject, (None, None))
            if role is None or link is self:
                continue
            if link.node_id in self.channel.mute:
                await asyncio.sleep(timeout)
                raise TransferStalledError("nothing came")
            frames: list[bytes] = []

            async def respond(frame: bytes) -> None:
                frames.append(frame)  # noqa: B023 - used at once

            is_allowed = Role.REQUEST_FEEDS in self.own_roles
            await answer(Question(self.member, body, secrets.token_bytes(16), is_allowed), respond)
            if not self.channel.is_up:
                raise HubUnreachableError("the hub is gone")
            return frames
        raise NoProviderError("nobody is there")

    async def settled(self) -> None:
        """Wait until all news were heard."""
        await self._news.join()

    async def _carry(self) -> None:
        while True:
            subject, sender, body = await self._news.get()
            for heard, role, hear in list(self.heard):
                if heard == subject and role in sender.roles and self.state == "connected":
                    with contextlib.suppress(Exception):
                        await hear(sender, body)
            self._news.task_done()


def _remove(served: dict, subject: str) -> asyncio.Future:
    served.pop(subject, None)
    done = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


class FakeChannels:
    """The channels of one node."""

    def __init__(self) -> None:
        self.links: list[FakeLink] = []
        self._setups: list = []

    def get(self, name: str) -> FakeLink:
        for link in self.links:
            if name in {link.name, link.channel_id}:
                return link
        raise ChannelNotFoundError(f"no channel {name}")

    async def attach(self, setup) -> None:
        self._setups.append(setup)
        for link in self.links:
            await setup(link)

    async def join(self, link: FakeLink) -> None:
        for setup in self._setups:
            await setup(link)
        self.links.append(link)
        link.channel.notify()


@dataclass
class FeedNode:
    """A node, as far as feeds are concerned."""

    feeds: Feeds
    sharing: FeedSharing
    channels: FakeChannels
    folder: Path

    @property
    def node_id(self) -> str:
        return self.channels.links[0].node_id

    async def messages(self, key, position: int = 0, channel: str = "") -> bytes:
        """What somebody reads who asks until the end that is known."""
        found = b""
        while True:
            _, run = await self.feeds.read(key, position, 1 << 20, channel)
            if not run:
                return found
            found += run
            *_, last = _outlines(run)
            position = last.head.length


def _outlines(run: bytes):
    from kachery_core.messages import outline_batches

    return outline_batches(run)


@contextlib.asynccontextmanager
async def feed_node(
    folder: Path,
    *channels: FakeChannel,
    roles: frozenset[Role] = ALL_ROLES,
    node_id: str | None = None,
    witness: Path | None = None,
) -> AsyncIterator[FeedNode]:
    """A node with its feeds in a folder, on some channels."""
    node_id = node_id or secrets.token_hex(32)
    async with open_feeds(folder, witness) as feeds:
        joined = FakeChannels()
        sharing = FeedSharing(feeds, joined, feeds._threads)
        await sharing.start()
        links = [FakeLink(channel, node_id, roles) for channel in channels]
        for link in links:
            await joined.join(link)
        try:
            yield FeedNode(feeds, sharing, joined, folder)
        finally:
            for link in links:
                await link.close()
            await sharing.close()
