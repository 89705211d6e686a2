"""All feeds of a node: making, appending, reading, waiting, ending."""

import asyncio
import contextlib
import errno
import os
import shutil
import stat
import threading
from pathlib import Path

import pytest

from kachery_core.errors import (
    BrokenChainError,
    FeedExistsError,
    FeedForkedError,
    FeedNotFoundError,
    FeedNotWriteableError,
    FeedRollbackError,
    InvalidInputError,
    KacheryError,
    KeyUnsafeError,
    StorageFailedError,
    StorageFullError,
)
from kachery_core.feeds import CONTROL_NAME, control_subfeed, subfeed_hash
from kachery_core.messages import LARGEST_PAYLOAD, Head, SubfeedKey, check_run
from kachery_daemon.feeds import appending
from kachery_daemon.feeds.heads import Heads
from kachery_daemon.feeds.log import SubfeedLog
from kachery_daemon.feeds.registry import Registry
from tests.support.faulty_disk import small_disk
from tests.support.feed_samples import append_id, append_one, log_path, open_feeds
from tests.support.feed_verifier import verify_log

OTHER_USER = 12345
MANY = 1 << 20


def run(story):
    return asyncio.run(story)


async def new_subfeed(feeds, name="main", writer=-1):
    record = await feeds.create(None, writer)
    return SubfeedKey(record.feed, subfeed_hash(name))


def messages(folder, key):
    return verify_log(log_path(folder, key), key.feed, key.subfeed)


