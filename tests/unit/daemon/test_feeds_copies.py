"""Copies of other nodes' feeds: only what their writer signed, never shorter, never other."""

import asyncio
import random
import shutil

import msgspec
import pytest

from kachery_core.errors import (
    BadSignatureError,
    BrokenChainError,
    FeedForkedError,
    FeedNotFoundError,
    FeedNotWriteableError,
    StorageFailedError,
)
from kachery_core.feeds import CONTROL_NAME, subfeed_hash
from kachery_core.messages import Head, SubfeedKey, check_run, encode_batch, outline_batches
from kachery_core.messages import chain as chained
from kachery_core.runs import batches_from
from kachery_daemon.feeds.copying import DividedError, GapError
from kachery_daemon.feeds.log import SubfeedLog
from tests.support.feed_samples import (
    Chain,
    append_id,
    append_one,
    log_path,
    open_feeds,
    random_chain,
    signed,
)
from tests.support.feed_verifier import verify_log

MANY = 1 << 22
OTHER_USER = 12345


def run(story):
    return asyncio.run(story)


def long_chain(count=20, start=None):
    chain = start or Chain()
    for number in range(count):
        chain.append([b'{"n":%d}' % number])
    return chain


def part(chain, first, last):
    """Batches [first, last) of a chain: the head before them and their bytes."""
    before = chain.batches[first - 1].head if first else Head()
    return before, b"".join(map(encode_batch, chain.batches[first:last]))


def going_on(chain, *more):
    """Another history with the same beginning."""
    other = Chain(chain.signer, chain.name, chain.head, list(chain.batches))
    for payload in more:
        other.append([payload])
    return other


async def copied(feeds, chain):
    await feeds.copies.add(chain.key.feed)
    return await feeds.copies.take(chain.key, Head(), chain.run)


def test_a_copy_is_read_like_a_feed_of_ones_own_and_is_there_after_a_restart(tmp_path):
    chain = random_chain(random.Random(1), 20)

    async def story():
        async with open_feeds(tmp_path) as feeds:
            assert await copied(feeds, chain) == chain.head
        async with open_feeds(tmp_path) as feeds:
            assert [record.is_copy for record in feeds.all()] == [True]
            assert await feeds.length(chain.key) == chain.head.length
            before, found = await feeds.read(chain.key, 0, MANY)
            assert check_run(chain.key, before, found)[-1].head == chain.head
            before, found = await feeds.read(chain.key, 7, 1)
            assert before.length <= 7 < check_run(chain.key, before, found)[-1].head.length

    run(story())
    assert len(verify_log(log_path(tmp_path, chain.key), *_names(chain))) == chain.head.length


def _names(chain):
    return chain.key.feed, chain.key.subfeed


def test_nobody_appends_to_a_copy_retires_it_or_names_its_subfeeds(tmp_path):
    chain = long_chain()

    async def story():
        async with open_feeds(tmp_path) as feeds:
            await copied(feeds, chain)
            for refused in (
                feeds.append(chain.key, append_id(0), [b"1"]),
                feeds.retire(chain.key.feed, None, ""),
                feeds.name_subfeed(chain.key, "main"),
                feeds.delete(chain.key.feed, OTHER_USER),
            ):
                with pytest.raises(FeedNotWriteableError, match="cop"):
                    await refused
            assert await feeds.length(chain.key) == 20

    run(story())


def test_runs_may_come_twice_overlap_and_be_cut_in_any_way(tmp_path):
    seed = 20261121
    print(f"seed {seed}")
    rnd = random.Random(seed)

    async def story(folder):
        chain = random_chain(rnd, 12)
        async with open_feeds(folder) as feeds:
            await feeds.copies.add(chain.key.feed)
            while (await feeds.copies.head(chain.key)) != chain.head:
                held = (await feeds.copies.head(chain.key)).length
                places = [n for n, one in enumerate(chain.batches, 1) if one.signature]
                last = rnd.choice(places)
                before, data = part(chain, rnd.randrange(last), last)
                if before.length > held:
                    with pytest.raises(GapError):
                        await feeds.copies.take(chain.key, before, data)
                else:
                    await feeds.copies.take(chain.key, before, data)
        found = verify_log(log_path(folder, chain.key), *_names(chain))
        payloads = [payload for one in chain.batches for payload in one.payloads]
        assert [msgspec.json.encode(one) for one in found] == [
            msgspec.json.encode(msgspec.json.decode(one)) for one in payloads
        ]

    for number in range(30):
        run(story(tmp_path / str(number)))


