"""Before a node goes on writing, those who have copies are asked what they saw."""

import asyncio
import shutil
import time

import pytest

from kachery_core.errors import FeedForkedError, FeedRollbackError
from kachery_core.feeds import subfeed_hash
from kachery_core.forks import check_fork
from kachery_core.messages import SubfeedKey
from tests.support.feed_community import FakeChannel, feed_node
from tests.support.feed_samples import append_one


def run(story):
    return asyncio.run(asyncio.wait_for(story, 120))


async def begun(folder, lab, count=5):
    """A feed of node A that node B has a copy of; A's folder as it was before that is kept."""
    async with feed_node(folder / "a", lab) as a:
        key = SubfeedKey((await a.feeds.create(None)).feed, subfeed_hash("main"))
        async with feed_node(folder / "b", lab) as b:
            await append_one(a.feeds, key, 0)
            await b.messages(key)
    shutil.copytree(folder / "a", folder / "backup")
    async with feed_node(folder / "a", lab) as a:
        for number in range(1, count):
            await append_one(a.feeds, key, number)
        async with feed_node(folder / "b", lab) as b:
            await b.messages(key)
    return key


def restore(folder):
    """The backup brings back the witness as well."""
    shutil.rmtree(folder / "a")
    shutil.copytree(folder / "backup", folder / "a")


def finds(lab):
    return [subject for subject, _ in lab.said if subject == "feeds.find"]


def test_a_node_restored_with_its_witness_hears_from_a_follower_that_it_wrote_more(tmp_path):
    lab = FakeChannel()

    async def story():
        key = await begun(tmp_path, lab)
        restore(tmp_path)
        async with feed_node(tmp_path / "b", lab), feed_node(tmp_path / "a", lab) as a:
            for _ in range(2):
                with pytest.raises(FeedRollbackError) as caught:
                    await append_one(a.feeds, key, 100)
                assert (caught.value.fields["here"], caught.value.fields["seen"]) == (1, 5)
            assert await a.feeds.length(key) == 1
        # It is remembered when nobody is there to ask.
        async with feed_node(tmp_path / "a") as a:
            with pytest.raises(FeedRollbackError):
                await append_one(a.feeds, key, 101)

    run(story())


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_second_copy_of_a_node_is_told_and_the_proof_is_kept(tmp_path, after):
    """It went on where nobody saw it, less far, as far or farther than the first."""
    lab = FakeChannel()

    async def story():
        key = await begun(tmp_path, lab)
        restore(tmp_path)
        async with feed_node(tmp_path / "a") as a:
            for number in range(after):
                await append_one(a.feeds, key, 200 + number)
        async with feed_node(tmp_path / "b", lab), feed_node(tmp_path / "a", lab) as a:
            with pytest.raises(FeedForkedError) as caught:
                await append_one(a.feeds, key, 300)
            assert caught.value.fields["index"] == 1
            proof = await a.feeds.copies.fork(key)
            check_fork(proof)
            assert proof.index == 1
        async with feed_node(tmp_path / "a") as a:
            with pytest.raises(FeedForkedError):
                await append_one(a.feeds, key, 301)
            assert await a.feeds.length(key) == 1

    run(story())


def test_who_was_never_copied_asks_nobody(tmp_path):
    lab = FakeChannel()

    async def story():
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab):
            key = SubfeedKey((await a.feeds.create(None)).feed, subfeed_hash("main"))
            await append_one(a.feeds, key, 0)
        async with feed_node(tmp_path / "a", lab) as a, feed_node(tmp_path / "b", lab):
            await append_one(a.feeds, key, 1)
        assert finds(lab) == []

    run(story())


def test_the_others_are_asked_once_after_each_start(tmp_path):
    lab = FakeChannel()

    async def story():
        key = await begun(tmp_path, lab)
        async with feed_node(tmp_path / "b", lab), feed_node(tmp_path / "a", lab) as a:
            lab.said.clear()
            for number in range(100, 110):
                await append_one(a.feeds, key, number)
            assert len(finds(lab)) == 1
            other = SubfeedKey(key.feed, subfeed_hash("other"))
            await append_one(a.feeds, other, 0)
            assert len(finds(lab)) == 2

    run(story())


def test_without_a_channel_nobody_waits_and_as_soon_as_there_is_one_it_is_asked(tmp_path):
    lab = FakeChannel()

    async def story():
        key = await begun(tmp_path, lab)
        lab.is_up = False
        async with feed_node(tmp_path / "b", lab), feed_node(tmp_path / "a", lab) as a:
            start = time.monotonic()
            await append_one(a.feeds, key, 100)
            assert time.monotonic() - start < 0.9
            lab.said.clear()
            lab.turn(is_up=True)
            await append_one(a.feeds, key, 101)
            assert finds(lab)

    run(story())


def test_who_does_not_answer_holds_up_an_append_for_a_second_at_most(tmp_path):
    lab = FakeChannel()

    async def story():
        key = await begun(tmp_path, lab)
        async with feed_node(tmp_path / "b", lab) as b, feed_node(tmp_path / "a", lab) as a:
            lab.mute.add(b.node_id)
            start = time.monotonic()
            await append_one(a.feeds, key, 100)
            assert 0.9 < time.monotonic() - start < 3

    run(story())
