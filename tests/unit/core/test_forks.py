"""Forks: found, proved with as little as possible, and never found where there is none."""

import random

import msgspec
import pytest

from kachery_core.errors import BadSignatureError, BrokenChainError
from kachery_core.forks import check_fork, find_fork
from kachery_core.messages import Head, decode_batches, encode_batch, outline_batches
from tests.support.feed_samples import Chain, SeededKey, random_chain

REFUSED = (BrokenChainError, BadSignatureError)


def copy_of(made):
    return Chain(made.signer, made.name, made.head, list(made.batches))


def two_histories(shared=3):
    """Two chains with so many appends in common, each with two of its own."""
    ours = Chain()
    for number in range(shared):
        ours.append([f'"both {number}"'.encode()])
    theirs = copy_of(ours)
    for number in range(2):
        ours.append([f'"ours {number}"'.encode()])
        theirs.append([f'"theirs {number}"'.encode()])
    return ours, theirs


@pytest.mark.parametrize("shared", [0, 1, 3])
def test_a_fork_is_found_and_its_proof_begins_where_it_splits(shared):
    ours, theirs = two_histories(shared)
    proof = find_fork(ours.key, Head(), ours.run, theirs.run)
    assert proof is not None
    assert proof.index == shared
    check_fork(proof)


def test_a_proof_has_nothing_that_both_share():
    ours, theirs = two_histories(50)
    proof = find_fork(ours.key, Head(), ours.run, theirs.run)
    assert proof.before == ours.batches[49].head
    assert len(proof.ours) < len(ours.run) / 10
    assert [batch for batch, _ in decode_batches(proof.ours)] == ours.batches[50:]


def test_both_sides_see_the_same_fork():
    ours, theirs = two_histories()
    one, other = (
        find_fork(ours.key, Head(), ours.run, theirs.run),
        find_fork(ours.key, Head(), theirs.run, ours.run),
    )
    assert (one.index, one.ours, one.theirs) == (other.index, other.theirs, other.ours)


def test_a_fork_inside_a_batch_is_found():
    ours, theirs = Chain(), Chain()
    ours.append([b"0", b"1", b"2"])
    theirs.append([b"0", b"1", b"3"])
    proof = find_fork(ours.key, Head(), ours.run, theirs.run)
    check_fork(proof)
    # Both signed one batch; what its first messages share is not disputed.
    assert proof.index == 2


def test_histories_that_were_cut_and_signed_otherwise_on_the_way_part_where_they_part():
    ours, theirs = Chain(), Chain()
    ours.append([b"0", b"1", b"2", b"3"], time_us=5)
    theirs.append([b"0"], time_us=5)
    theirs.append([b"1", b"2", b"4"], time_us=5)
    proof = find_fork(ours.key, Head(), ours.run, theirs.run)
    check_fork(proof)
    assert proof.index == 3


def test_a_message_of_another_time_is_another_history():
    ours, theirs = Chain(), Chain()
    ours.append([b"0"], time_us=1)
    theirs.append([b"0"], time_us=2)
    assert find_fork(ours.key, Head(), ours.run, theirs.run) is not None


def test_a_feed_and_a_shorter_copy_of_it_are_no_fork():
    rnd = random.Random(20261120)
    for _ in range(300):
        made = random_chain(rnd, rnd.randint(1, 6))
        ends = [one.end for one in outline_batches(made.run) if one.is_signed]
        shorter = made.run[: rnd.choice(ends)]
        assert find_fork(made.key, Head(), made.run, shorter) is None
        assert find_fork(made.key, Head(), shorter, made.run) is None
        assert find_fork(made.key, Head(), made.run, b"") is None


def test_the_same_messages_signed_in_other_groups_are_no_fork():
    ours, theirs = Chain(), Chain()
    ours.append([b"0", b"1"], time_us=5)
    theirs.append([b"0"], time_us=5)
    theirs.append([b"1"], time_us=5)
    assert find_fork(ours.key, Head(), ours.run, theirs.run) is None


def test_each_of_1000_forks_is_found_at_its_place():
    rnd = random.Random(20261121)
    for _ in range(1000):
        made = random_chain(rnd, 5)
        ends = [(0, Head())] + [(n, b.head) for n, b in enumerate(made.batches, 1) if b.signature]
        place, head = rnd.choice(ends[:-1])
        theirs = Chain(made.signer, made.name, head, made.batches[:place])
        for _ in range(rnd.randint(1, 3)):
            theirs.append([b'"theirs"'], time_us=rnd.randrange(10**15))
        proof = find_fork(made.key, Head(), made.run, theirs.run)
        assert proof is not None
        assert proof.index <= head.length
        check_fork(proof)


def test_what_the_writer_did_not_sign_is_no_history_and_proves_nothing():
    ours, _ = two_histories()
    stranger = Chain(SeededKey(2))
    stranger.append([b"0"])
    unsigned = Chain()
    unsigned.append([b"other"], is_signed=False)
    for false in (stranger.run, unsigned.run):
        with pytest.raises(REFUSED):
            find_fork(ours.key, Head(), ours.run, false)


def forgeries():
    ours, theirs = two_histories()
    proof = find_fork(ours.key, Head(), ours.run, theirs.run)
    replace = msgspec.structs.replace
    last = next(batch for batch, _ in decode_batches(proof.theirs))
    yield "one history twice", replace(proof, theirs=proof.ours)
    yield "one continues the other", replace(proof, theirs=encode_batch(ours.batches[3]))
    yield "nothing on one side", replace(proof, theirs=b"")
    yield "another head before", replace(proof, before=Head(3, b"\1" * 32))
    yield "another index", replace(proof, before=replace(proof.before, length=2))
    yield "another subfeed", replace(proof, key=replace(proof.key, subfeed="00" * 20))
    yield "another feed", replace(proof, key=replace(proof.key, feed=SeededKey(2).public_key))
    yield "another message", replace(proof, theirs=encode_batch(replace(last, payloads=[b"0"])))
    yield "not signed", replace(proof, theirs=encode_batch(replace(last, signature=b"")))
    yield "cut off", replace(proof, theirs=proof.theirs[:-1])


@pytest.mark.parametrize("what", [what for what, _ in forgeries()])
def test_a_forged_proof_is_refused(what):
    with pytest.raises(REFUSED):
        check_fork(dict(forgeries())[what])


def test_a_proof_travels_as_json():
    ours, theirs = two_histories()
    proof = find_fork(ours.key, Head(), ours.run, theirs.run)
    again = msgspec.json.decode(msgspec.json.encode(proof), type=type(proof))
    assert again == proof
    check_fork(again)