def test_batches_that_were_cut_otherwise_on_the_way_are_the_same_messages(tmp_path):
    """Another copy may have been cut inside a batch of the writer's."""
    chain = Chain()
    chain.append([b"0", b"1", b"2", b"3"])
    chain.append([b"4", b"5"])
    head = chain.batches[0]
    middle = chained(chain.key, Head(), head.time_us, head.payloads[:2])
    first = msgspec.structs.replace(head, payloads=head.payloads[:2], head=middle)
    first = signed(chain.signer, chain.key, first)

    async def story():
        async with open_feeds(tmp_path) as feeds:
            await feeds.copies.add(chain.key.feed)
            assert await feeds.copies.take(chain.key, Head(), encode_batch(first)) == middle
            assert await feeds.copies.take(chain.key, Head(), chain.run) == chain.head
            rest = batches_from(chain.batches, 3)
            before = await feeds.copies.head(chain.key, 3)
            again = b"".join(map(encode_batch, rest))
            assert await feeds.copies.take(chain.key, before, again) == chain.head

    run(story())
    assert verify_log(log_path(tmp_path, chain.key), *_names(chain)) == list(range(6))


def test_what_others_forge_is_refused_and_changes_nothing(tmp_path):
    chain = long_chain()
    stranger = Chain(chain.signer, "other")
    stranger.append([b"1"])

    async def story():
        async with open_feeds(tmp_path) as feeds:
            before, data = part(chain, 0, 10)
            await feeds.copies.add(chain.key.feed)
            await feeds.copies.take(chain.key, before, data)
            at, rest = part(chain, 10, 20)
            for forged in (b"", rest[:-1], rest[:-64] + bytes(64), stranger.run, rest + rest):
                with pytest.raises((BrokenChainError, BadSignatureError)):
                    await feeds.copies.take(chain.key, at, forged)
            with pytest.raises((BrokenChainError, BadSignatureError)):
                await feeds.copies.take(chain.key, Head(10, bytes(32)), rest)
            assert await feeds.length(chain.key) == 10
            assert await feeds.copies.take(chain.key, at, rest) == chain.head

    run(story())


def test_of_runs_that_wait_together_the_forged_ones_fail_alone(tmp_path):
    chain = long_chain(40)

    async def story():
        async with open_feeds(tmp_path) as feeds:
            await feeds.copies.add(chain.key.feed)
            await feeds.length(chain.key)
            results = await asyncio.gather(
                *(feeds.copies.take(chain.key, *part(chain, n, n + 1)) for n in range(10)),
                feeds.copies.take(chain.key, chain.batches[9].head, b"nonsense"),
                *(feeds.copies.take(chain.key, *part(chain, n, n + 4)) for n in range(8, 40, 4)),
                return_exceptions=True,
            )
            problems = [one for one in results if isinstance(one, BaseException)]
            assert [type(one) for one in problems] == [BrokenChainError]
            assert await feeds.copies.head(chain.key) == chain.head

    run(story())
    assert len(verify_log(log_path(tmp_path, chain.key), *_names(chain))) == 40


def test_many_copies_at_once_are_taken_and_wake_who_waits(tmp_path):
    chains = [Chain(name=f"subfeed {number}") for number in range(50)]
    for chain in chains:
        chain.append([b"1"])

    async def story():
        async with open_feeds(tmp_path) as feeds:
            await feeds.copies.add(chains[0].key.feed)
            positions = {chain.key: 0 for chain in chains}
            waiting = [feeds.wait({chain.key: 0}, 60) for chain in chains]
            tasks = [asyncio.ensure_future(one) for one in waiting]
            await asyncio.gather(
                *(feeds.copies.take(chain.key, Head(), chain.run) for chain in chains)
            )
            assert await asyncio.gather(*tasks) == [[chain.key] for chain in chains]
            assert await feeds.wait(positions, 0) == list(positions)

    run(story())


def test_whoever_listens_hears_of_own_messages_and_of_copied_ones(tmp_path):
    chain = long_chain(1)

    async def story():
        heard = []
        async with open_feeds(tmp_path) as feeds:
            feeds.waiters.listen(heard.append)
            own = SubfeedKey((await feeds.create(None)).feed, subfeed_hash("main"))
            await append_one(feeds, own, 0)
            await copied(feeds, chain)
            await feeds.copies.take(chain.key, Head(), chain.run)  # nothing new
        assert heard == [own, chain.key]

    run(story())


