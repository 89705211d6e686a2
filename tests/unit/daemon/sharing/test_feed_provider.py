"""What a node answers about its feeds: the same to who may not ask as if there were nothing."""

import asyncio
import time

import pytest

from kachery_core import subjects
from kachery_core.capabilities import (
    feed_discovery,
    feed_key,
    subfeed_discovery,
    subfeed_key_of,
)
from kachery_core.errors import BadEnvelopeError
from kachery_core.feeds import subfeed_hash
from kachery_core.machines.replication import Source
from kachery_core.messages import SubfeedKey, check_run
from kachery_core.roles import ALL_ROLES, Role
from kachery_core.wire.node import pack, unpack
from kachery_core.wire.node_feeds import (
    AskHeads,
    FeedFacts,
    FeedOffers,
    FindFeeds,
    HeadFacts,
    ListSubfeeds,
    ReadFeed,
    ReadProof,
    unseal_facts,
)
from kachery_daemon.network.link import Question
from kachery_daemon.sharing import feed_news
from kachery_daemon.sharing.feed_asking import FeedAsker
from tests.support.feed_community import FakeChannel, FakeMember, feed_node
from tests.support.feed_samples import append_id, append_one

NOBODY = SubfeedKey("0a" * 32, "0b" * 20)
ASKER = FakeMember("0c" * 32, ALL_ROLES)


def run(story):
    return asyncio.run(asyncio.wait_for(story, 60))


async def new_subfeed(node, name="main", count=5):
    key = SubfeedKey((await node.feeds.create(None)).feed, subfeed_hash(name))
    await node.feeds.name_subfeed(key, name)
    for number in range(count):
        await append_one(node.feeds, key, number)
    return key


async def asked(node, subject, body, *, is_allowed=True):
    [link] = node.channels.links
    _, answer = link.served[subject]
    return await answer(Question(ASKER, body, bytes(16), is_allowed))


async def asked_bytes(node, body, *, is_allowed=True):
    [link] = node.channels.links
    frames = []

    async def respond(frame):
        frames.append(frame)

    _, answer = link.bulk[own_subject(node)]
    await answer(Question(ASKER, body, bytes(16), is_allowed), respond)
    return b"".join(frames)


def own_subject(node):
    [link] = node.channels.links
    return subjects.get("feeds", link.node_id, link.instance)


def test_what_is_here_is_offered_with_its_writers_signature(tmp_path):
    async def story():
        async with feed_node(tmp_path, FakeChannel()) as node:
            key = await new_subfeed(node)
            discoveries = [subfeed_discovery(key), feed_discovery(key.feed)]
            answer = await asked(node, "feeds.find", pack(FindFeeds(discoveries)))
            [head, feed] = unpack(answer, FeedOffers).offers
            facts = unseal_facts(subfeed_key_of(key), discoveries[0], head.note, HeadFacts)
            ours, signature = await node.feeds.copies.signed_head(key)
            assert (facts.length, facts.entry, facts.signature) == (5, ours.entry, signature)
            assert facts.is_writer
            assert not facts.is_forked
            about = unseal_facts(feed_key(key.feed), discoveries[1], feed.note, FeedFacts)
            assert about == FeedFacts(1, is_writer=True)

    run(story())


def questions(key):
    discovery, feed = subfeed_discovery(key), feed_discovery(key.feed)
    return {
        "find": pack(FindFeeds([discovery, feed])),
        "heads": pack(AskHeads([discovery], [0])),
        "list": pack(ListSubfeeds(feed, 0)),
        "run": pack(ReadFeed(discovery, 0)),
        "proof": pack(ReadProof(discovery)),
    }


@pytest.mark.parametrize("what", questions(NOBODY))
def test_who_may_not_ask_gets_what_everybody_gets_when_there_is_nothing(tmp_path, what):
    async def story():
        async with feed_node(tmp_path, FakeChannel()) as node:
            key = await new_subfeed(node)

            async def answer(about, *, is_allowed):
                body = questions(about)[what]
                if what in {"run", "proof"}:
                    return await asked_bytes(node, body, is_allowed=is_allowed)
                subject = "feeds.find" if what == "find" else own_subject(node)
                return await asked(node, subject, body, is_allowed=is_allowed)

            nothing = await answer(NOBODY, is_allowed=True)
            assert await answer(NOBODY, is_allowed=False) == nothing
            assert await answer(key, is_allowed=False) == nothing
            assert len(nothing) % 256 == 0
            if what != "proof":  # it is not forked
                assert await answer(key, is_allowed=True) != nothing
            # Nothing was noted of who may not ask.
            await answer(key, is_allowed=False)
            assert not node.sharing._news._wanted.get("Alab") or what != "run"

    run(story())


def test_garbage_is_refused(tmp_path):
    async def story():
        async with feed_node(tmp_path, FakeChannel()) as node:
            await new_subfeed(node)
            for subject in ("feeds.find", own_subject(node)):
                with pytest.raises(BadEnvelopeError):
                    await asked(node, subject, b"garbage")
            with pytest.raises(BadEnvelopeError):
                await asked_bytes(node, b"garbage")

    run(story())


def test_runs_begin_anywhere_and_have_a_megabyte_at_most(tmp_path):
    async def story():
        lab = FakeChannel()
        async with feed_node(tmp_path / "a", lab) as node, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(node)
            large = [b'"%b"' % (b"x" * 700_000)] * 4
            await node.feeds.append(key, append_id(90), large)
            asker = FeedAsker(node.feeds._threads)
            [link], [here] = node.channels.links, b.channels.links
            source = Source(link.channel_id, link.node_id, link.instance)
            for position in range(10):
                body = pack(ReadFeed(subfeed_discovery(key), position))
                assert len(await asked_bytes(node, body)) < (1 << 20) + 200
                before, data = await asker.run(here, source, key, position)
                if position == 9:
                    assert data == b""
                    continue
                assert before == await node.feeds.copies.head(key, position)
                assert check_run(key, before, data)

    run(story())


