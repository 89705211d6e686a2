"""Who may not ask learns nothing: neither what is answered nor how long it takes depends on it.

The hub lets nobody ask without the role. Here it does: the asker's connection may send anywhere in
the channel (the test signs a pass with the channel's key), so that it is the node that decides.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kachery_core import subjects
from kachery_core.capabilities import content_discovery, feed_discovery
from kachery_core.keys import SeedSigner
from kachery_core.roles import Role
from kachery_core.wire.node import Packet, pack
from kachery_core.wire.node_feeds import FindFeeds, ListSubfeeds
from kachery_core.wire.node_files import AskTable, AskTicket, FindFiles
from kachery_daemon.keyring import channel_signer
from kachery_store.folder import Folder
from tests.support.bare_nats import BareNats, unlimited_user
from tests.support.channels import Community, channel, community, invite
from tests.support.fellows import Fellow, new_fellow, until
from tests.support.stories import story

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.support.bare_nats import Client

pytestmark = pytest.mark.timeout(180)
PAIRS, FEWER_PAIRS = 1000, 300
NUMBERS = itertools.count(50)  # of members who are asking; each is new to the channel
QUESTIONS: dict[str, tuple[str, Callable[[bytes], Packet]]] = {
    "find files": ("files", lambda discovery: FindFiles([discovery], 16 << 10)),
    "table": ("files", AskTable),
    "ticket": ("files", AskTicket),
    "find feeds": ("feeds", lambda discovery: FindFeeds([discovery])),
    "list of a feed": ("feeds", lambda discovery: ListSubfeeds(discovery, 0)),
}


@dataclass
class Asker:
    """A member that the hub lets ask anything."""

    fellow: Fellow
    client: Client
    lengths: dict[bool, set[int]] = field(default_factory=lambda: {True: set(), False: set()})
    seconds: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})

    async def ask(self, subject: str, packet: Packet, *, is_there: bool) -> None:
        """Ask, and note what came and when."""
        sealed = self.fellow.link._lines.envelopes.seal(subject, pack(packet))
        begin = time.perf_counter()
        reply = await self.client.nc.request(subject, sealed, timeout=20)
        self.seconds[is_there].append(time.perf_counter() - begin)
        self.lengths[is_there].add(len(reply.data))

    @property
    def tolerance(self) -> float:
        """How far `how_often_longer` is from 1/2 by chance; 4.5 times its standard deviation."""
        return 4.5 * (6 * len(self.seconds[True])) ** -0.5

    def how_often_longer(self) -> float:
        """How often a question for what is there took longer than one for what is not; 0 to 1."""
        there, not_there = (np.array(self.seconds[each]) for each in (True, False))
        return float((there[:, None] > not_there[None, :]).mean())


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    with community(tmp_path_factory.mktemp("lab"), 1, hub_options=["--no-tls"]) as lab:
        yield lab


@contextlib.asynccontextmanager
async def asking(folder: Path, lab: Community, *roles: str) -> AsyncIterator[Asker]:
    """A member with these roles, whom the hub lets ask all the same."""
    fellow = await new_fellow(folder, next(NUMBERS)).start()
    clients: list[Any] = []
    try:
        await fellow.channels.join(invite(lab.owner, fellow.node_id, roles))
        await fellow.link.wait_connected(10)
        await until(fellow.link.present, "it sees the node")
        signer = channel_signer(Folder(lab.owner.storage), channel(lab.owner)["channel_id"])
        own = SeedSigner(fellow.seed)
        hub = BareNats(lab.hub.port, clients)
        yield Asker(fellow, await hub.connect(own, unlimited_user(signer, own)))
    finally:
        for client in clients:
            await client.close()
        await fellow.stop()
        fellow.threads.close()


def stored(lab: Community, topic: str) -> list[bytes]:
    """The discovery keys of things that the node has."""
    if topic == "files":
        data = [os.urandom(2000) for _ in range(200)]
        return [content_discovery(lab.owner.store(each)["sha1"]) for each in data]
    reply = lab.owner.ask("POST", "/api/v1/feeds", {})
    assert reply.status == 200, reply.body
    return [feed_discovery(reply.json["feed"])]


async def ask_in_pairs(asker: Asker, question: str, there: list[bytes], pairs: int) -> None:
    """Ask for what is there and what is not, in an order that nobody knows."""
    topic, made = QUESTIONS[question]
    (peer,) = asker.fellow.link.present()
    to = subjects.get(topic, peer.node_id, peer.instance)
    subject = subjects.find(topic) if question.startswith("find") else to
    for number in range(pairs):
        both = [(True, there[number % len(there)]), (False, os.urandom(16))]
        for is_there, discovery in random.sample(both, 2):
            await asker.ask(subject, made(discovery), is_there=is_there)


@pytest.mark.parametrize("question", QUESTIONS)
@story
async def test_without_the_role_every_answer_is_the_same(tmp_path, lab, question):
    there = stored(lab, QUESTIONS[question][0])
    async with asking(tmp_path, lab, "provide-files", "request-tasks") as asker:
        await ask_in_pairs(
            asker, question, there, PAIRS if question == "find files" else FEWER_PAIRS
        )
    assert asker.lengths[True] == asker.lengths[False]
    assert len(asker.lengths[True]) == 1
    assert abs(asker.how_often_longer() - 0.5) < asker.tolerance


@story
async def test_with_the_role_the_difference_is_seen(tmp_path, lab):
    there = stored(lab, "files")
    async with asking(tmp_path, lab, *Role) as asker:
        for _ in range(5):  # a busy machine hides it for longer
            await ask_in_pairs(asker, "find files", there, FEWER_PAIRS)
            if asker.how_often_longer() > 0.5 + asker.tolerance:
                break
    assert asker.lengths[True] != asker.lengths[False]
    assert asker.how_often_longer() > 0.5 + asker.tolerance
