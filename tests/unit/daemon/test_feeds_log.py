"""The log of one subfeed: what a crash leaves, what damage is, and what a reader gets."""

import errno
import os
import random

import pytest

from kachery_core.errors import (
    BadSignatureError,
    BrokenChainError,
    StorageFailedError,
    UntrustworthyError,
)
from kachery_core.messages import Head, check_run, encode_batch
from kachery_daemon.feeds.log import SubfeedLog
from tests.support.feed_samples import Chain, random_chain
from tests.support.feed_verifier import verify_log

BLOCK = 64 << 10


def new_log(path, key, seen=None):
    return SubfeedLog(path, key, seen or Head())


def write_group(log, batches):
    data = b"".join(map(encode_batch, batches))
    log.write(data)
    log.sync()
    log.advance(batches, len(data))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.log"


@pytest.fixture
def made():
    """Three groups: of one, two and one append."""
    made = Chain()
    made.append([b'{"n":0}'])
    made.append([b'{"n":1}', b'{"n":2}'], is_signed=False)
    made.append([b'{"n":3}'])
    made.append([b'{"n":4}', b'"the last"'])
    return made


def written(path, made):
    """A log of these batches; the offset of its last group."""
    log = new_log(path, made.key)
    for group in groups(made):
        last = log._end
        write_group(log, group)
    log.close()
    return last


def groups(made):
    group = []
    for batch in made.batches:
        group.append(batch)
        if batch.signature:
            yield group
            group = []


def messages(path, made):
    return verify_log(path, made.key.feed, made.key.subfeed)


def test_a_log_is_found_as_it_was_left(path, made):
    written(path, made)
    log = new_log(path, made.key, made.head)
    assert log.head == made.head
    assert log.read(0, 1 << 20) == (Head(), made.run)
    log.close()
    assert messages(path, made) == [*({"n": n} for n in range(5)), "the last"]


def test_only_its_owner_may_read_a_log(path, made):
    written(path, made)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_torn_anywhere_in_its_last_group_goes_on_without_it(path, made):
    """Cut at every byte, as when the rest never reached the disk: zeros, or old bytes."""
    last = written(path, made)
    whole = path.read_bytes()
    end = len(made.run)
    before = made.batches[2].head
    for cut in range(last, end):
        for rest in (bytes(len(whole) - cut), b"\xff" * (end - cut) + bytes(len(whole) - end)):
            if whole[:cut] + rest == whole:
                continue
            path.write_bytes(whole[:cut] + rest)
            log = new_log(path, made.key, before)
            assert log.head == before, cut
            again = Chain(made.signer, head=before)
            write_group(log, [again.append([b'"after the crash"'])])
            log.close()
            assert messages(path, made)[-2:] == [{"n": 3}, "after the crash"]


def test_a_group_of_which_only_the_end_reached_the_disk_goes(path, made):
    """Pages are written in any order: the beginning of what was in hand may be what is missing."""
    last = written(path, made)
    whole = path.read_bytes()
    for length in range(1, len(made.run) - last):
        torn = whole[:last] + bytes(length) + whole[last + length :]
        if torn == whole:
            continue
        path.write_bytes(torn)
        log = new_log(path, made.key, made.batches[2].head)
        assert log.head == made.batches[2].head
        write_group(log, [Chain(made.signer, head=log.head).append([b"1"])])
        log.close()
        assert messages(path, made)[-2:] == [{"n": 3}, 1]


def test_what_was_torn_is_kept_until_the_next_append_and_cannot_come_back_later(path, made):
    """Whoever finds that this is an older copy finds it untouched."""
    last = written(path, made)
    whole = path.read_bytes()
    torn = whole[: last + 4] + bytes(1) + whole[last + 5 :]
    path.write_bytes(torn)
    log = new_log(path, made.key, made.batches[2].head)
    assert path.read_bytes() == torn
    again = Chain(made.signer, head=log.head)
    group = [again.append([b"1"])]
    write_group(log, group)
    log.close()
    data = encode_batch(group[0])
    assert path.read_bytes()[last:] == data + bytes(len(whole) - last - len(data))


