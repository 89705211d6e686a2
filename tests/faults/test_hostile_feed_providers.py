"""A provider that sends what a feed's writer never wrote: nothing of it ever becomes visible.

It is a member of the channel, knows the feed's URI and has everything the writer ever signed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import pytest

from kachery_core.capabilities import subfeed_discovery, subfeed_key_of
from kachery_core.errors import FeedForkedError
from kachery_core.feeds import subfeed_hash
from kachery_core.machines.replication import Source
from kachery_core.messages import Head, SubfeedKey, check_run, decode_batches, encode_batch
from kachery_core.wire.node import pack, pack_padded
from kachery_core.wire.node_feeds import (
    FeedOffers,
    HeadFacts,
    LiveHead,
    LiveRun,
    RunPiece,
    seal_facts,
    unseal_facts,
)
from kachery_daemon.sharing.following import Following
from tests.faults.test_forged_feeds import FORGERIES, Forger
from tests.support.feed_community import FakeChannel, feed_node
from tests.support.feed_samples import Chain, SeededKey, append_id, append_one

if TYPE_CHECKING:
    from tests.support.feed_community import FeedNode

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

SEED = 20261121


def run(story):
    return asyncio.run(asyncio.wait_for(story, 240))


class Liar:
    """Changes what an honest node answers, and seals it again: it has the keys to that."""

    def __init__(self, node: FeedNode, key: SubfeedKey) -> None:
        self.key = key
        self.lie = lambda piece: piece
        [link] = node.channels.links
        for subject, (role, answer) in list(link.bulk.items()):
            link.bulk[subject] = (role, self._lying(answer))
        self.source = Source(link.channel_id, link.node_id, link.instance)

    def _lying(self, answer):
        async def send(question, respond):
            async def change(frame):
                await respond(self.changed(frame))

            await answer(question, change)

        return send

    def changed(self, frame: bytes) -> bytes:
        discovery, key = subfeed_discovery(self.key), subfeed_key_of(self.key)
        piece = unseal_facts(key, discovery, frame, RunPiece)
        piece = self.lie(piece) if piece.piece else piece
        if isinstance(piece, bytes):
            return piece
        return seal_facts(key, os.urandom(12), discovery, piece)


def chain_of(data: bytes) -> Chain:
    """What a node sent, as forgers take it; they do not have its writer's key."""
    chain = Chain(SeededKey(1))
    chain.batches = [batch for batch, _ in decode_batches(data)]
    chain.head = chain.batches[-1].head
    return chain


async def new_subfeed(node, count):
    key = SubfeedKey((await node.feeds.create(None)).feed, subfeed_hash("main"))
    for number in range(count):
        payloads = [b'{"n":%d,"m":%d}' % (number, one) for one in range(number % 3 + 1)]
        await node.feeds.append(key, append_id(number), payloads)
    return key


class Lies:
    """What a liar makes of an honest answer."""

    def __init__(self, rnd: random.Random) -> None:
        self.rnd = rnd
        self._forger = Forger(rnd)
        self._kinds = [name for name in FORGERIES if name != "flipped_bit"]

    def forged(self, data: bytes) -> bytes:
        """Messages that their writer did not write."""
        return getattr(self._forger, self.rnd.choice(self._kinds))(data, chain_of(data))

    def about_messages(self, piece: RunPiece) -> RunPiece:
        data = self.forged(piece.piece)
        return msgspec.structs.replace(piece, piece=data, total=len(data))

    def about_the_rest(self, piece: RunPiece) -> RunPiece | bytes:
        rnd, data = self.rnd, piece.piece
        changes = (
            {"before_entry": rnd.randbytes(32)},
            {"before_length": piece.before_length + rnd.choice((1, 7, 2**40))},
            {"piece": data[: rnd.randrange(len(data))]},
            {"total": piece.total + rnd.choice((-1, 1, 2**50))},
            {"piece": rnd.randbytes(rnd.randrange(2000))},
            {"piece": b""},
        )
        whole = (rnd.randbytes(rnd.randrange(400)), b"")
        lies = [msgspec.structs.replace(piece, **change) for change in changes]
        return rnd.choice([*lies, *whole])


