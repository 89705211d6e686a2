"""Signed messages: what was written comes back, and nothing else is accepted."""

import contextlib
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import BadSignatureError, BrokenChainError, InvalidInputError
from kachery_core.messages import (
    LARGEST_PAYLOAD,
    NOTHING,
    Head,
    SubfeedKey,
    chain,
    check_batch,
    check_head,
    check_run,
    decode_batches,
    encode_batch,
    head_bytes,
    make_batch,
    outline_batches,
    signed_end,
)
from tests.support.feed_samples import Chain, SeededKey, signed

REFUSED = (BrokenChainError, BadSignatureError)
payloads = st.lists(st.binary(max_size=200), min_size=1, max_size=6)
times = st.integers(-(2**63), 2**63 - 1)
HEADER = struct.Struct(">IBBQIq16s")


def three_appends():
    """Batches of 2, 1 and 3 messages; the second waits for the signature of the third."""
    made = Chain()
    made.append([b'{"n":0}', b'{"n":1}'])
    made.append([b'"two"'], is_signed=False)
    made.append([b"3", b"4", b"5"])
    return made


@given(st.lists(st.tuples(payloads, times, st.binary(min_size=16, max_size=16)), max_size=5))
def test_every_run_of_batches_comes_back_as_it_was(appends):
    made = Chain()
    for one, time_us, append_id in appends:
        made.append(one, time_us=time_us, append_id=append_id)
    run = made.run
    assert check_run(made.key, Head(), run) == made.batches
    assert [end for _, end in decode_batches(run)] == [one.end for one in outline_batches(run)]
    assert [one.head for one in outline_batches(run)] == [one.head for one in made.batches]


@given(payloads, st.integers(1, 5))
def test_a_chain_does_not_depend_on_how_it_was_cut(messages, cut):
    key = Chain().key
    whole = chain(key, Head(), 7, messages)
    part = chain(key, Head(), 7, messages[:cut])
    assert chain(key, part, 7, messages[cut:]) == whole
    assert whole.length == len(messages)


def test_each_fact_is_in_the_entry():
    """Change one at a time: index, entry before, time, payload, subfeed and feed."""
    key = Chain().key
    before = Head(3, b"\1" * 32)
    entry = chain(key, before, 7, [b"x"]).entry
    others = [
        chain(key, Head(4, b"\1" * 32), 7, [b"x"]),
        chain(key, Head(3, b"\2" * 32), 7, [b"x"]),
        chain(key, before, 8, [b"x"]),
        chain(key, before, 7, [b"y"]),
        chain(SubfeedKey(key.feed, "00" * 20), before, 7, [b"x"]),
        chain(SubfeedKey("00" * 32, key.subfeed), before, 7, [b"x"]),
    ]
    assert len({entry, *(other.entry for other in others)}) == 7


def test_each_fact_is_in_what_is_signed():
    key = Chain().key
    head = Head(3, b"\1" * 32)
    others = [
        head_bytes(key, Head(4, head.entry)),
        head_bytes(key, Head(3, NOTHING)),
        head_bytes(SubfeedKey(key.feed, "00" * 20), head),
        head_bytes(SubfeedKey("00" * 32, key.subfeed), head),
    ]
    assert len({head_bytes(key, head), *others}) == 5


