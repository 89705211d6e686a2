"""Who offers a content, and whose word counts."""

import pytest

from kachery_core.digests import blake3_hex, chunk_digests, sha1_hex
from kachery_core.machines.candidates import Candidates, Claim
from kachery_core.manifests import Chunk, Manifest, encode_manifest, make_manifest, read_table

DATA = bytes(range(256)) * 12_000
SHA1 = sha1_hex(DATA)
TABLE = encode_manifest(make_manifest(SHA1, len(DATA), chunk_digests(DATA)))
CLAIM = Claim(len(DATA), blake3_hex(TABLE))
ROOM = 1 << 40


def sent(candidates: Candidates, name: str, claim: Claim, table: bytes) -> bool:
    """A provider sends a table; whether it is taken."""
    return candidates.table_came(candidates.providers[name], claim, read_table(table))


def test_what_most_say_counts_until_a_table_that_the_uri_names_is_known() -> None:
    candidates = Candidates(SHA1, sha1_hex(TABLE), ROOM)
    lie = Claim(len(DATA), "ab" * 32)
    for name, claim in (("a", lie), ("b", lie), ("c", CLAIM)):
        assert candidates.offered(name, claim)
    assert candidates.claims() == [lie, CLAIM]
    assert sent(candidates, "c", CLAIM, TABLE)
    assert candidates.claims() == [CLAIM, lie]
    assert candidates.better_one(has_chunks=True, is_patient=True) == CLAIM
    assert candidates.worth_fetching() == []


def test_without_such_a_table_one_is_enough() -> None:
    candidates = Candidates(SHA1, "", ROOM)
    candidates.offered("a", CLAIM)
    assert candidates.worth_fetching() == [CLAIM]
    sent(candidates, "a", CLAIM, TABLE)
    candidates.offered("b", Claim(len(DATA), "ab" * 32))
    assert candidates.worth_fetching() == []


@pytest.mark.parametrize(
    "table",
    [
        b"junk",
        encode_manifest(make_manifest("0" * 40, len(DATA), chunk_digests(DATA))),
        encode_manifest(make_manifest(SHA1, 1 << 20, chunk_digests(DATA[: 1 << 20]))),
        encode_manifest(Manifest(SHA1, len(DATA), (Chunk(0, len(DATA), "blake3", "ab"),))),
        encode_manifest(
            Manifest(
                SHA1,
                len(DATA),
                tuple(
                    Chunk(chunk.start, chunk.end, "sha1", SHA1)
                    for chunk in make_manifest(SHA1, len(DATA), chunk_digests(DATA)).chunks
                ),
            )
        ),
    ],
)
def test_a_table_that_makes_no_sense_is_held_against_all_who_claim_it(table: bytes) -> None:
    candidates = Candidates(SHA1, "", ROOM)
    claim = Claim(len(DATA), blake3_hex(table))
    candidates.offered("a", claim)
    candidates.offered("b", claim)
    assert not sent(candidates, "a", claim, table)
    assert candidates.is_hopeless
    assert not candidates.offered("c", claim)


def test_a_provider_without_a_table_claims_what_it_sends_later() -> None:
    candidates = Candidates(SHA1, "", ROOM)
    candidates.offered("a", Claim(len(DATA)))
    candidates.offered("b", CLAIM)
    assert sent(candidates, "a", Claim(len(DATA)), TABLE)
    assert [each.name for each in candidates.usable(CLAIM)] == ["a", "b"]


def test_another_table_than_claimed_is_held_against_nobody_else() -> None:
    candidates = Candidates(SHA1, "", ROOM)
    candidates.offered("a", CLAIM)
    assert not sent(candidates, "a", CLAIM, TABLE + b" ")
    assert candidates.usable(CLAIM)


def test_what_is_larger_than_the_disk_is_not_fetched() -> None:
    candidates = Candidates(SHA1, "", 1000)
    assert not candidates.offered("a", CLAIM)
    assert not candidates.offered("b", Claim(-1, ""))
    assert candidates.is_hopeless


def test_a_table_takes_no_more_memory_than_its_content_is_worth() -> None:
    assert Claim(1 << 20).largest_table < 1000
    assert Claim(1 << 60).largest_table == 128 << 20


def test_nobody_waits_for_more_than_so_many() -> None:
    candidates = Candidates(SHA1, "", ROOM)
    assert sum(candidates.offered(str(number), CLAIM) for number in range(100)) == 32


def test_whoever_fails_again_and_again_counts_as_gone_until_it_offers_again() -> None:
    candidates = Candidates(SHA1, "", ROOM)
    candidates.offered("a", CLAIM)
    provider = candidates.providers["a"]
    for _ in range(5):
        provider.failed(0.0, most_strikes=4)
    assert (candidates.claims(), candidates.is_hopeless) == ([], False)
    candidates.offered("a", CLAIM)
    assert candidates.claims() == [CLAIM]
    provider.failed(0.0, most_strikes=4)
    assert candidates.claims() == []