def test_messages_are_there_after_a_restart(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            record = await feeds.create("mine")
            key = SubfeedKey(record.feed, subfeed_hash("main"))
            for number in range(20):
                assert await append_one(feeds, key, number) == number
        async with open_feeds(tmp_path) as feeds:
            assert feeds.find_by_name("mine", -1) == record
            assert await feeds.length(key) == 20
            before, found = await feeds.read(key, 0, MANY)
            assert check_run(key, before, found)[-1].head.length == 20
            assert await append_one(feeds, key, 20) == 20
        assert messages(tmp_path, key) == [{"n": number} for number in range(21)]

    run(story())


def test_an_append_asked_for_again_is_not_made_again_even_after_a_restart(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            for number in range(5):
                await feeds.append(key, append_id(number), [b"%d" % number] * 2)
            assert await feeds.append(key, append_id(2), [b"2"] * 2) == (4, 2)
        async with open_feeds(tmp_path) as feeds:
            for number in range(5):
                again = await feeds.append(key, append_id(number), [b"%d" % number] * 2)
                assert again == (number * 2, 2)
            assert await feeds.length(key) == 10

    run(story())


def test_the_same_id_in_another_subfeed_is_another_append(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            other = SubfeedKey(key.feed, subfeed_hash("other"))
            await append_one(feeds, key, 0)
            assert await append_one(feeds, other, 0) == 0
            assert await feeds.length(other) == 1

    run(story())


def test_what_cannot_be_a_message_fails_alone(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            results = await asyncio.gather(
                append_one(feeds, key, 0),
                feeds.append(key, append_id(1), [b"1" * (LARGEST_PAYLOAD + 1)]),
                feeds.append(key, append_id(2), []),
                append_one(feeds, key, 3),
                return_exceptions=True,
            )
            assert {results[0], results[3]} == {0, 1}
            assert isinstance(results[1], InvalidInputError)
            assert isinstance(results[2], InvalidInputError)

    run(story())


def test_a_feed_that_is_not_here_is_named(tmp_path):
    key = SubfeedKey("0a" * 32, "0b" * 20)

    async def story():
        async with open_feeds(tmp_path) as feeds:
            for ask in (
                feeds.append(key, append_id(0), [b"1"]),
                feeds.read(key, 0, 1),
                feeds.length(key),
                feeds.wait({key: 0}, 10),
                feeds.compare(key, Head(), b""),
                feeds.retire(key.feed, None, ""),
                feeds.delete(key.feed),
                feeds.name_subfeed(key, "main"),
            ):
                with pytest.raises(FeedNotFoundError, match=key.feed):
                    await ask

    run(story())


def test_another_user_writes_only_feeds_of_their_own_and_reads_all(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            owners = await new_subfeed(feeds)
            theirs = await new_subfeed(feeds, writer=OTHER_USER)
            await append_one(feeds, owners, 0)
            assert await feeds.append(theirs, append_id(0), [b"1"], OTHER_USER) == (0, 1)
            for refused in (
                feeds.append(owners, append_id(1), [b"1"], OTHER_USER),
                feeds.retire(owners.feed, None, "", OTHER_USER),
                feeds.delete(owners.feed, OTHER_USER),
                feeds.name_subfeed(owners, "main", OTHER_USER),
                feeds.append(theirs, append_id(1), [b"1"], OTHER_USER + 1),
            ):
                with pytest.raises(FeedNotWriteableError):
                    await refused
            assert await feeds.subfeeds(owners.feed) == {}
            assert await feeds.length(owners) == 1
            assert (await feeds.read(owners, 0, MANY))[1]

    run(story())


def test_a_name_is_each_writers_own(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            mine = await feeds.create("same")
            theirs = await feeds.create("same", OTHER_USER)
            with pytest.raises(FeedExistsError):
                await feeds.create("same")
            assert feeds.find_by_name("same", -1) == mine
            assert feeds.find_by_name("same", OTHER_USER) == theirs
            assert feeds.find_by_name("same", OTHER_USER + 1) is None
        keys = tmp_path / "storage" / ".state" / "keys"
        assert len(list(keys.iterdir())) == 2

    run(story())


def test_a_subfeed_is_not_called_what_another_is_called(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            for false in ("other", 5, None, ""):
                with pytest.raises(InvalidInputError):
                    await feeds.name_subfeed(key, false)
            await feeds.name_subfeed(key, "main")
            assert await feeds.subfeeds(key.feed) == {key.subfeed: "main"}

    run(story())


def test_keys_and_logs_are_their_owners_alone(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            await append_one(feeds, await new_subfeed(feeds), 0)

    run(story())
    state = tmp_path / "storage" / ".state"
    for name in ("keys", "feeds"):
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o700
    for path in (*state.glob("keys/*"), *state.glob("feeds/*/*"), *state.glob("*.sqlite*")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_key_that_others_can_read_is_not_used(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            path = tmp_path / "storage" / ".state" / "keys" / f"{key.feed}.pem"
            path.chmod(0o640)
            with pytest.raises(KeyUnsafeError):
                await append_one(feeds, key, 0)

    run(story())


def open_files():
    """How many files this process has open, where the system tells."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def open_logs(storage):
    """The log files of a folder this process has open; one where the system does not tell."""
    folder = Path("/proc/self/fd")
    if not folder.exists():
        return ["unknown"]
    found = []
    for link in folder.iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(link))
    return [name for name in found if name.startswith(str(storage)) and name.endswith(".log")]


def test_asking_for_subfeeds_that_nobody_wrote_leaves_nothing_behind(tmp_path):
    """Neither files nor open ones: anybody who may read may ask for any number of them."""

    async def story():
        async with open_feeds(tmp_path) as feeds:
            feed = (await feeds.create(None)).feed
            before = open_files()
            keys = [SubfeedKey(feed, f"{number:040x}") for number in range(2000)]
            assert await feeds.wait(dict.fromkeys(keys, 0), 0.01) == []
            assert await feeds.read(keys[7], 0, MANY) == (Head(), b"")
            assert open_files() < before + 20
            assert not list(tmp_path.rglob("*.log"))
            assert await append_one(feeds, keys[7], 0) == 0
            assert len(list(tmp_path.rglob("*.log"))) == 1

    run(story())


def test_a_waiting_reader_is_woken_by_the_commit(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key, other = await new_subfeed(feeds), await new_subfeed(feeds)
            waiting = asyncio.ensure_future(feeds.wait({key: 1, other: 0}, 60))
            await append_one(feeds, key, 0)
            done, _ = await asyncio.wait([waiting], timeout=0.2)
            assert not done
            await append_one(feeds, key, 1)
            assert await asyncio.wait_for(waiting, 30) == [key]

    run(story())


def test_a_retired_feed_takes_nothing_more_and_says_what_follows(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            await append_one(feeds, key, 0)
            await feeds.retire(key.feed, "feed://next", "full")
        async with open_feeds(tmp_path) as feeds:
            for refused in (
                append_one(feeds, key, 1),
                append_one(feeds, key, 0),
                feeds.retire(key.feed, None, "again"),
                feeds.name_subfeed(key, "main"),
            ):
                with pytest.raises(FeedNotWriteableError, match="full") as caught:
                    await refused
                assert "feed://next" in caught.value.hint
            assert await feeds.length(key) == 1

    run(story())


def test_the_end_of_a_feed_is_signed_and_nobody_else_writes_it(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            control = SubfeedKey(key.feed, control_subfeed())
            with pytest.raises(InvalidInputError):
                await append_one(feeds, control, 0)
            await feeds.retire(key.feed, None, "done")
            assert (await feeds.subfeeds(key.feed))[control.subfeed] == CONTROL_NAME
            return control

    control = run(story())
    last = {"reason": "done", "retired": True, "successor": None}
    assert messages(tmp_path, control) == [last]


def test_a_retirement_that_was_interrupted_is_said_once(tmp_path, monkeypatch):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            with monkeypatch.context() as patch:
                patch.setattr(Registry, "retire", lambda *_: (_ for _ in ()).throw(OSError("gone")))
                with pytest.raises(OSError, match="gone"):
                    await feeds.retire(key.feed, None, "done")
            await feeds.retire(key.feed, None, "done")
            assert await feeds.length(SubfeedKey(key.feed, control_subfeed())) == 1

    run(story())


def test_a_deleted_feed_is_gone_with_its_key_and_its_messages_are_in_the_trash(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            record = await feeds.create("mine")
            key = SubfeedKey(record.feed, subfeed_hash("main"))
            other = await new_subfeed(feeds)
            for number in range(3):
                await append_one(feeds, key, number)
            await append_one(feeds, other, 0)
            await feeds.delete(key.feed)
            with pytest.raises(FeedNotFoundError):
                await feeds.read(key, 0, 1)
            with pytest.raises(FeedNotFoundError):
                await feeds.delete(key.feed)
            await feeds.create("mine")
            assert await feeds.length(other) == 1
        async with open_feeds(tmp_path) as feeds:
            with pytest.raises(FeedNotFoundError):
                feeds.get(key.feed)
        return key

    key = run(story())
    assert not list((tmp_path / "storage").rglob(f"*{key.feed}*.pem"))
    [log] = (tmp_path / "storage" / "trash").rglob("*.log")
    assert len(verify_log(log, key.feed, key.subfeed)) == 3


def test_deleting_a_feed_that_is_in_use_breaks_nothing_else(tmp_path):
    """Appends and reads of every moment end in an answer or in "not found", and nothing returns."""

    async def story():
        async with open_feeds(tmp_path) as feeds:
            other = await new_subfeed(feeds)
            for _ in range(20):
                key = await new_subfeed(feeds)
                work = [append_one(feeds, key, number) for number in range(20)]
                work += [feeds.read(key, 0, MANY) for _ in range(5)]
                work.insert(10, feeds.delete(key.feed))
                work.append(append_one(feeds, other, await feeds.length(other)))
                results = await asyncio.gather(*work, return_exceptions=True)
                problems = [one for one in results if isinstance(one, BaseException)]
                assert all(isinstance(one, KacheryError) for one in problems), problems
                assert not log_path(tmp_path, key).parent.exists()
            assert await feeds.length(other) == 20

    run(story())


def test_another_copy_of_the_feed_refuses_and_an_older_one_can_only_be_read(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            record = await feeds.create("mine")
            key = SubfeedKey(record.feed, subfeed_hash("main"))
            await append_one(feeds, key, 0)
        shutil.copytree(tmp_path / "storage", tmp_path / "backup")
        async with open_feeds(tmp_path) as feeds:
            await append_one(feeds, key, 1)
        shutil.rmtree(tmp_path / "storage")
        os.rename(tmp_path / "backup", tmp_path / "storage")
        before = log_path(tmp_path, key).read_bytes()
        async with open_feeds(tmp_path) as feeds:
            for _ in range(2):
                with pytest.raises(FeedRollbackError) as caught:
                    await append_one(feeds, key, 2)
                assert caught.value.fields["here"] == 1
                assert caught.value.fields["seen"] == 2
            assert await feeds.length(key) == 1
            assert (await feeds.read(key, 0, MANY))[1]
            # As the hint says: its end can still be told.
            await feeds.retire(key.feed, None, "restored from a backup")
        assert log_path(tmp_path, key).read_bytes() == before
        # The other copy went on elsewhere, just as far.
        async with open_feeds(tmp_path, tmp_path / "nothing.sqlite") as feeds:
            with pytest.raises(FeedNotWriteableError):
                await append_one(feeds, key, 3)

    run(story())


def test_a_clone_that_went_elsewhere_as_far_is_refused(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            await append_one(feeds, key, 0)
        shutil.copytree(tmp_path / "storage", tmp_path / "clone" / "storage")
        async with open_feeds(tmp_path) as feeds:
            await append_one(feeds, key, 1)
        async with open_feeds(tmp_path / "clone") as feeds:
            await append_one(feeds, key, 2)
        async with open_feeds(tmp_path / "clone", tmp_path / "witness.sqlite") as feeds:
            with pytest.raises(FeedForkedError):
                await append_one(feeds, key, 3)

    run(story())


def test_an_older_copy_with_damage_is_left_as_it_is(tmp_path):
    """Nothing is cleared where the witness knows of more, even if the node's own heads are lost."""

    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            for number in range(5):
                await append_one(feeds, key, number)
        for path in (tmp_path / "storage" / ".state").glob("heads.sqlite*"):
            path.unlink()
        damaged = bytearray(log_path(tmp_path, key).read_bytes())
        damaged[300] ^= 1
        log_path(tmp_path, key).write_bytes(damaged)
        async with open_feeds(tmp_path) as feeds:
            with pytest.raises((FeedRollbackError, BrokenChainError)):
                await append_one(feeds, key, 5)
        assert log_path(tmp_path, key).read_bytes() == damaged

    run(story())


@contextlib.contextmanager
def full(folder):
    """A disk without a free byte."""
    with (folder / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    (folder / "filler").unlink()


def test_a_full_disk_refuses_appends_and_takes_them_again_when_there_is_room(tmp_path):
    async def story(folder):
        async with open_feeds(folder) as feeds:
            key = await new_subfeed(feeds)
            large = b'"%b"' % (b"x" * 400_000)
            number, acknowledged = 0, []
            assert await append_one(feeds, key, number, large) == 0
            with full(folder):
                # The log has room of its own; the node's notes of how far it goes have not.
                for number in range(1, 6):
                    assert await append_one(feeds, key, number) == number
                    await asyncio.sleep(0.15)
                for _ in range(30):
                    number += 1
                    try:
                        acknowledged.append(await append_one(feeds, key, number, large))
                    except StorageFullError as problem:
                        assert "full" in problem.message  # noqa: PT017 - one of many
                        break
                else:
                    raise AssertionError("the disk was never full")
                assert (await feeds.read(key, 0, MANY))[1]
            refused = number
            for number in range(refused, refused + 3):
                assert await append_one(feeds, key, number, large) == number
        witness = Heads(folder / "witness.sqlite")
        assert witness.find(key).length == refused + 3
        witness.close()
        assert len(messages(folder, key)) == refused + 3

    with small_disk(tmp_path / "small", "size=16m") as folder:
        run(story(folder))


def test_nothing_is_appended_after_the_end_of_a_feed(tmp_path, monkeypatch):
    """Also not what was let in before: here a first append waits for the feed's key meanwhile."""
    is_waiting, go = threading.Event(), threading.Event()
    load = appending.feed_signer

    def load_slowly(*arguments):
        if not is_waiting.is_set():
            is_waiting.set()
            assert go.wait(30)
        return load(*arguments)

    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            monkeypatch.setattr(appending, "feed_signer", load_slowly)
            late = asyncio.ensure_future(append_one(feeds, key, 0))
            await asyncio.to_thread(is_waiting.wait, 30)
            await feeds.retire(key.feed, None, "full")
            go.set()
            with pytest.raises(FeedNotWriteableError, match="full"):
                await late
            assert await feeds.length(key) == 0

    run(story())


def test_what_was_let_in_before_the_end_of_a_feed_is_durable_before_its_end_is(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            await append_one(feeds, key, 0)
            for _ in range(10):
                appends = [append_one(feeds, key, number) for number in range(1, 20)]
                work = [asyncio.ensure_future(one) for one in appends]
                await asyncio.sleep(0)
                await feeds.retire(key.feed, None, "full")
                at_the_end = await feeds.length(key)
                results = await asyncio.gather(*work, return_exceptions=True)
                assert all(isinstance(one, int | FeedNotWriteableError) for one in results)
                assert await feeds.length(key) == at_the_end
                key = await new_subfeed(feeds)

    run(story())


def test_retiring_again_in_the_same_words_is_the_same(tmp_path):
    """A program asks again when the node was restarted before it answered."""

    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            first, second = await asyncio.gather(
                feeds.retire(key.feed, "feed://next", "full"),
                feeds.retire(key.feed, "feed://next", "full"),
            )
            assert first == second == await feeds.retire(key.feed, "feed://next", "full")
            assert await feeds.length(SubfeedKey(key.feed, control_subfeed())) == 1

    run(story())


def test_a_feed_is_closed_by_the_thread_that_writes_it(tmp_path, monkeypatch):
    """Closed by another one, an append that is being written could go to any file."""
    closed_by = []
    close = SubfeedLog.close

    def close_and_tell(log):
        closed_by.append(threading.current_thread().name)
        close(log)

    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            await append_one(feeds, key, 0)
            monkeypatch.setattr(SubfeedLog, "close", close_and_tell)
            await feeds.delete(key.feed)
            assert closed_by == ["kachery-feeds"]

    run(story())


def test_a_log_that_is_opened_again_after_its_disk_failed_is_open_once(tmp_path, monkeypatch):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            await append_one(feeds, key, 0)
            for number in range(1, 20):
                with monkeypatch.context() as patch:
                    patch.setattr(os, "fdatasync", fail)
                    with pytest.raises(StorageFailedError):
                        await append_one(feeds, key, number)
                assert await append_one(feeds, key, number) == number
            assert len(open_logs(tmp_path)) == 1

    def fail(_):
        raise OSError(errno.EIO, "Input/output error")

    run(story())


def test_reading_while_a_feed_is_deleted_ends_in_messages_or_in_not_found(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            for _ in range(20):
                key = await new_subfeed(feeds)
                await append_one(feeds, key, 0)
                reading = [asyncio.ensure_future(feeds.read(key, 0, MANY)) for _ in range(50)]
                await asyncio.sleep(0)
                await feeds.delete(key.feed)
                for one in await asyncio.gather(*reading, return_exceptions=True):
                    if not isinstance(one, FeedNotFoundError):
                        assert check_run(key, *one)

    run(story())


def test_a_feed_asked_for_twice_is_made_once_with_one_key(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            asked = [feeds.create("mine", creation_id="0c" * 16) for _ in range(5)]
            made = await asyncio.gather(*asked)
        async with open_feeds(tmp_path) as feeds:
            made.append(await feeds.create("mine", creation_id="0c" * 16))
            assert len({record.feed for record in made}) == 1
            assert len(feeds.all()) == 1
            with pytest.raises(FeedExistsError):
                await feeds.create("mine", creation_id="0d" * 16)
        assert len(list((tmp_path / "storage" / ".state" / "keys").iterdir())) == 1

    run(story())


def test_more_than_one_append_holds_is_refused(tmp_path):
    async def story():
        async with open_feeds(tmp_path) as feeds:
            key = await new_subfeed(feeds)
            with pytest.raises(InvalidInputError, match="One append takes"):
                await feeds.append(key, append_id(0), [b"1" * LARGEST_PAYLOAD] * 32)
            assert await feeds.append(key, append_id(1), [b"1" * LARGEST_PAYLOAD] * 31) == (0, 31)

    run(story())
