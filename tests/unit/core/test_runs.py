"""Runs from another node: cut by messages, joined anywhere, and no signature kept unchecked."""

import random

import msgspec
import pytest

from kachery_core.errors import BadSignatureError, BrokenChainError
from kachery_core.messages import (
    LARGEST_PAYLOAD,
    Head,
    check_run,
    decode_batches,
    encode_batch,
)
from kachery_core.runs import (
    batches_from,
    check_foreign_run,
    cut_run,
    head_at,
    with_few_signatures,
)
from tests.support.feed_samples import Chain, SeededKey, random_chain


def payloads_of(batches):
    return [payload for batch in batches for payload in batch.payloads]


def encoded(batches):
    return b"".join(map(encode_batch, batches))


def test_an_honest_run_is_taken_and_any_other_is_refused():
    chain = random_chain(random.Random(1))
    assert check_foreign_run(chain.key, Head(), chain.run) == chain.batches
    for forged in (b"", chain.run[:-1], chain.run[:-2] + bytes(2)):
        with pytest.raises((BrokenChainError, BadSignatureError)):
            check_foreign_run(chain.key, Head(), forged)


def test_a_message_that_no_node_appends_is_refused_though_its_writer_signed_it():
    chain = Chain()
    batch = chain.append([b"1"])
    large = msgspec.structs.replace(batch, payloads=[b"1" * (LARGEST_PAYLOAD + 1)])
    after = Chain(chain.signer)
    after.batches.clear()
    signed = _signed_again(after, large)
    with pytest.raises(BrokenChainError, match="more than"):
        check_foreign_run(chain.key, Head(), encode_batch(signed))


def _signed_again(chain, batch):
    from kachery_core.messages import chain as chained
    from kachery_core.messages import head_bytes

    head = chained(chain.key, Head(), batch.time_us, batch.payloads)
    signature = chain.signer.sign(head_bytes(chain.key, head))
    return msgspec.structs.replace(batch, head=head, signature=signature)


def test_a_run_can_be_cut_at_every_message_and_still_proves_the_rest():
    seed = 20261121
    print(f"seed {seed}")
    rnd = random.Random(seed)
    for _ in range(50):
        chain = random_chain(rnd, 5)
        everything = payloads_of(chain.batches)
        for length in range(chain.head.length):
            before, run = cut_run(chain.key, Head(), chain.run, length)
            assert before == head_at(chain.key, Head(), chain.batches, length)
            rest = check_run(chain.key, before, run)
            assert payloads_of(rest) == everything[length:]
            assert rest[-1].head == chain.head
        assert batches_from(chain.batches, chain.head.length) == []


def test_a_head_outside_the_run_is_not_made_up():
    chain = random_chain(random.Random(2))
    middle = chain.batches[1:]
    for length in (0, chain.head.length + 1):
        with pytest.raises(BrokenChainError):
            head_at(chain.key, chain.batches[0].head, middle, length)


def long_chain(number, size):
    chain = Chain()
    for _ in range(number):
        chain.append([b'"%b"' % (b"x" * size)])
    return chain


def test_of_many_signatures_few_are_kept_and_the_run_proves_the_same():
    chain = long_chain(1000, 800)
    kept = with_few_signatures(chain.key, chain.batches)
    assert payloads_of(kept) == payloads_of(chain.batches)
    assert check_run(chain.key, Head(), encoded(kept))[-1].head == chain.head
    signed = [place for place, batch in enumerate(kept) if batch.signature]
    assert 10 < len(signed) < 20
    assert signed[-1] == 999
    # Wherever a reader begins, a signature is not far.
    gaps = [later - one for one, later in zip([-1, *signed], signed, strict=False)]
    assert max(gaps) * 950 < 70_000


def test_a_false_signature_inside_a_run_is_never_kept():
    """The last one proves the messages; those before it would be handed on as proofs."""
    seed = 20261122
    print(f"seed {seed}")
    rnd = random.Random(seed)
    refused = dropped = 0
    chain = long_chain(400, 800)
    for _ in range(100):
        place = rnd.randrange(399)
        batches = list(chain.batches)
        batches[place] = msgspec.structs.replace(batches[place], signature=rnd.randbytes(64))
        forged = check_foreign_run(chain.key, Head(), encoded(batches))
        try:
            kept = with_few_signatures(chain.key, forged)
        except BadSignatureError:
            refused += 1
        else:
            assert not kept[place].signature
            dropped += 1
    assert refused
    assert dropped


def test_a_chain_signed_by_another_key_is_no_part_of_this_feed():
    chain, other = Chain(), Chain(SeededKey(2))
    chain.append([b"1"])
    other.append([b"1"])
    with pytest.raises((BrokenChainError, BadSignatureError)):
        check_foreign_run(chain.key, Head(), other.run)
    assert [batch for batch, _ in decode_batches(chain.run)] == chain.batches