FORGERIES = {
    "first": 5,
    "time_us": 0,
    "payloads": [b"3", b"4", b"6"],
    "head": Head(6, b"\1" * 32),
    "signature": bytes(63) + b"\1",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_batch_with_a_forged_field_is_refused(name):
    made = three_appends()
    last = msgspec.structs.replace(made.batches[-1], **{name: FORGERIES[name]})
    run = b"".join(map(encode_batch, [*made.batches[:-1], last]))
    with pytest.raises(REFUSED):
        check_run(made.key, Head(), run)


@pytest.mark.parametrize("forged", [[b"3", b"4"], [b"3", b"4", b"5", b"6"], [b"4", b"3", b"5"],
                                    [b"34", b"", b"5"], [b"3", b"45", b""]])  # fmt: skip
def test_messages_left_out_added_swapped_or_cut_otherwise_are_refused(forged):
    made = three_appends()
    last = made.batches[-1]
    head = msgspec.structs.replace(last.head, length=last.first + len(forged))
    for changes in ({"payloads": forged}, {"payloads": forged, "head": head}):
        run = [*made.batches[:-1], msgspec.structs.replace(last, **changes)]
        with pytest.raises(REFUSED):
            check_run(made.key, Head(), b"".join(map(encode_batch, run)))


def test_a_forger_who_makes_the_chain_anew_lacks_the_key():
    made = three_appends()
    batch = make_batch(made.key, Head(), 7, bytes(16), [b"forged"])
    with pytest.raises(BadSignatureError):
        check_run(made.key, Head(), encode_batch(signed(SeededKey(2), made.key, batch)))


def test_nothing_can_be_moved_to_another_feed_or_subfeed():
    made = three_appends()
    for key in (
        Chain(SeededKey(2)).key,
        Chain(name="other").key,
        SubfeedKey(made.key.feed, "00" * 20),
    ):
        with pytest.raises(REFUSED):
            check_run(key, Head(), made.run)


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2), (1, 2), (0, 0, 1, 2), (0, 1, 2, 2), (2, 1)])
def test_batches_out_of_order_missing_or_twice_are_refused(order):
    made = three_appends()
    run = b"".join(encode_batch(made.batches[place]) for place in order)
    with pytest.raises(REFUSED):
        check_run(made.key, Head(), run)


def test_a_run_that_begins_elsewhere_needs_the_true_head_before_it():
    made = three_appends()
    run = b"".join(map(encode_batch, made.batches[1:]))
    assert check_run(made.key, made.batches[0].head, run) == made.batches[1:]
    for false in (Head(2, b"\1" * 32), Head(3, made.batches[0].head.entry), Head()):
        with pytest.raises(REFUSED):
            check_run(made.key, false, run)


def test_the_end_of_a_run_must_be_signed():
    made = three_appends()
    run = b"".join(map(encode_batch, made.batches[:2]))
    with pytest.raises(BrokenChainError, match="Nobody signed message 2"):
        check_run(made.key, Head(), run)


def test_a_signature_of_another_head_does_not_hold():
    made = three_appends()
    with pytest.raises(BadSignatureError):
        check_head(made.key, made.batches[0].head, made.batches[2].signature)
    check_head(made.key, made.batches[2].head, made.batches[2].signature)


def test_a_run_cut_at_any_byte_gives_what_was_signed_before_the_cut_or_nothing():
    """One to three bytes of the next batch are no batch, and no message either."""
    made = three_appends()
    run = made.run
    first_end = len(encode_batch(made.batches[0]))
    for cut in range(len(run)):
        try:
            found = check_run(made.key, Head(), run[:cut])
        except REFUSED:
            assert cut > 3
        else:
            assert found == [one for one in made.batches[:1] if cut >= first_end]
            assert cut in {*range(4), *range(first_end, first_end + 4)}


def test_a_partial_outline_ends_quietly_before_the_batch_that_is_cut():
    made = three_appends()
    run = made.run
    ends = [one.end for one in outline_batches(run)]
    for cut in range(len(run) + 1):
        whole = [one.end for one in outline_batches(run[:cut], partial=True)]
        assert whole == [end for end in ends if end <= cut]


def test_room_that_is_not_written_yet_ends_a_run():
    made = three_appends()
    assert check_run(made.key, Head(), made.run + bytes(5000)) == made.batches


def test_every_changed_bit_is_noticed_or_changes_no_message():
    """Append ids, and signatures that a later one covers, change no message."""
    made = three_appends()
    run = made.run
    messages = [one.payloads for one in made.batches]
    for place in range(len(run)):
        for bit in range(8):
            forged = bytearray(run)
            forged[place] ^= 1 << bit
            try:
                found = check_run(made.key, Head(), bytes(forged))
            except REFUSED:
                continue
            assert [one.payloads for one in found] == messages[: len(found)]
            assert [one.time_us for one in found] == [m.time_us for m in made.batches[: len(found)]]