def test_what_is_new_here_is_found_at_once(tmp_path):
    async def story():
        async with feed_node(tmp_path, FakeChannel()) as node:
            for number in range(20):
                key = SubfeedKey((await node.feeds.create(None)).feed, subfeed_hash("main"))
                about = [feed_discovery(key.feed)]
                answer = await asked(node, "feeds.find", pack(FindFeeds(about)))
                assert len(unpack(answer, FeedOffers).offers) == 1
                await append_one(node.feeds, key, number)
                answer = await asked(node, "feeds.find", pack(FindFeeds([subfeed_discovery(key)])))
                assert len(unpack(answer, FeedOffers).offers) == 1
                await node.feeds.delete(key.feed)
                about.append(subfeed_discovery(key))
                answer = await asked(node, "feeds.find", pack(FindFeeds(about)))
                assert unpack(answer, FeedOffers).offers == []

    run(story())


def test_copies_are_offered_too_and_not_as_if_they_were_ones_own(tmp_path):
    async def story():
        lab, club = FakeChannel("lab"), FakeChannel("club")
        async with feed_node(tmp_path / "a", lab) as a:
            key = await new_subfeed(a)
            async with feed_node(tmp_path / "b", lab) as b:
                await b.feeds.elsewhere.look(key.feed)
                await b.messages(key)
        async with feed_node(tmp_path / "b", club) as b:
            discovery = subfeed_discovery(key)
            answer = await asked(b, "feeds.find", pack(FindFeeds([discovery])))
            [offer] = unpack(answer, FeedOffers).offers
            facts = unseal_facts(subfeed_key_of(key), discovery, offer.note, HeadFacts)
            assert facts.length == 5
            assert not facts.is_writer

    run(story())


def test_1500_subfeeds_are_listed_page_by_page(tmp_path):
    async def story():
        lab = FakeChannel()
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            feed = (await a.feeds.create(None)).feed
            names = {subfeed_hash(f"name {n}"): f"name {n}" for n in range(1500)}
            too_long = "x" * 600
            a.feeds._registry.add_subfeeds(feed, names | {subfeed_hash(too_long): too_long})
            await append_one(a.feeds, SubfeedKey(feed, subfeed_hash("name 7")), 0)
            await b.feeds.elsewhere.look(feed)
            assert await b.feeds.subfeeds(feed) == names
            assert b.feeds.elsewhere.told(SubfeedKey(feed, subfeed_hash("name 7"))) == 1

    run(story())


def test_news_are_told_only_while_somebody_wants_them(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_news, "WANTED_SECONDS", 0.5)

    async def story():
        lab = FakeChannel()
        async with feed_node(tmp_path, lab) as node:
            key = await new_subfeed(node)

            async def told(number):
                lab.said.clear()
                await append_one(node.feeds, key, number)
                await asyncio.sleep(0.1)
                return [body for subject, body in lab.said if ".live." in subject]

            assert await told(10) == []
            await asked(node, "feeds.find", pack(FindFeeds([subfeed_discovery(key)])))
            assert len(await told(11)) == 1
            await asked(node, own_subject(node), pack(AskHeads([subfeed_discovery(key)], [7])))
            assert len(await told(12)) == 1
            await asyncio.sleep(0.6)
            assert await told(13) == []
            # Who asks again later is told what is new since then.
            await asked(node, "feeds.find", pack(FindFeeds([subfeed_discovery(key)])))
            [news] = await told(14)
            assert len(news) < 1000

    run(story())


def test_without_the_role_nothing_is_told(tmp_path):
    async def story():
        lab = FakeChannel()
        async with feed_node(tmp_path, lab, roles=ALL_ROLES - {Role.PROVIDE_FEEDS}) as node:
            key = await new_subfeed(node)
            [link] = node.channels.links
            node.sharing._news.want(link, subfeed_discovery(key), 5)
            await append_one(node.feeds, key, 10)
            await asyncio.sleep(0.1)
            assert lab.said == []

    run(story())


def test_many_appends_are_told_in_few_messages_and_large_ones_by_their_head(tmp_path):
    async def story():
        lab = FakeChannel()
        async with feed_node(tmp_path, lab) as node:
            key = await new_subfeed(node)
            [link] = node.channels.links
            node.sharing._news.want(link, subfeed_discovery(key), 5)
            await asyncio.gather(*(append_one(node.feeds, key, n) for n in range(10, 210)))
            await node.feeds.append(key, append_id(900), [b'"%b"' % (b"x" * 100_000)])
            await asyncio.sleep(0.3)
            sizes = [len(body) for subject, body in lab.said if ".live." in subject]
            assert len(sizes) < 50
            assert max(sizes) < 66_000

    run(story())


def test_wants_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_news, "_MOST_WANTED", 100)

    async def story():
        async with feed_node(tmp_path, FakeChannel()) as node:
            discoveries = [number.to_bytes(16, "big") for number in range(1000)]
            await asked(node, "feeds.find", pack(FindFeeds(discoveries)))
            assert len(node.sharing._news._wanted["Alab"]) == 100

    run(story())


def test_a_thousand_questions_about_nothing_cost_little(tmp_path):
    async def story():
        async with feed_node(tmp_path, FakeChannel()) as node:
            await new_subfeed(node)
            question = pack(FindFeeds([number.to_bytes(16, "big") for number in range(1000)]))
            start = time.monotonic()
            for _ in range(20):
                assert unpack(await asked(node, "feeds.find", question), FeedOffers).offers == []
            assert time.monotonic() - start < 5

    run(story())
