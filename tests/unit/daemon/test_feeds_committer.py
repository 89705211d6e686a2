"""One thread that makes appends durable: in order, together, and never in silence."""

import errno
import os
import threading
import time

import pytest

from kachery_core.errors import KacheryError, StorageFailedError
from kachery_core.messages import Head, check_run, outline_batches
from kachery_daemon.feeds.committer import Committer
from kachery_daemon.feeds.heads import Heads
from kachery_daemon.feeds.log import SubfeedLog
from tests.support.feed_samples import Chain, SeededKey, append_id
from tests.support.feed_verifier import verify_log

PATIENCE = 30


class Bench:
    """A committer, one log, and what it told."""

    def __init__(self, folder, name="main"):
        self.chain = Chain(name=name)
        self.key = self.chain.key
        self.heads = [Heads(folder / "here.sqlite"), Heads(folder / "elsewhere.sqlite")]
        self.log = SubfeedLog(folder / f"{name}.log", self.key, Head())
        self.woken = []
        self.committer = Committer(self.heads, self.woken.append)

    def append(self, number, payloads=None, log=None, signer=None):
        payloads = payloads or [b"%d" % number]
        signer = signer or self.chain.signer
        return self.committer.append(log or self.log, signer, append_id(number), payloads)

    def messages(self):
        return verify_log(self.log.path, self.key.feed, self.key.subfeed)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.committer.close()
    bench.log.close()
    for heads in bench.heads:
        heads.close()


class Gate:
    """Holds the disk until the test lets it go."""

    def __init__(self, monkeypatch):
        self.is_held, self.go = threading.Event(), threading.Event()
        self.syncs = 0
        self._real = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self._sync)

    def _sync(self, descriptor):
        self.syncs += 1
        self.is_held.set()
        assert self.go.wait(PATIENCE)
        self._real(descriptor)


def test_messages_are_where_the_answers_say(bench):
    answers = [bench.append(n, [b"%d" % n] * (n % 3 + 1)) for n in range(50)]
    expected = 0
    for number, answer in enumerate(answers):
        assert answer.result(PATIENCE) == (expected, number % 3 + 1)
        expected += number % 3 + 1
    assert bench.messages() == [n for n in range(50) for _ in range(n % 3 + 1)]


def test_what_waits_for_the_disk_goes_together_with_one_signature_and_one_sync(bench, monkeypatch):
    gate = Gate(monkeypatch)
    first = bench.append(0)
    assert gate.is_held.wait(PATIENCE)
    others = [bench.append(number) for number in range(1, 100)]
    gate.go.set()
    assert [one.result(PATIENCE)[0] for one in (first, *others)] == list(range(100))
    outlines = list(outline_batches(bench.log.read(0, 1 << 20)[1]))
    assert [one.is_signed for one in outlines] == [True, *[False] * 98, True]
    assert gate.syncs == 2


def test_nobody_hears_of_a_message_before_it_is_durable(bench, monkeypatch):
    gate = Gate(monkeypatch)
    answer = bench.append(0)
    assert gate.is_held.wait(PATIENCE)
    assert not answer.done()
    assert bench.woken == []
    assert bench.log.read(0, 1000)[1] == b""
    gate.go.set()
    answer.result(PATIENCE)
    assert len(bench.messages()) == 1


def test_the_same_append_in_one_group_and_later_is_made_once(bench, monkeypatch):
    gate = Gate(monkeypatch)
    bench.append(0)
    assert gate.is_held.wait(PATIENCE)
    twice = [bench.append(1, [b"1", b"2"]), bench.append(1, [b"1", b"2"])]
    gate.go.set()
    assert [one.result(PATIENCE) for one in twice] == [(1, 2), (1, 2)]
    assert bench.append(1, [b"1", b"2"]).result(PATIENCE) == (1, 2)
    assert bench.messages() == [0, 1, 2]


