"""Following other nodes' feeds: caught up, live, from whoever has them, through every loss."""

import asyncio
import json
import random
import shutil
import time

import pytest

from kachery_core.errors import (
    ChannelNotFoundError,
    FeedForkedError,
    FeedNotFoundError,
    FeedNotWriteableError,
    RoleMissingError,
    StorageFullError,
)
from kachery_core.feeds import subfeed_hash
from kachery_core.messages import Head, SubfeedKey, check_run, decode_batches
from kachery_core.roles import ALL_ROLES, Role
from kachery_daemon.feeds.log import SubfeedLog
from kachery_daemon.sharing import feed_hearing, following
from tests.support.feed_community import FakeChannel, FakeLink, feed_node
from tests.support.feed_samples import append_id, append_one, log_path
from tests.support.feed_verifier import verify_log

PATIENCE = 30


def run(story):
    return asyncio.run(asyncio.wait_for(story, 120))


async def new_subfeed(node, name="main", count=5):
    key = SubfeedKey((await node.feeds.create(None)).feed, subfeed_hash(name))
    await node.feeds.name_subfeed(key, name)
    for number in range(count):
        await append_one(node.feeds, key, number)
    return key


async def arrives(node, key, length):
    """Wait for a message as a reader does."""
    assert await node.feeds.wait({key: length - 1}, PATIENCE) == [key]


def messages_of(key, found):
    check_run(key, Head(), found)
    payloads = [payload for batch, _ in decode_batches(found) for payload in batch.payloads]
    return [json.loads(payload)["n"] for payload in payloads]


def test_another_nodes_feed_is_read_like_ones_own(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a)
            assert messages_of(key, await b.messages(key)) == list(range(5))
            assert b.feeds.get(key.feed).is_copy
            with pytest.raises(FeedNotWriteableError):
                await append_one(b.feeds, key, 9)
            assert len(await b.messages(key, position=3)) > 0
        return key

    key = run(story())
    # What B keeps is what A wrote, as another program reads it.
    found = [verify_log(log_path(tmp_path / one, key), key.feed, key.subfeed) for one in "ab"]
    assert found[0] == found[1]


def test_new_messages_are_told_live_and_wake_who_waits(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a)
            await b.messages(key)
            lab.said.clear()
            for number in range(5, 25):
                waiting = asyncio.ensure_future(b.feeds.wait({key: number}, PATIENCE))
                await asyncio.sleep(0)
                await append_one(a.feeds, key, number)
                assert await waiting == [key]
            asked = [subject for subject, _ in lab.said if ".get." in subject]
            assert len(asked) <= 5  # whether there is more, now and then; no messages

    run(story())


def test_many_messages_are_caught_up_while_the_writer_goes_on(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a, count=1)
            payloads = [b'{"n":%d,"x":"%b"}' % (0, b"x" * 200)] * 100
            for number in range(200):
                await a.feeds.append(key, append_id(number + 10), payloads)
            appending = asyncio.ensure_future(_append_some(a, key, 1000, 50))
            found = await b.messages(key)
            await appending
            await arrives(b, key, 20_051)
            assert len(messages_of(key, found)) >= 20_001
            assert await b.feeds.copies.head(key) == await a.feeds.copies.head(key)

    run(story())


async def _append_some(node, key, first, count):
    for number in range(first, first + count):
        await append_one(node.feeds, key, number)


def test_a_large_append_comes_in_pieces(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a, count=1)
            large = [b'"%b"' % (bytes([65 + n]) * 900_000) for n in range(8)]
            await a.feeds.append(key, append_id(50), large)
            assert await b.messages(key) == await a.messages(key)
            # Told live, it is only the head that is told.
            await a.feeds.append(key, append_id(51), large)
            await arrives(b, key, 17)
            assert await b.feeds.copies.head(key) == await a.feeds.copies.head(key)

    run(story())


@pytest.mark.parametrize("loss", [0.5, 1.0])
def test_news_that_get_lost_are_asked_for(tmp_path, loss):
    lab = FakeChannel(live_loss=loss)

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a)
            await b.messages(key)
            for number in range(5, 15):
                await append_one(a.feeds, key, number)
                await asyncio.sleep(0.05)
            start = time.monotonic()
            await arrives(b, key, 15)
            assert time.monotonic() - start < 10
            assert await b.feeds.copies.head(key) == await a.feeds.copies.head(key)

    run(story())