def test_few_signatures_are_kept_and_reading_begins_anywhere(tmp_path):
    chain = Chain()
    for _ in range(500):
        chain.append([b'"%b"' % (b"x" * 500)])

    async def story():
        async with open_feeds(tmp_path) as feeds:
            await copied(feeds, chain)
            for position in range(0, 500, 37):
                before, found = await feeds.read(chain.key, position, 1)
                assert len(found) < 80 << 10
                assert check_run(chain.key, before, found)
                exact, found = await feeds.copies.run_from(chain.key, position, 1)
                assert exact.length == position
                assert check_run(chain.key, exact, found)
            head, signature = await feeds.copies.signed_head(chain.key)
            assert (head, signature) == (chain.head, chain.batches[-1].signature)

    run(story())
    outlines = list(outline_batches(log_path(tmp_path, chain.key).read_bytes()))
    assert sum(one.is_signed for one in outlines) < 10


def test_a_second_history_is_proved_kept_and_raised_and_the_common_part_stays(tmp_path):
    shared = long_chain(10)
    ours, theirs = going_on(shared, b'"ours"', b'"ours"'), going_on(shared, b'"theirs"')

    async def story():
        async with open_feeds(tmp_path) as feeds:
            await copied(feeds, ours)
            with pytest.raises(FeedForkedError) as caught:
                await feeds.copies.take(ours.key, Head(), theirs.run)
            assert caught.value.fields["index"] == 10
        async with open_feeds(tmp_path) as feeds:
            proof = await feeds.copies.fork(ours.key)
            assert proof.index == 10
            assert await feeds.length(ours.key) == 10
            assert (await feeds.read(ours.key, 9, MANY))[1]
            for refused in (
                feeds.read(ours.key, 10, MANY),
                feeds.copies.take(ours.key, ours.head, ours.run),
            ):
                with pytest.raises(FeedForkedError):
                    await refused
            return proof

    proof = run(story())

    async def told():
        """Another node is shown the proof and needs nothing else."""
        async with open_feeds(tmp_path / "other") as feeds:
            await copied(feeds, shared)
            forged = msgspec.structs.replace(proof, theirs=proof.ours)
            with pytest.raises((BrokenChainError, BadSignatureError)):
                await feeds.copies.keep_fork(forged)
            assert await feeds.copies.fork(ours.key) is None
            await feeds.copies.keep_fork(proof)
            with pytest.raises(FeedForkedError):
                await feeds.read(ours.key, 10, MANY)

    run(told())


def test_a_history_that_parted_before_the_run_is_no_continuation(tmp_path):
    shared = long_chain(5)
    ours = going_on(shared, *[b'"ours"'] * 10)
    theirs = going_on(shared, *[b'"theirs"'] * 10)

    async def story():
        async with open_feeds(tmp_path) as feeds:
            await copied(feeds, ours)
            for first, last in ((10, 12), (8, 15)):
                with pytest.raises(DividedError):
                    await feeds.copies.take(ours.key, *part(theirs, first, last))
            assert await feeds.copies.fork(ours.key) is None
            # Looked at from where both agree, it is proved.
            proof = await feeds.copies.prove(ours.key, *part(theirs, 3, 9))
            assert proof.index == 5

    run(story())


def test_a_copy_from_an_older_backup_catches_up_and_takes_no_other_history(tmp_path):
    shared = long_chain(10)
    seen, other = going_on(shared, *[b'"seen"'] * 5), going_on(shared, *[b'"other"'] * 9)

    async def begun():
        async with open_feeds(tmp_path) as feeds:
            await copied(feeds, shared)
        shutil.copytree(tmp_path / "storage", tmp_path / "backup")
        async with open_feeds(tmp_path) as feeds:
            await copied(feeds, seen)
        shutil.rmtree(tmp_path / "storage")
        shutil.copytree(tmp_path / "backup", tmp_path / "storage")

    async def restored(chain):
        async with open_feeds(tmp_path) as feeds:
            assert await feeds.length(shared.key) == 10
            return await copied(feeds, chain)

    run(begun())
    with pytest.raises(FeedForkedError, match="not the one seen before"):
        run(restored(other))
    assert run(restored(seen)) == seen.head


def test_a_damaged_copy_is_kept_aside_and_comes_again(tmp_path):
    chain = long_chain(50)

    async def copy():
        async with open_feeds(tmp_path) as feeds:
            await feeds.copies.add(chain.key.feed)
            length = await feeds.length(chain.key)
            await copied(feeds, chain)
            return length

    assert run(copy()) == 0
    path = log_path(tmp_path, chain.key)
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b'{"n":20}')] ^= 1
    path.write_bytes(damaged)
    assert 0 <= run(copy()) < 50
    assert len(verify_log(path, *_names(chain))) == 50
    [aside] = (tmp_path / "storage" / "trash").iterdir()
    assert aside.read_bytes() == damaged
    assert run(copy()) == 50