def test_every_changed_bit_of_something_acknowledged_is_damage_and_nothing_is_cleared(path, made):
    """Append ids and covered signatures are the exceptions: no message is in them."""
    written(path, made)
    whole = path.read_bytes()
    refused = 0
    for place in range(len(made.run)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.Random(place).randrange(8)
        path.write_bytes(damaged)
        try:
            log = new_log(path, made.key, made.head)
        except UntrustworthyError:
            refused += 1
            assert path.read_bytes() == damaged
        else:
            assert log.head == made.head
            log.close()
            kept = [batch.payloads for batch in check_run(made.key, Head(), path.read_bytes())]
            assert kept == [batch.payloads for batch in made.batches]
    assert refused > len(made.run) / 2


@pytest.mark.parametrize("size", [0, 4, 100, -1])
def test_a_log_that_ends_before_what_was_acknowledged_is_refused(path, made, size):
    last = written(path, made)
    path.write_bytes(path.read_bytes()[: size if size >= 0 else last])
    with pytest.raises(BrokenChainError):
        new_log(path, made.key, made.head)


def test_a_log_that_is_gone_is_refused_if_something_was_acknowledged(path, made):
    with pytest.raises(BrokenChainError, match="6 were acknowledged"):
        new_log(path, made.key, made.head)


def test_a_log_of_another_subfeed_in_its_place_is_refused(path, made):
    written(path, made)
    other = Chain(name="other")
    with pytest.raises(UntrustworthyError):
        new_log(path, other.key, Head(6, b"\1" * 32))


def test_a_last_signature_of_somebody_else_is_refused_once_it_was_acknowledged(path, made):
    written(path, made)
    whole = bytearray(path.read_bytes())
    whole[len(made.run) - 1] ^= 1
    path.write_bytes(whole)
    with pytest.raises(BadSignatureError):
        new_log(path, made.key, made.head)
    assert path.read_bytes() == whole


def test_a_log_grows_by_blocks_of_zeros(path):
    made = Chain()
    log = new_log(path, made.key)
    sizes = set()
    for _ in range(40):
        write_group(log, [made.append([b'"' + b"x" * 50_000 + b'"'])])
        sizes.add(path.stat().st_size)
        assert not any(path.read_bytes()[len(made.run) :])
    log.close()
    assert len(sizes) < 8
    assert all(size % BLOCK == 0 for size in sizes)
    assert len(messages(path, made)) == 40


@pytest.mark.parametrize("size", [BLOCK - 146, BLOCK - 145, BLOCK - 144, BLOCK - 142, BLOCK])
def test_a_group_that_just_fills_its_block_is_found_again(path, size):
    made = Chain()
    log = new_log(path, made.key)
    write_group(log, [made.append([b"1" * size])])
    write_group(log, [made.append([b"2"])])
    log.close()
    log = new_log(path, made.key, made.head)
    assert log.read(0, 1 << 20)[1] == made.run
    log.close()


def test_every_position_and_size_gives_a_signed_run_that_holds_it(path):
    rnd = random.Random(20261120)
    made = random_chain(rnd, 60)
    written(path, made)
    log = new_log(path, made.key, made.head)
    for position in range(made.head.length):
        for max_bytes in (1, 200, 1000, 1 << 20):
            before, run = log.read(position, max_bytes)
            batches = check_run(made.key, before, run)
            assert before.length <= position < batches[-1].head.length
            assert position < batches[0].head.length
    assert log.read(made.head.length, 1) == (made.head, b"")
    assert log.read(made.head.length + 5, 1) == (made.head, b"")
    log.close()


def test_a_log_of_many_blocks_is_read_from_everywhere(path):
    """Reading begins at marks in the log; a run may be longer than the distance of marks."""
    rnd = random.Random(20261121)
    made = Chain()
    log = new_log(path, made.key)
    while len(made.run) < 1_500_000:
        group = [
            made.append([b"1" * rnd.choice((1, 100, 30_000, 200_000))], is_signed=number == 2)
            for number in range(3)
        ]
        write_group(log, group)
    for opened in (log, new_log(path, made.key, made.head)):
        for position in range(made.head.length):
            before, run = opened.read(position, 1000)
            batches = check_run(made.key, before, run)
            assert before.length <= position < batches[-1].head.length
        opened.close()


def test_a_log_contains_the_heads_it_went_through(path, made):
    written(path, made)
    log = new_log(path, made.key, made.head)
    for batch in made.batches:
        assert log.contains(batch.head) == bool(batch.signature) or batch.head.length == 3
    assert log.contains(Head())
    assert not log.contains(Head(4, b"\1" * 32))
    log.close()


def test_appends_are_known_after_a_restart(path, made):
    written(path, made)
    log = new_log(path, made.key, made.head)
    assert [log.find_append(n.to_bytes(16, "big")) for n in range(5)] == [
        (0, 1),
        (1, 2),
        (3, 1),
        (4, 2),
        None,
    ]
    log.close()


def test_a_failed_sync_is_not_tried_again_and_the_log_refuses_until_it_is_reopened(
    path, made, monkeypatch
):
    written(path, made)
    log = new_log(path, made.key, made.head)
    next_group = [made.append([b'"not synced"'])]
    failed = []

    def fail_once(descriptor):
        if not failed:
            failed.append(descriptor)
            raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail_once)
        with pytest.raises(StorageFailedError):
            write_group(log, next_group)
        for _ in range(3):
            with pytest.raises(StorageFailedError, match="failed while a message"):
                log.write(b"anything")
    assert log.head == made.batches[3].head
    log.close()