def test_a_subfeed_that_is_not_there_yet_is_heard_of_when_it_begins(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            other = await new_subfeed(a)
            key = SubfeedKey(other.feed, subfeed_hash("later"))
            await b.feeds.elsewhere.look(key.feed)
            assert await b.messages(key) == b""
            waiting = asyncio.ensure_future(b.feeds.wait({key: 0}, PATIENCE))
            await asyncio.sleep(0.1)
            start = time.monotonic()
            await append_one(a.feeds, key, 0)
            assert await waiting == [key]
            assert time.monotonic() - start < 1.5

    run(story())


def test_while_the_writer_is_off_another_follower_serves_a_third(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "b", lab) as b:
            async with feed_node(tmp_path / "a", lab) as a:
                key = await new_subfeed(a)
                await b.feeds.elsewhere.look(key.feed)
                await b.messages(key)
            async with feed_node(tmp_path / "c", lab) as c:
                await c.feeds.elsewhere.look(key.feed)
                assert await c.feeds.subfeeds(key.feed) == {key.subfeed: "main"}
                assert messages_of(key, await c.messages(key)) == list(range(5))
                # The writer comes back: its reader goes on by itself.
                waiting = asyncio.ensure_future(c.feeds.wait({key: 5}, PATIENCE))
                async with feed_node(tmp_path / "a", lab) as a:
                    await append_one(a.feeds, key, 5)
                    assert await waiting == [key]

    run(story())


def test_without_a_hub_the_copy_stays_and_catches_up_by_itself_afterwards(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a)
            await b.messages(key)
            waiting = asyncio.ensure_future(b.feeds.wait({key: 5}, PATIENCE))
            await asyncio.sleep(0)
            lab.turn(is_up=False)
            await append_one(a.feeds, key, 5)
            start = time.monotonic()
            assert messages_of(key, await b.messages(key)) == list(range(5))
            await b.feeds.elsewhere.look(key.feed)
            assert time.monotonic() - start < 1
            await asyncio.sleep(0.5)
            lab.turn(is_up=True)
            assert await waiting == [key]

    run(story())


def test_a_copy_is_there_after_a_restart_without_any_channel(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a)
            await b.messages(key)
        async with feed_node(tmp_path / "b") as b:
            await b.feeds.elsewhere.look(key.feed)
            assert messages_of(key, await b.messages(key)) == list(range(5))
            with pytest.raises(FeedNotFoundError, match="not on this node"):
                await b.feeds.elsewhere.look("0a" * 32)

    run(story())


def test_what_nobody_has_is_not_found_and_says_where_was_looked(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab), feed_node(tmp_path / "b", lab) as b:
            key = SubfeedKey("0a" * 32, "0b" * 20)
            with pytest.raises(FeedNotFoundError, match="'lab'") as caught:
                await b.feeds.elsewhere.look(key.feed)
            assert "kc.explain" in caught.value.hint
            for refused in (b.feeds.read(key, 0, 1), b.feeds.wait({key: 0}, 1)):
                with pytest.raises(FeedNotFoundError):
                    await refused
            assert b.feeds.all() == []

    run(story())


@pytest.mark.parametrize(
    ("of_a", "of_b"),
    [
        (ALL_ROLES - {Role.PROVIDE_FEEDS}, ALL_ROLES),
        (ALL_ROLES, ALL_ROLES - {Role.REQUEST_FEEDS}),
    ],
)
def test_without_the_role_nothing_is_found(tmp_path, of_a, of_b):
    lab = FakeChannel()

    async def story():
        async with (
            feed_node(tmp_path / "a", lab, roles=of_a) as a,
            feed_node(tmp_path / "b", lab, roles=of_b) as b,
        ):
            key = await new_subfeed(a)
            with pytest.raises(FeedNotFoundError):
                await b.feeds.elsewhere.look(key.feed)
            if Role.REQUEST_FEEDS not in of_b:
                with pytest.raises(RoleMissingError):
                    await b.feeds.elsewhere.look(key.feed, "lab")
            with pytest.raises(FeedNotFoundError):
                await b.feeds.read(key, 0, 1)

    run(story())


def test_only_the_named_channel_is_looked_on(tmp_path):
    lab, club = FakeChannel("lab"), FakeChannel("club")

    async def story():
        async with (
            feed_node(tmp_path / "a", lab) as a,
            feed_node(tmp_path / "b", lab, club) as b,
        ):
            key = await new_subfeed(a)
            with pytest.raises(FeedNotFoundError):
                await b.feeds.elsewhere.look(key.feed, "club")
            with pytest.raises(FeedNotFoundError):
                await b.feeds.read(key, 0, 1, "club")
            with pytest.raises(ChannelNotFoundError):
                await b.feeds.read(key, 0, 1, "pub")
            assert not [subject for subject, _ in lab.said]
            await b.feeds.elsewhere.look(key.feed, "lab")
            assert messages_of(key, await b.messages(key, channel="lab")) == list(range(5))

    run(story())


def test_a_node_in_two_channels_hands_on_what_it_follows(tmp_path):
    lab, club = FakeChannel("lab"), FakeChannel("club")

    async def story():
        async with (
            feed_node(tmp_path / "a", lab) as a,
            feed_node(tmp_path / "b", lab, club) as b,
            feed_node(tmp_path / "c", club) as c,
        ):
            key = await new_subfeed(a)
            await b.messages(key)
            await c.messages(key)
            following_b = asyncio.ensure_future(b.feeds.wait({key: 5}, PATIENCE))
            waiting = asyncio.ensure_future(c.feeds.wait({key: 5}, PATIENCE))
            await asyncio.sleep(0.05)
            lab.said.clear()
            start = time.monotonic()
            await append_one(a.feeds, key, 5)
            assert await waiting == [key]
            assert time.monotonic() - start < 1.5
            await following_b
            # Where the news came from, and where the writer is, nobody repeats them.
            assert len([subject for subject, _ in lab.said if ".live." in subject]) == 1

    run(story())


def test_a_subfeed_nobody_reads_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(following, "FOLLOWED_SECONDS", 0.3)
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a)
            await b.messages(key)
            [link] = b.channels.links
            assert len(link.heard) == 1
            waiting = asyncio.ensure_future(b.feeds.wait({key: 5}, 1.0))
            await asyncio.sleep(0.8)
            assert len(link.heard) == 1  # somebody waits
            await waiting
            await asyncio.sleep(1.2)
            assert link.heard == []
            await append_one(a.feeds, key, 5)
            assert await b.feeds.length(key) == 5
            assert messages_of(key, await b.messages(key)) == list(range(6))

    run(story())


