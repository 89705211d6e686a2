"""Reading through a node that may lie: every message given out is the writer's own."""

import random

import msgspec
import pytest

from kachery_core.errors import (
    BadSignatureError,
    BrokenChainError,
    FeedForkedError,
    UntrustworthyError,
)
from kachery_core.messages import Head, encode_batch
from kachery_jupyter.client import readers
from kachery_jupyter.client.readers import VerifiedReader
from tests.support.feed_samples import Chain, SeededKey, random_chain
from tests.support.scripted_feed import ScriptedNode

REFUSED = (BadSignatureError, BrokenChainError, FeedForkedError)


@pytest.fixture
def node_of(monkeypatch):
    def node_of(chain, **more):
        node = ScriptedNode(chain, **more)
        monkeypatch.setattr(readers, "ask_patiently", node)
        return node

    return node_of


def payloads_of(chain):
    return [payload for batch in chain.batches for payload in batch.payloads]


def test_every_range_is_what_the_writer_wrote(node_of):
    chain = random_chain(random.Random(1), 12)
    node_of(chain)
    whole = payloads_of(chain)
    one_reader = VerifiedReader(chain.key)
    for start in range(len(whole) + 2):
        for end in (None, *range(start, len(whole) + 2)):
            assert one_reader.read(start, end, 0) == whole[start:end]
            assert VerifiedReader(chain.key).read(start, end, 0) == whole[start:end]


def test_what_was_fetched_is_not_asked_for_again(node_of):
    chain = random_chain(random.Random(2), 12)
    node = node_of(chain)
    reader = VerifiedReader(chain.key)
    found = [reader.read(at, at + 1, 0) for at in range(chain.head.length)]
    assert [one for [one] in found] == payloads_of(chain)
    assert len(node.asked) == 1


def test_a_reader_waits_only_for_its_first_message(node_of):
    chain = random_chain(random.Random(3), 3)
    node = node_of(chain)
    reader = VerifiedReader(chain.key)
    reader.read(0, None, 5000)
    assert [one["wait_msec"] for one in node.asked] == [5000]
    reader.read(chain.head.length, None, 5000)
    reader.read(0, chain.head.length + 5, 5000)
    assert [one["wait_msec"] for one in node.asked[2:]] in ([0], [5000, 0])


def test_waits_longer_than_the_node_takes_are_cut(node_of):
    chain = Chain()
    node = node_of(chain)
    assert VerifiedReader(chain.key).read(0, None, 10**9) == []
    assert node.asked[0]["wait_msec"] == 600_000


def replaced(run, place, bit):
    forged = bytearray(run)
    forged[place % len(run)] ^= 1 << bit
    return bytes(forged)


def test_of_2000_lies_of_the_node_no_false_message_comes_through(node_of):
    """Flipped bits, other batches, other heads, cut and repeated runs."""
    rnd = random.Random(20261120)
    print("seed 20261120")
    refused = 0
    for _ in range(2000):
        chain = random_chain(rnd, 4)
        other = random_chain(rnd, 4, SeededKey(2))
        lies = (
            lambda b, r, n: (b, replaced(r, rnd.randrange(10**6), rnd.randrange(8)), n),
            lambda b, r, n: (b, r[: rnd.randrange(len(r))], n),
            lambda b, r, n: (b, r + r, n),
            lambda b, _, n, other=other: (b, other.run, n),
            lambda b, r, n: (Head(b.length, rnd.randbytes(32)), r, n),
            lambda b, r, n, chain=chain: (Head(1, b.entry), chain.run[rnd.randrange(9) :] or r, n),
        )
        node_of(chain, lie=rnd.choice(lies))
        whole = payloads_of(chain)
        try:
            found = VerifiedReader(chain.key).read(0, None, 0)
        except REFUSED:
            refused += 1
        else:
            assert found == whole[: len(found)]
    assert refused > 1000


