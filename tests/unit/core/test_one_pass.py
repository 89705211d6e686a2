"""Reading a run in one pass: what `check_run` takes, and never what it refuses."""

import random

import pytest

from kachery_core.errors import BadSignatureError, BrokenChainError, UntrustworthyError
from kachery_core.messages import Head, check_run, encode_batch
from kachery_core.one_pass import read_run
from tests.support.feed_samples import Chain, SeededKey, random_chain


def slowly(key, before, data):
    batches = check_run(key, before, data)
    return [payload for batch in batches for payload in batch.payloads], batches[-1].head


@pytest.mark.parametrize("number", range(20))
def test_it_gives_what_checking_batch_by_batch_gives(number):
    chain = random_chain(random.Random(number), 30)
    run = read_run(chain.key, Head(), chain.run)
    assert (run.payloads, run.head) == slowly(chain.key, Head(), chain.run)


def test_a_run_may_begin_anywhere():
    chain = Chain()
    for number in range(10):
        chain.append([b"%d" % number] * (number % 3 + 1))
    for place in range(1, 10):
        rest = b"".join(map(encode_batch, chain.batches[place:]))
        before = chain.batches[place - 1].head
        assert read_run(chain.key, before, rest).head == chain.head


def test_nothing_is_nothing():
    chain = Chain()
    assert read_run(chain.key, Head(), b"").payloads == []
    assert read_run(chain.key, Head(), b"").head == Head()


def test_the_entry_of_any_message_on_the_way_can_be_had():
    chain = Chain()
    for number in range(4):
        chain.append([b"%d" % number, b"x"])
    entries = {batch.head.length: batch.head.entry for batch in chain.batches}
    for place, entry in entries.items():
        assert read_run(chain.key, Head(), chain.run, place).crossed == entry
    assert read_run(chain.key, Head(), chain.run, 3).crossed is not None
    assert read_run(chain.key, Head(), chain.run, 9).crossed is None
    rest = b"".join(map(encode_batch, chain.batches[2:]))
    before = chain.batches[1].head
    assert read_run(chain.key, before, rest, before.length).crossed == before.entry
    assert read_run(chain.key, before, rest, 1).crossed is None


def test_no_change_of_any_bit_gets_other_messages_through():
    """Append ids and signatures on the way are not signed: what they say may change, no more."""
    chain = Chain()
    chain.append([b'{"n":0}'])
    chain.append([b'{"n":1}', b'{"n":2}'], is_signed=False)
    chain.append([b'{"n":3}'])
    good, last = slowly(chain.key, Head(), chain.run)
    for place in range(8 * len(chain.run)):
        forged = bytearray(chain.run)
        forged[place // 8] ^= 1 << place % 8
        try:
            run = read_run(chain.key, Head(), bytes(forged))
        except UntrustworthyError:
            continue
        assert (run.payloads, run.head) == (good, last)
        assert slowly(chain.key, Head(), bytes(forged)) == (good, last)


@pytest.mark.parametrize("number", range(300))
def test_what_it_takes_check_run_takes_too(number):
    chance = random.Random(number)
    chain = random_chain(chance, 6)
    data = bytearray(chain.run)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(data))
        how = chance.randrange(3)
        if how == 0:
            data[place] = chance.randrange(256)
        elif how == 1:
            del data[place : place + chance.randrange(1, 99)]
        else:
            data[place:place] = data[: chance.randrange(1, 99)]
    try:
        run = read_run(chain.key, Head(), bytes(data))
    except UntrustworthyError:
        return
    assert run.payloads == (slowly(chain.key, Head(), bytes(data))[0] if data else [])


def test_a_run_must_end_with_the_writers_signature_and_nothing_after_it():
    chain, other = Chain(), Chain(SeededKey(2))
    chain.append([b"1"])
    signed = chain.run
    with pytest.raises(BrokenChainError, match="after the last batch"):
        read_run(chain.key, Head(), signed + bytes(4))
    chain.append([b"2"], is_signed=False)
    with pytest.raises(BrokenChainError, match="Nobody signed"):
        read_run(chain.key, Head(), chain.run)
    with pytest.raises(BrokenChainError, match="cut off"):
        read_run(chain.key, Head(), signed[:-1])
    with pytest.raises((BrokenChainError, BadSignatureError)):
        read_run(other.key, Head(), signed)
    with pytest.raises(BrokenChainError, match="expected"):
        read_run(chain.key, Head(1, b"x" * 32), signed)
    with pytest.raises(BrokenChainError):
        read_run(chain.key, Head(0, b"x" * 32), signed)