def test_more_subfeeds_than_are_heard_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_hearing, "MOST_HEARD", 3)
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            feed = (await a.feeds.create(None)).feed
            keys = [SubfeedKey(feed, subfeed_hash(f"subfeed {n}")) for n in range(10)]
            for key in keys:
                await append_one(a.feeds, key, 0)
            lab.said.clear()
            await b.feeds.elsewhere.catch_up(dict.fromkeys(keys, 0))
            finds = [subject for subject, _ in lab.said if subject == "feeds.find"]
            assert len(finds) <= 3  # not one for each
            assert len(b.channels.links[0].heard) == 3
            waiting = asyncio.gather(*(b.feeds.wait({key: 1}, PATIENCE) for key in keys))
            for key in keys:
                await append_one(a.feeds, key, 1)
            assert await waiting == [[key] for key in keys]

    run(story())


def test_a_channel_with_another_key_is_heard_again(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a)
            await b.messages(key)
            lab.key = bytes([1]) * 32
            await asyncio.sleep(0.6)
            waiting = asyncio.ensure_future(b.feeds.wait({key: 5}, PATIENCE))
            await asyncio.sleep(0)
            start = time.monotonic()
            await append_one(a.feeds, key, 5)
            await waiting
            assert time.monotonic() - start < 1.5
            assert len(b.channels.links[0].heard) == 1

    run(story())