@pytest.mark.parametrize("length", [1, 5])
def test_a_head_that_lies_behind_the_question_is_refused(node_of, length):
    chain = random_chain(random.Random(4), 4)
    node_of(chain, lie=lambda _, run, n: (Head(length, bytes(32)), run, n))
    with pytest.raises(BrokenChainError):
        VerifiedReader(chain.key).read(0, None, 0)


def test_a_node_that_tells_another_history_later_is_found_out(node_of):
    ours = Chain()
    ours.append([b"1"])
    theirs = Chain(head=ours.head, batches=list(ours.batches))
    ours.append([b"2"])
    theirs.append([b"3"])
    theirs.append([b"4"])
    reader = VerifiedReader(ours.key)
    node_of(ours)
    assert reader.read(0, None, 0) == [b"1", b"2"]
    node_of(theirs)
    with pytest.raises(FeedForkedError):
        reader.read(2, None, 0)


def test_of_a_forked_feed_the_prefix_is_given_and_then_it_is_told(node_of):
    chain = Chain()
    for number in range(6):
        chain.append([b"%d" % number, b"%d" % number])
    node_of(chain, fork=7)
    reader = VerifiedReader(chain.key)
    assert reader.length() == 7
    assert reader.read(0, None, 0) == payloads_of(chain)[:7]
    assert reader.read(5, 7, 0) == payloads_of(chain)[5:7]
    for start in (7, 8):
        with pytest.raises(FeedForkedError):
            reader.read(start, None, 0)


def test_signed_messages_carry_their_place_and_entry(node_of):
    chain = Chain()
    chain.append([b"1", b"2"], is_signed=False, time_us=1_600_000_000_123_456)
    chain.append([b"3"])
    node_of(chain)
    signed = VerifiedReader(chain.key).signed(1, 2)
    assert [one["body"]["messageNumber"] for one in signed] == [1, 2]
    assert [one["body"]["message"] for one in signed] == [2, 3]
    assert signed[0]["body"]["timestamp"] == 1_600_000_000_123
    assert signed[-1]["entry"] == chain.head.entry.hex()


def test_runs_are_the_batches_as_they_were_signed(node_of):
    chain = random_chain(random.Random(5), 9)
    node_of(chain)
    reader = VerifiedReader(chain.key)
    assert b"".join(reader.runs(chain.head.length)) == chain.run
    assert list(reader.runs(0)) == []


def test_an_export_of_a_feed_that_grows_meanwhile_is_no_fork(node_of):
    """What came after the length was asked for comes along."""
    chain = Chain()
    for number in range(4):
        chain.append([b"%d" % number])
    node_of(chain)
    assert b"".join(VerifiedReader(chain.key).runs(2)) == chain.run


def test_a_forked_feed_is_not_exported_past_the_fork(node_of):
    chain = Chain()
    chain.append([b"1", b"2", b"3"])
    node_of(chain, fork=1)
    with pytest.raises(FeedForkedError):
        list(VerifiedReader(chain.key).runs(1))


def test_a_node_that_sends_nothing_where_something_must_be_ends_in_an_error(node_of):
    chain = Chain()
    chain.append([b"1"])
    node_of(chain, lie=lambda before, _, length: (before, b"", length))
    reader = VerifiedReader(chain.key)
    assert reader.read(0, None, 0) == []
    for work in (lambda: list(reader.runs(1)), lambda: reader.signed(0, 1)):
        with pytest.raises(UntrustworthyError):
            work()


def test_a_signature_of_the_writer_for_another_subfeed_does_not_help(node_of):
    chain, other = Chain(), Chain(name="other")
    chain.append([b"1"])
    forged = msgspec.structs.replace(other.append([b"2"]), head=chain.head)
    node_of(chain, lie=lambda before, _, length: (before, encode_batch(forged), length))
    with pytest.raises(REFUSED):
        VerifiedReader(chain.key).read(0, None, 0)