def test_a_deleted_copy_is_gone_and_what_was_seen_of_it_is_not_forgotten(tmp_path):
    shared = long_chain(10)
    ours, other = going_on(shared, b'"ours"'), going_on(shared, b'"theirs"', b'"theirs"')

    async def story():
        async with open_feeds(tmp_path) as feeds:
            await copied(feeds, ours)
            await feeds.delete(ours.key.feed)
            for refused in (
                feeds.read(ours.key, 0, 1),
                feeds.copies.take(ours.key, Head(), ours.run),
                feeds.delete(ours.key.feed),
            ):
                with pytest.raises(FeedNotFoundError):
                    await refused
            assert feeds.all() == []
        async with open_feeds(tmp_path) as feeds:
            assert feeds.all() == []
            with pytest.raises(FeedForkedError):
                await copied(feeds, other)
            assert await copied(feeds, ours) == ours.head

    run(story())
    assert list((tmp_path / "storage" / "trash").rglob("*.log"))


def test_deleting_a_copy_that_is_being_written_breaks_nothing_else(tmp_path):
    rest = long_chain(20, Chain(name="rest"))

    async def story():
        async with open_feeds(tmp_path) as feeds:
            for number in range(20):
                chain = long_chain(10, Chain(name=f"name {number}"))
                await feeds.copies.add(chain.key.feed)
                work = [feeds.copies.take(chain.key, *part(chain, n, n + 1)) for n in range(10)]
                work.insert(5, feeds.delete(chain.key.feed))
                results = await asyncio.gather(*work, return_exceptions=True)
                problems = [one for one in results if isinstance(one, BaseException)]
                expected = (FeedNotFoundError, GapError, StorageFailedError)
                assert all(isinstance(one, expected) for one in problems), problems
            await feeds.copies.add(rest.key.feed)
            assert await feeds.copies.take(rest.key, Head(), rest.run) == rest.head

    run(story())


def test_names_are_believed_as_far_as_they_fit(tmp_path):
    chain = long_chain(1)

    async def story():
        async with open_feeds(tmp_path) as feeds:
            names = {chain.key.subfeed: "main", "0a" * 20: "main", "0b" * 20: 5, "0c" * 20: ""}
            await feeds.copies.add(chain.key.feed, names)
            await feeds.copies.add(chain.key.feed, names)
            assert await feeds.subfeeds(chain.key.feed) == {chain.key.subfeed: "main"}
            own = (await feeds.create(None)).feed
            await feeds.copies.add(own, {chain.key.subfeed: "main"})
            assert await feeds.subfeeds(own) == {}
            assert not feeds.get(own).is_copy

    run(story())


@pytest.mark.parametrize(
    ("last", "retired"),
    [
        (
            b'{"reason":"full","retired":true,"successor":"feed://next"}',
            {"reason": "full", "successor": "feed://next"},
        ),
        (b'{"retired":true}', {"reason": "", "successor": None}),
        (b'{"retired":false}', None),
        (b'{"retired":true,"reason":7}', None),
        (b"[]", None),
        (b"no json", None),
    ],
)
def test_the_end_of_a_copied_feed_is_what_its_writer_said(tmp_path, last, retired):
    chain = Chain(name=CONTROL_NAME)
    chain.append([last])

    async def story():
        async with open_feeds(tmp_path) as feeds:
            await copied(feeds, chain)
            assert feeds.get(chain.key.feed).retired == retired
        async with open_feeds(tmp_path) as feeds:
            assert feeds.get(chain.key.feed).retired == retired

    run(story())


def test_a_failed_disk_is_told_and_the_copy_goes_on_after_it(tmp_path, monkeypatch):
    chain = long_chain(20)

    def fail(_):
        raise StorageFailedError("the disk failed")

    async def story():
        async with open_feeds(tmp_path) as feeds:
            await feeds.copies.add(chain.key.feed)
            await feeds.copies.take(chain.key, *part(chain, 0, 5))
            with monkeypatch.context() as patch:
                patch.setattr(SubfeedLog, "sync", fail)
                with pytest.raises(StorageFailedError):
                    await feeds.copies.take(chain.key, *part(chain, 5, 10))
            assert await feeds.length(chain.key) == 5
            assert await feeds.copies.take(chain.key, *part(chain, 5, 20)) == chain.head

    run(story())
    assert len(verify_log(log_path(tmp_path, chain.key), *_names(chain))) == 20