def test_who_does_not_answer_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr("kachery_daemon.sharing.feed_asking._SILENT_SECONDS", 0.5)
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "b", lab) as b, feed_node(tmp_path / "a", lab) as a:
            key = await new_subfeed(a)
            await b.messages(key)
            await append_one(a.feeds, key, 5)
            async with feed_node(tmp_path / "c", lab) as c:
                found = asyncio.ensure_future(c.messages(key))
                while not c.sharing.followers.expected(key):  # noqa: ASYNC110
                    await asyncio.sleep(0)
                lab.mute.add(a.node_id)
                # B may be one message behind, but it is there.
                assert len(messages_of(key, await found)) >= 5
                lab.mute.clear()
                await arrives(c, key, 6)

    run(story())


def test_a_full_disk_is_told_to_the_reader_and_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("kachery_daemon.sharing.feed_joining._NO_ROOM_SECONDS", 0.3)
    lab = FakeChannel()

    def full(*_):
        raise StorageFullError("no room")

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a)
            with monkeypatch.context() as patch:
                patch.setattr(SubfeedLog, "write", full)
                with pytest.raises(StorageFullError):
                    await b.feeds.read(key, 0, 1 << 20)
            await arrives(b, key, 5)
            assert messages_of(key, await b.messages(key)) == list(range(5))

    run(story())


def test_a_deleted_copy_stays_deleted_until_somebody_reads_it_again(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a)
            await b.messages(key)
            await b.feeds.delete(key.feed)
            await append_one(a.feeds, key, 5)
            await asyncio.sleep(0.5)
            assert b.feeds.all() == []
            await b.feeds.elsewhere.look(key.feed)
            assert messages_of(key, await b.messages(key)) == list(range(6))

    run(story())


def test_the_end_of_a_feed_is_known_elsewhere(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab) as b:
            key = await new_subfeed(a)
            await a.feeds.retire(key.feed, "feed://next", "full")
            await b.feeds.elsewhere.look(key.feed)
            assert b.feeds.get(key.feed).retired == {"reason": "full", "successor": "feed://next"}
            assert b.feeds.elsewhere.told(key) == 5

    run(story())


def test_two_histories_are_found_by_who_follows_both(tmp_path):
    """100 times: the folder of a node is copied, and both go on."""
    seed = 20261121
    print(f"seed {seed}")
    rnd = random.Random(seed)

    async def story(folder):
        shared = rnd.randrange(6)
        async with feed_node(folder / "a") as a:
            key = await new_subfeed(a, count=shared)
        shutil.copytree(folder / "a", folder / "clone")
        lab = FakeChannel()
        async with (
            feed_node(folder / "a", lab) as a,
            feed_node(folder / "b", lab) as b,
        ):
            await _append_some(a, key, 100, rnd.randint(1, 30))
            if rnd.random() < 0.5:
                await b.messages(key)
            async with feed_node(folder / "clone", lab) as clone:
                # It was off the network when it wrote: nobody could warn it.
                clone.feeds.served.ask(None)
                await _append_some(clone, key, 200, rnd.randint(1, 30))
                await _is_forked(b, key)
        async with feed_node(folder / "b", lab) as b, feed_node(folder / "c", lab) as c:
            proof = await b.feeds.copies.fork(key)
            assert proof.index == shared
            assert await b.feeds.length(key) == shared
            # Whoever asks those who know is told, without meeting both writers.
            await _is_forked(c, key)
            assert await c.feeds.copies.fork(key) == proof

    for number in range(100):
        run(story(tmp_path / str(number)))
        shutil.rmtree(tmp_path / str(number))


async def _is_forked(node, key):
    """Read on until it is raised."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            _, found = await node.feeds.read(key, 5000, 1 << 20)
            assert not found
        except FeedForkedError:
            return
        except FeedNotFoundError:
            pass
        await asyncio.sleep(0.02)
    raise AssertionError("the fork was never found")


def test_links_that_come_later_are_used_as_well(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b") as b:
            key = await new_subfeed(a)
            with pytest.raises(FeedNotFoundError):
                await b.feeds.read(key, 0, 1)
            link = FakeLink(lab, "0c" * 32, ALL_ROLES)
            await b.channels.join(link)
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                try:
                    assert messages_of(key, await b.messages(key)) == list(range(5))
                    break
                except FeedNotFoundError:
                    await asyncio.sleep(0.05)
            await link.close()

    run(story())