def test_a_failed_sync_fails_the_append_and_the_feed_until_it_is_opened_again(bench, monkeypatch):
    bench.append(0).result(PATIENCE)
    real = os.fdatasync
    with monkeypatch.context() as patch:
        failing = iter([OSError(errno.EIO, "Input/output error")])

        def fail_once(descriptor):
            for problem in failing:
                raise problem
            real(descriptor)

        patch.setattr(os, "fdatasync", fail_once)
        with pytest.raises(StorageFailedError):
            bench.append(1).result(PATIENCE)
        with pytest.raises(StorageFailedError):
            bench.append(2).result(PATIENCE)
    assert bench.woken == [bench.key]
    again = SubfeedLog(bench.log.path, bench.key, bench.log.head)
    # The client asks again under the same id, as it does when the answer is lost.
    first = bench.append(1, log=again).result(PATIENCE)[0]
    assert bench.append(3, log=again).result(PATIENCE)[0] == first + 1
    assert bench.messages() == [0, 1, 3]
    again.close()


def test_a_failing_log_does_not_hold_up_another(bench, tmp_path):
    other = Chain(name="other")
    log = SubfeedLog(tmp_path / "other.log", other.key, Head())
    bench.log.failed = True
    with pytest.raises(StorageFailedError):
        bench.append(0).result(PATIENCE)
    assert bench.append(1, log=log).result(PATIENCE) == (0, 1)
    log.close()


@pytest.mark.parametrize("problem", [KacheryError("full"), OSError(errno.ENOSPC, "full")])
def test_heads_that_cannot_be_noted_do_not_end_the_appends(bench, monkeypatch, problem):
    """Where the disk is full: the logs have room of their own, the database has not."""
    note = bench.heads[1].note
    is_full = threading.Event()
    noted = threading.Event()

    def note_or_fail(heads):
        if not is_full.is_set():
            is_full.set()
            raise problem
        note(heads)
        noted.set()

    monkeypatch.setattr(bench.heads[1], "note", note_or_fail)
    bench.append(0).result(PATIENCE)
    assert is_full.wait(PATIENCE)
    assert bench.append(1).result(PATIENCE) == (1, 1)
    assert noted.wait(PATIENCE)
    assert bench.heads[1].find(bench.key).length == 2


def test_an_accident_in_one_append_does_not_end_the_others(bench):
    class Broken(SeededKey):
        def sign(self, data):  # noqa: ARG002 - as a signer has it
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        bench.append(0, signer=Broken()).result(PATIENCE)
    assert bench.append(1).result(PATIENCE) == (0, 1)
    assert bench.messages() == [1]


def test_closing_finishes_what_waits_and_notes_how_far_it_went(bench):
    answers = [bench.append(number) for number in range(1000)]
    bench.committer.close()
    assert [one.result(0)[0] for one in answers] == list(range(1000))
    for heads in bench.heads:
        assert heads.find(bench.key) == bench.log.head
    bench.committer = Committer(bench.heads, bench.woken.append)


def test_each_commit_wakes_readers_once_it_can_be_read(bench):
    seen = []
    bench.committer._on_commit = lambda key: seen.append((key, bench.log.head.length))
    for number in range(5):
        bench.append(number).result(PATIENCE)
    bench.committer.close()
    assert seen == [(bench.key, number) for number in range(1, 6)]
    assert check_run(bench.key, Head(), bench.log.read(0, 1000)[1])
    bench.committer = Committer(bench.heads, bench.woken.append)


def test_who_gives_up_before_the_disk_was_asked_appends_nothing_and_breaks_nothing(
    bench, monkeypatch
):
    gate = Gate(monkeypatch)
    first = bench.append(0)
    assert gate.is_held.wait(PATIENCE)
    given_up, kept = bench.append(1), bench.append(2)
    assert given_up.cancel()
    assert not first.cancel()
    gate.go.set()
    assert kept.result(PATIENCE) == (1, 1)
    assert bench.append(3).result(PATIENCE) == (2, 1)
    assert bench.messages() == [0, 2, 3]


def test_notes_that_fail_again_and_again_are_told_once_a_minute(bench, monkeypatch, caplog):
    tries = []

    def fail(_):
        tries.append(1)
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(bench.heads[0], "note", fail)
    bench.append(0).result(PATIENCE)
    end = time.monotonic() + PATIENCE
    while len(tries) < 5 and time.monotonic() < end:
        time.sleep(0.05)
    assert len(tries) >= 5
    assert len(caplog.records) == 1
