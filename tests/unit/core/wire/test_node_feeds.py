"""What nodes say about feeds: sealed for who knows the URI, and never taken for something else."""

import pytest

from kachery_core.capabilities import (
    feed_discovery,
    feed_key,
    subfeed_discovery,
    subfeed_key_of,
)
from kachery_core.errors import BadEnvelopeError
from kachery_core.messages import SubfeedKey
from kachery_core.wire.node import PADDING_STEP, pack, pack_padded, unpack, unpack_any
from kachery_core.wire.node_feeds import (
    AskBytes,
    FeedFacts,
    FeedOffer,
    FeedOffers,
    FindFeeds,
    HeadFacts,
    ReadFeed,
    ReadProof,
    RunPiece,
    Sealed,
    SubfeedFacts,
    SubfeedsFacts,
    seal_facts,
    unseal_facts,
)

KEY = SubfeedKey("0a" * 32, "0b" * 20)
NONCE = bytes(12)
HEAD = HeadFacts(7, b"\1" * 32, b"\2" * 64, is_writer=True, is_forked=False)


def test_what_is_sealed_for_a_subfeed_is_read_by_who_knows_it():
    discovery, key = subfeed_discovery(KEY), subfeed_key_of(KEY)
    for facts in (HEAD, RunPiece(3, b"\1" * 32, b"batches", 7, 5)):
        note = seal_facts(key, NONCE, discovery, facts)
        assert unseal_facts(key, discovery, note, type(facts)) == facts


def test_a_note_about_something_else_is_refused():
    discovery, key = subfeed_discovery(KEY), subfeed_key_of(KEY)
    other = SubfeedKey(KEY.feed, "0c" * 20)
    note = seal_facts(key, NONCE, discovery, HEAD)
    for wrong in (
        lambda: unseal_facts(subfeed_key_of(other), discovery, note, HeadFacts),
        lambda: unseal_facts(key, subfeed_discovery(other), note, HeadFacts),
        lambda: unseal_facts(key, discovery, note, RunPiece),
        lambda: unseal_facts(key, discovery, note[:-1], HeadFacts),
        lambda: unseal_facts(key, discovery, bytes([note[0] ^ 1]) + note[1:], HeadFacts),
        lambda: unseal_facts(key, discovery, b"", HeadFacts),
    ):
        with pytest.raises(BadEnvelopeError):
            wrong()


def test_the_list_of_a_feed_is_not_for_those_who_know_one_subfeed_only():
    facts = SubfeedsFacts(1, [SubfeedFacts(b"\1" * 20, b'"main"', 3)])
    note = seal_facts(feed_key(KEY.feed), NONCE, feed_discovery(KEY.feed), facts)
    with pytest.raises(BadEnvelopeError):
        unseal_facts(subfeed_key_of(KEY), feed_discovery(KEY.feed), note, SubfeedsFacts)


def test_offers_and_nothing_have_lengths_of_few_steps():
    nothing = pack_padded(FeedOffers("0" * 16, []))
    note = seal_facts(
        feed_key(KEY.feed), NONCE, feed_discovery(KEY.feed), FeedFacts(3, is_writer=True)
    )
    something = pack_padded(FeedOffers("0" * 16, [FeedOffer(feed_discovery(KEY.feed), note)]))
    assert len(nothing) == len(something) == PADDING_STEP
    assert unpack(something, FeedOffers).offers[0].note == note
    assert len(pack_padded(Sealed(b""))) == PADDING_STEP


def test_only_what_is_asked_for_here_is_understood():
    discovery = subfeed_discovery(KEY)
    for asked in (ReadFeed(discovery, 5, 7), ReadProof(discovery)):
        assert unpack_any(pack(asked), AskBytes) == asked
    for foreign in (
        pack(FindFeeds([discovery])),
        pack(ReadFeed(b"short", 0)),
        pack(ReadFeed(discovery, -1)),
        pack(ReadFeed(discovery, 1)) + b"\0",
        b"",
    ):
        with pytest.raises(BadEnvelopeError):
            unpack_any(foreign, AskBytes)
