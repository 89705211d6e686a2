"""Who has it? Everybody who is there is asked, and who is about to be there again as well."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from kachery_core.capabilities import content_discovery, content_key
from kachery_core.machines.download import Download
from kachery_core.sealing import NONCE_SIZE, seal_note
from kachery_core.wire.node import pack, pack_padded
from kachery_core.wire.node_files import FileFacts, FileOffer, FileOffers
from kachery_daemon.sharing import finding
from kachery_daemon.sharing.batch import Batch
from kachery_daemon.sharing.downloads import Wanted
from kachery_daemon.sharing.finding import Search
from kachery_daemon.sharing.seeking import Seeking
from kachery_daemon.system.threads import Threads
from tests.support.channel_samples import ALICE, BOB
from tests.support.scripted_link import ScriptedLink, answer, peer

DATA = b"some bytes"
SHA1 = "aa7ad9d2f6d5ea3fb3ec5dbb3ff9f1e8d5ec5dc0"


def offering(sha1=SHA1, inline=None):
    note = seal_note(
        content_key(sha1), os.urandom(NONCE_SIZE), pack(FileFacts(len(DATA), bytes(32), inline))
    )
    return pack_padded(FileOffers("ab" * 8, [], [FileOffer(content_discovery(sha1), note)]))


class ReturningLink(ScriptedLink):
    """A channel on which Bob is back after a while, and then answers."""

    name, channel_id = "lab", "A" * 56

    def comes_back(self):
        self.lost, self.peers, self.answers = [], [peer(BOB)], [answer(BOB, offering())]


@pytest.fixture
def threads():
    threads = Threads(2, 2)
    yield threads
    threads.close()


def search(link, threads, meanwhile=lambda: None):
    async def story():
        asyncio.get_running_loop().call_later(0.3, meanwhile)
        one = Search([link], [SHA1], threads)
        return one, [offer async for offer in one.offers()]

    return asyncio.run(story())


def test_who_was_lost_with_the_hub_is_waited_for(threads):
    link = ReturningLink(lost=[peer(BOB)])
    one, offers = search(link, threads, link.comes_back)
    assert [offer.source.node_id for offer in offers] == [BOB.public_key]
    assert one.silence() is None


def test_who_does_not_come_back_is_silent_and_may_have_it(threads, monkeypatch):
    monkeypatch.setattr(finding, "FIND_SECONDS", 0.4)
    link = ReturningLink(lost=[peer(BOB)])
    one, offers = search(link, threads)
    assert offers == []
    assert one.silent == {"lab": 1}
    assert one.silence() is not None


def test_nobody_is_waited_for_if_nobody_was_lost(threads):
    began = time.monotonic()
    one, _ = search(ReturningLink(), threads)
    assert time.monotonic() < began + 0.3
    assert one.silence() is None


class Seeker:
    """A content that nobody has."""

    sha1 = SHA1

    def __init__(self, link):
        self.machine = Download(SHA1, 0.0)
        self.machine.want(0.0)
        self.links = {"A": link}
        self.failure = None
        self.ended = asyncio.Event()

    def offered(self, offer):
        raise AssertionError(offer)

    def fail(self, problem):
        self.failure = problem

    def stir(self):
        self.ended.set()


@pytest.mark.parametrize("lost", [[], [peer(BOB)]])
def test_a_content_is_not_given_up_while_somebody_is_silent(threads, monkeypatch, lost):
    monkeypatch.setattr(finding, "FIND_SECONDS", 0.3)

    async def story():
        link = ReturningLink(lost=lost, peers=[peer(ALICE)], answers=[answer(ALICE, NOTHING)])
        seeker = Seeker(link)
        Seeking(seeker, threads).look(asyncio.get_running_loop().time())
        await seeker.ended.wait()
        return seeker.machine.error

    assert (asyncio.run(story()) is None) == bool(lost)


NOTHING = pack_padded(FileOffers("ab" * 8, [], []))


class Kept:
    """Takes what comes along with offers."""

    def __init__(self):
        self.sinks = self.committer = self

    async def add(self, data, label):
        assert data == DATA
        assert label.origin["node"] == BOB.public_key


def test_what_comes_along_with_its_offer_came_through_the_hub(threads):
    sha1 = finding_sha1()
    link = ReturningLink(peers=[peer(BOB)], answers=[answer(BOB, offering(sha1, DATA))])
    reports = []

    async def story():
        batch = Batch({sha1: Wanted(sha1)}, [link], Kept(), threads)
        assert await batch.run(reports.append) == {sha1}

    asyncio.run(story())
    assert reports[-1].path == "hub"
    assert reports[-1].done == len(DATA)


def finding_sha1():
    from kachery_core.digests import sha1_hex

    return sha1_hex(DATA)