@pytest.mark.parametrize("size", [1, 44, 139, (64 << 20) + 1, 2**32 - 1])
def test_a_size_that_lies_is_refused(size):
    run = bytearray(three_appends().run)
    run[:4] = size.to_bytes(4, "big")
    with pytest.raises(BrokenChainError):
        list(decode_batches(bytes(run)))


@pytest.mark.parametrize("count", [0, 1, 3, 1000, 2**32 - 1])
def test_a_count_that_lies_is_refused(count):
    run = bytearray(three_appends().run)
    run[14:18] = count.to_bytes(4, "big")
    with pytest.raises(REFUSED):
        check_run(Chain().key, Head(), bytes(run))


@pytest.mark.parametrize("sizes", [(0, 0), (7, 8), (2**32 - 1, 15), (14, 2**32 - 1)])
def test_payload_sizes_that_lie_are_refused(sizes):
    run = bytearray(three_appends().run)
    run[HEADER.size : HEADER.size + 8] = struct.pack(">II", *sizes)
    with pytest.raises(REFUSED):
        check_run(Chain().key, Head(), bytes(run))


@pytest.mark.parametrize("version", [0, 2, 255])
def test_a_batch_of_another_version_is_refused(version):
    run = bytearray(three_appends().run)
    run[4] = version
    with pytest.raises(BrokenChainError, match="newer version"):
        list(decode_batches(bytes(run)))


def test_a_batch_that_says_it_is_not_signed_is_not():
    made = Chain()
    made.append([b"1"])
    run = bytearray(made.run)
    run[5] = 0
    with pytest.raises(BrokenChainError, match="Nobody signed"):
        check_run(made.key, Head(), bytes(run))


@given(st.binary(max_size=400))
def test_no_bytes_are_an_accident(data):
    with contextlib.suppress(REFUSED):
        assert check_run(Chain().key, Head(), data) == []


def test_an_append_has_messages_and_none_too_large():
    key = Chain().key
    with pytest.raises(InvalidInputError, match="no message"):
        make_batch(key, Head(), 0, bytes(16), [])
    with pytest.raises(InvalidInputError, match=r"1,048,577"):
        make_batch(key, Head(), 0, bytes(16), [b"", bytes(LARGEST_PAYLOAD + 1)])
    assert make_batch(key, Head(), 0, bytes(16), [bytes(LARGEST_PAYLOAD)]).head.length == 1


def test_check_batch_looks_at_the_chain_and_not_at_the_signature():
    made = Chain()
    batch = made.append([b"1"], is_signed=False)
    assert check_batch(made.key, Head(), batch) == made.head
    with pytest.raises(BrokenChainError, match="message 1 was expected"):
        check_batch(made.key, made.head, batch)


def test_a_run_ends_at_the_first_signed_batch_that_has_the_wanted_bytes():
    made = Chain()
    for number in range(6):
        made.append([b"%d" % number * 100], is_signed=number in (1, 2, 5))
    ends = [outline.end for outline in outline_batches(made.run)]
    starts = [0, *ends]
    assert signed_end(made.run, 0, 1) == ends[1]
    assert signed_end(made.run, 0, ends[1]) == ends[1]
    assert signed_end(made.run, 0, ends[1] + 1) == ends[2]
    assert signed_end(made.run, 0, ends[2] + 1) == ends[5]
    assert signed_end(made.run, 0, 1 << 40) == ends[5]
    assert signed_end(made.run, starts[3], 1) == ends[5]
    assert signed_end(made.run, starts[2], 1) == ends[2]
    # What is cut off, or not yet written, does not count.
    for cut in (ends[5] - 1, ends[4], ends[3] + 5):
        assert signed_end(made.run[:cut], 0, 1 << 40) == ends[2]
        assert signed_end(made.run[:cut], starts[3], 1) is None
    assert signed_end(made.run + bytes(1000), 0, 1 << 40) == ends[5]
    assert signed_end(b"", 0, 1) is None