def test_of_10000_false_answers_nothing_becomes_visible(tmp_path):
    print(f"seed {SEED}")
    lies = Lies(random.Random(SEED))
    lab = FakeChannel()

    async def story():
        outcomes = Counter()
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a, 12)
            await b.feeds.copies.add(key.feed)
            liar = Liar(a, key)
            for number in range(10_000):
                held = (await b.feeds.copies.head(key)).length
                if number == 5000 and not held:  # now with something to contradict
                    await _take_half(a, b, key)
                liar.lie = lies.rnd.choice((lies.about_messages,) * 2 + (lies.about_the_rest,))
                outcomes[await _read(b, key, liar.source)] += 1
                assert await b.feeds.copies.fork(key) is None
                if (await b.feeds.copies.head(key)).length > held:
                    # Whatever was joined is what the writer wrote. Begin again.
                    await _check_same(a, b, key)
                    await b.feeds.delete(key.feed)
                    await b.feeds.copies.add(key.feed)
            liar.lie = lambda piece: piece
            assert await _read(b, key, liar.source) == "joined"
            await _check_same(a, b, key)
        return outcomes

    outcomes = run(story())
    print(outcomes)
    assert outcomes["false"] > 5000


async def _take_half(a, b, key):
    before, data = await a.feeds.copies.run_from(key, 0, 1)
    batches = [batch for batch, _ in decode_batches(data)][:6]
    await b.feeds.copies.take(key, before, b"".join(map(encode_batch, batches)))


async def _read(node, key, source):
    """What came of one question to the liar."""
    held = (await node.feeds.copies.head(key)).length
    followed = Following(key, held)
    said = []
    followed.machine.read_ended = lambda _, outcome, __: said.append(outcome)
    await node.sharing.followers._joiner.read(followed, source, held)
    return said[-1]


async def _check_same(a, b, key):
    """What B has is what A wrote, as far as it goes."""
    length = await b.feeds.length(key)
    assert await b.feeds.copies.head(key) == await a.feeds.copies.head(key, length)
    before, data = await b.feeds.read(key, 0, 1 << 22)
    check_run(key, before, data)


@pytest.mark.parametrize("is_older", [True, False])
def test_who_holds_back_messages_is_overtaken_by_who_does_not(tmp_path, is_older):
    """An older length, truly signed, is no lie; one that is not kept is found out."""
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "old", lab) as old:
            key = await new_subfeed(a, 5)
            await old.messages(key)
            for _ in range(5):
                await append_one(a.feeds, key, 50 + _)
            if is_older:
                await old.sharing.close()
            else:
                liar = Liar(old, key)
                liar.lie = lambda piece: msgspec.structs.replace(piece, piece=b"", total=0)
            async with feed_node(tmp_path / "b", lab) as b:
                await b.messages(key)
                assert await b.feeds.copies.head(key) == await a.feeds.copies.head(key)

    run(story())


def false_news(lies, key, data, head):
    """News that were never news."""
    discovery, rnd = subfeed_discovery(key), lies.rnd

    def sealed(facts):
        return seal_facts(subfeed_key_of(key), os.urandom(12), discovery, facts)

    run = lies.forged(data)
    length = rnd.choice((head.length, head.length + 5, 2**40))
    entry = rnd.choice((head.entry, rnd.randbytes(32)))
    signature = rnd.randbytes(64)
    facts = HeadFacts(length + 1, entry, signature, is_writer=True, is_forked=False)
    return rnd.choice(
        [
            LiveRun("0" * 16, sealed(RunPiece(0, bytes(32), run, len(run), length))),
            LiveRun("0" * 16, sealed(RunPiece(length, entry, run, len(run), length))),
            LiveHead("0" * 16, sealed(facts)),
            LiveRun("0" * 16, rnd.randbytes(300)),
        ]
    )