def test_what_a_failed_sync_left_is_written_again_before_it_counts(path, made, monkeypatch):
    """After a failed sync the kernel calls the pages clean, though they never reached the disk."""
    written(path, made)
    seen = made.head
    log = new_log(path, made.key, seen)
    group = [made.append([b'"in doubt"'])]
    start = log._end
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "")))
        with pytest.raises(StorageFailedError):
            write_group(log, group)
    log.close()

    done = []
    pwrite, fdatasync = os.pwrite, os.fdatasync

    def noted_pwrite(descriptor, data, offset):
        done.append((offset, offset + len(data)))
        return pwrite(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", noted_pwrite)
    monkeypatch.setattr(os, "fdatasync", lambda fd: (done.append("sync"), fdatasync(fd)))
    log = new_log(path, made.key, seen)
    if log.head == made.head:
        written_again = [one for one in done if one != "sync"]
        assert any(
            a <= start and start + len(encode_batch(group[0])) <= b for a, b in written_again
        )
        assert done[-1] == "sync"
    log.close()


def test_a_log_found_after_a_crash_is_synced_before_anybody_reads_it(path, made, monkeypatch):
    """A killed node may have written what it never synced; a reader must not see it go again."""
    written(path, made)
    synced = []
    fdatasync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (synced.append(fd), fdatasync(fd)))
    new_log(path, made.key).close()
    assert synced


def test_a_reader_between_two_steps_of_a_commit_gets_a_whole_run_or_nothing(path, made):
    """Step by step instead of by luck: read after each thing that a commit changes."""

    checked = []

    class Watched(SubfeedLog):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name in {"head", "_end"} and hasattr(self, "_append_ids"):
                for position in range(8):
                    before, run = self.read(position, 1 << 20)
                    checked.append(check_run(self.key, before, run))

    log = Watched(path, made.key, Head())
    for group in groups(made):
        write_group(log, group)
    assert len(checked) > 5 * 8
    assert log.read(0, 1 << 20)[1] == made.run
    log.close()