def test_live_lies_change_nothing_and_their_sender_is_not_asked(tmp_path):
    print(f"seed {SEED}")
    lies = Lies(random.Random(SEED))
    lab = FakeChannel()

    async def story():
        async with (
            feed_node(tmp_path / "a", lab) as a,
            feed_node(tmp_path / "b", lab) as b,
            feed_node(tmp_path / "liar", lab) as liar,
        ):
            key = await new_subfeed(a, 12)
            await liar.messages(key)
            await b.messages(key)
            [link] = liar.channels.links
            subject = link.live_subject(subfeed_discovery(key))
            _, data = await a.feeds.copies.run_from(key, 0, 1 << 20)
            head = await a.feeds.copies.head(key)
            for _ in range(2000):
                await link.publish(subject, pack(false_news(lies, key, data, head)))
            await link.publish(subject, lies.rnd.randbytes(100))
            await link.publish(subject, b"")
            await b.channels.links[0].settled()
            assert await b.feeds.copies.head(key) == head
            assert await b.feeds.copies.fork(key) is None
            assert b.sharing.followers.expected(key) == head.length
            waiting = asyncio.ensure_future(b.feeds.wait({key: head.length}, 30))
            await append_one(a.feeds, key, 500)
            assert await waiting == [key]

    run(story())


def test_false_offers_and_false_proofs_count_for_nothing(tmp_path):
    lab = FakeChannel()

    async def story():
        async with (
            feed_node(tmp_path / "a", lab) as a,
            feed_node(tmp_path / "liar", lab) as liar,
            feed_node(tmp_path / "b", lab) as b,
        ):
            key = await new_subfeed(a, 3)
            head, signature = await a.feeds.copies.signed_head(key)
            discovery, seal_key = subfeed_discovery(key), subfeed_key_of(key)
            facts = [
                HeadFacts(*about, is_writer=True, is_forked=is_forked)
                for about, is_forked in (
                    ((2**40, bytes(32), signature), False),
                    ((head.length, bytes(32), signature), True),
                    ((head.length, head.entry, bytes(64)), False),
                    ((head.length, head.entry, signature), True),
                )
            ]
            [link] = liar.channels.links

            async def offer(_):
                offers = [
                    (discovery, seal_facts(seal_key, os.urandom(12), discovery, one))
                    for one in facts
                ]
                return pack_padded(FeedOffers(link.instance, offers))

            async def proof(_, respond):
                lie = json.dumps({"key": {"feed": key.feed, "subfeed": key.subfeed}}).encode()
                piece = RunPiece(0, bytes(32), lie, len(lie), 5)
                await respond(seal_facts(seal_key, os.urandom(12), discovery, piece))

            role, _ = link.served["feeds.find"]
            link.served["feeds.find"] = (role, offer)
            for subject in list(link.bulk):
                link.bulk[subject] = (role, proof)
            await b.messages(key)
            await _check_same(a, b, key)
            assert await b.feeds.length(key) == head.length
            await asyncio.sleep(0.2)
            assert await b.feeds.copies.fork(key) is None
            assert b.sharing.followers.expected(key) == head.length

    run(story())


def test_a_writer_with_two_histories_is_found_out_whoever_shows_which(tmp_path):
    """The key's holder itself lies: one history to one reader, one to the other."""
    lab = FakeChannel()
    ours, theirs = Chain(SeededKey(5)), Chain(SeededKey(5))
    for number in range(30):
        ours.append([b'{"n":%d}' % number])
        theirs.append([b'{"n":%d}' % number if number < 17 else b'"other"'])

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            for node, chain in ((a, ours), (b, theirs)):
                await node.feeds.copies.add(chain.key.feed)
                await node.feeds.copies.take(chain.key, Head(), chain.run)
            async with feed_node(tmp_path / "c", lab) as c:
                end = time.monotonic() + 30
                await c.messages(ours.key)
                while await c.feeds.copies.fork(ours.key) is None:
                    assert time.monotonic() < end, "never found"
                    await asyncio.sleep(0.05)
                with pytest.raises(FeedForkedError) as caught:
                    await c.feeds.read(ours.key, 29, 1)
                assert caught.value.fields["index"] == 17
                assert await c.feeds.length(ours.key) == 17

    run(story())
