"""Manifests: tables that tell the truth are read, all others are refused early."""

from __future__ import annotations

import itertools
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.digests import CHUNK_SIZE, chunk_digests, sha1_hex
from kachery_core.errors import MalformedContentError
from kachery_core.manifests import (
    LARGEST_MANIFEST,
    MANIFEST_THRESHOLD,
    Chunk,
    Manifest,
    decode_manifest,
    encode_manifest,
    make_manifest,
)

SHA1 = "6af826b3d648ccba6b4bbe58e93e22add640d728"
DIGEST = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


def _table(size: object, rows: list[tuple[object, object]], sha1: object = SHA1) -> bytes:
    chunks = [{"start": start, "end": end, "blake3": DIGEST} for start, end in rows]
    return json.dumps({"size": size, "sha1": sha1, "chunks": chunks}).encode()


def _manifest(size: int) -> Manifest:
    return make_manifest(SHA1, size, [DIGEST] * -(-size // CHUNK_SIZE))


@given(st.integers(0, 40 * CHUNK_SIZE))
def test_a_table_comes_back_as_it_was(size: int) -> None:
    manifest = _manifest(size)

    assert decode_manifest(encode_manifest(manifest)) == manifest


def test_a_table_is_written_as_kachery_wrote_it() -> None:
    manifest = Manifest(SHA1, 25_000_000, (
        Chunk(0, 20_000_000, "sha1", "a" * 40),
        Chunk(20_000_000, 25_000_000, "sha1", "b" * 40),
    ))  # fmt: skip

    assert encode_manifest(manifest) == (
        b'{"size":25000000,"sha1":"%s","chunks":[{"start":0,"end":20000000,"sha1":"%s"},'
        b'{"start":20000000,"end":25000000,"sha1":"%s"}]}' % (SHA1.encode(), b"a" * 40, b"b" * 40)
    )


def test_kacherys_own_tables_of_20_mb_chunks_are_read() -> None:
    data = bytes(MANIFEST_THRESHOLD + 5)
    rows = [(0, MANIFEST_THRESHOLD), (MANIFEST_THRESHOLD, len(data))]
    table = {
        "size": len(data),
        "sha1": sha1_hex(data),
        "chunks": [
            {"start": start, "end": end, "sha1": sha1_hex(data[start:end])} for start, end in rows
        ],
    }

    manifest = decode_manifest(json.dumps(table, separators=(",", ":")).encode())

    assert [(chunk.start, chunk.end) for chunk in manifest.chunks] == rows
    assert all(chunk.matches(data[chunk.start : chunk.end]) for chunk in manifest.chunks)
    assert [chunk.start for chunk in manifest.covering(MANIFEST_THRESHOLD - 1, len(data))] == [
        0,
        MANIFEST_THRESHOLD,
    ]


@pytest.mark.parametrize(
    ("size", "rows"),
    [
        (10, []),
        (0, [(0, 0)]),
        (10, [(0, 9)]),
        (10, [(0, 11)]),
        (10, [(1, 10)]),
        (10, [(0, 5), (6, 10)]),
        (10, [(0, 6), (5, 10)]),
        (10, [(0, 5), (0, 5)]),
        (10, [(5, 10), (0, 5)]),
        (10, [(0, 5), (5, 10), (10, 10)]),
        (10, [(0, 4), (4, 10)]),
        (10, [(0, 6), (6, 8), (8, 10)]),
        (10, [(0, -10)]),
        (-10, [(0, -10)]),
        (-1, []),
        (2**60, [(0, 2**60 - 1)]),
        (2**60, [(0, 1)]),
        (10**30, [(0, 5)]),
    ],
)
def test_gaps_overlaps_and_false_claims_are_refused(
    size: int, rows: list[tuple[object, object]]
) -> None:
    with pytest.raises(MalformedContentError):
        decode_manifest(_table(size, rows))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"size":0,"sha1":"\xff","chunks":[]}',
        b'{"size":1',
        b"[" * 100_000,
        b'{"size":"1","sha1":"%s","chunks":[]}' % SHA1.encode(),
        b'{"size":1.5,"sha1":"%s","chunks":[]}' % SHA1.encode(),
        b'{"size":0,"sha1":"../../etc/passwd","chunks":[]}',
        b'{"size":0,"sha1":"%s","chunks":{}}' % SHA1.encode(),
        b'{"size":1,"sha1":"%s","chunks":[{"start":0,"end":1}]}' % SHA1.encode(),
        b'{"size":1,"sha1":"%s","chunks":[{"start":0,"end":1,"sha1":"x"}]}' % SHA1.encode(),
        b'{"size":1,"sha1":"%s","chunks":[null]}' % SHA1.encode(),
    ],
)
def test_what_is_not_a_table_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedContentError):
        decode_manifest(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_refused(data: bytes) -> None:
    try:
        manifest = decode_manifest(data)
    except MalformedContentError:
        return
    assert manifest.size >= 0


@given(st.integers(0, 2**62), st.lists(st.tuples(st.integers(), st.integers()), max_size=5))
def test_whatever_is_accepted_covers_its_size(size: int, rows: list[tuple[int, int]]) -> None:
    try:
        manifest = decode_manifest(_table(size, list(rows)))
    except MalformedContentError:
        return
    ends = [0, *(chunk.end for chunk in manifest.chunks)]
    assert [chunk.start for chunk in manifest.chunks] == ends[:-1]
    assert ends[-1] == manifest.size == size


def test_a_claim_of_an_exabyte_costs_no_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(MalformedContentError):
            decode_manifest(_table(2**60, [(0, CHUNK_SIZE), (CHUNK_SIZE, 2 * CHUNK_SIZE)]))
        with pytest.raises(MalformedContentError):
            decode_manifest(b" " * (LARGEST_MANIFEST + 1))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < LARGEST_MANIFEST + (1 << 20)


def test_a_large_table_takes_less_memory_than_its_text() -> None:
    """150 GB of content; as objects its rows would take five times their text."""
    data = encode_manifest(_manifest(150_000 * CHUNK_SIZE))
    tracemalloc.start()
    try:
        manifest = decode_manifest(data)
        decoding = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        assert encode_manifest(manifest) == data
        encoding = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(data) > 15_000_000
    assert decoding < len(data)
    assert encoding < 2 * len(data)


@pytest.mark.parametrize("space", ["", " ", "\n  "])
@pytest.mark.parametrize("count", [0, 1, 5000])
def test_spaces_and_the_order_of_fields_do_not_matter(space: str, count: int) -> None:
    """As kachery's own tables may have them; long enough to be read in pieces."""
    size = count * CHUNK_SIZE
    rows = [
        f'{{"blake3":{space}"{DIGEST}",{space}"end": {start + CHUNK_SIZE}, "start": {start}}}'
        for start in range(0, size, CHUNK_SIZE)
    ]
    chunks = f"[{space}{f'{space},{space}'.join(rows)}{space}]"
    table = (
        f'{space}{{{space}"chunks":{space}{chunks}{space},"sha1":"{SHA1}","size":{size}}}{space}'
    )

    assert decode_manifest(table.encode()) == _manifest(size)


@pytest.mark.parametrize("place", [0, 1, 2500, 4998, 4999])
@pytest.mark.parametrize(
    ("old", "new"),
    [(DIGEST, "x"), (DIGEST, DIGEST.upper()), ('"end"', '"ende"'), ("}", ""), ('"start"', '"}"')],
)
def test_one_wrong_row_among_thousands_is_found(place: int, old: str, new: str) -> None:
    head, *rows = encode_manifest(_manifest(5000 * CHUNK_SIZE)).decode().split("{")[1:]
    rows[place] = rows[place].replace(old, new)
    with pytest.raises(MalformedContentError):
        decode_manifest("{".join(["", head, *rows]).encode())


def test_a_table_of_both_kinds_of_digests_is_refused() -> None:
    table = json.loads(_table(10, [(0, 5), (5, 10)]))
    table["chunks"][0] = {"start": 0, "end": 5, "sha1": SHA1}
    with pytest.raises(MalformedContentError):
        decode_manifest(json.dumps(table).encode())


def test_chunks_are_a_sequence_like_any_other() -> None:
    chunks = _manifest(3 * CHUNK_SIZE - 1).chunks
    assert len(chunks) == 3
    assert chunks[-1] == chunks[2] == Chunk(2 * CHUNK_SIZE, 3 * CHUNK_SIZE - 1, "blake3", DIGEST)
    assert chunks[1:] == (chunks[1], chunks[2])
    assert chunks == tuple(chunks)
    assert hash(chunks) == hash(tuple(chunks))
    assert chunks != list(chunks)
    with pytest.raises(IndexError):
        _ = chunks[3]


@given(st.integers(1, 6 * CHUNK_SIZE), st.data())
def test_the_chunks_of_a_range_cover_it_and_no_more(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size))

    chunks = _manifest(size).covering(start, end)

    if start == end:
        assert chunks == ()
    else:
        assert chunks[0].start <= start < chunks[0].end
        assert chunks[-1].start < end <= chunks[-1].end
        assert all(one.end == two.start for one, two in itertools.pairwise(chunks))


@given(st.integers(0, 299), st.integers(0, 7))
def test_a_chunk_with_any_bit_flipped_does_not_match(byte: int, bit: int) -> None:
    data = bytes(300)
    chunk = make_manifest(SHA1, len(data), chunk_digests(data)).chunks[0]
    wrong = bytearray(data)
    wrong[byte] ^= 1 << bit

    assert chunk.matches(data)
    assert not chunk.matches(bytes(wrong))
    assert not chunk.matches(data + b"\x00")
    assert not chunk.matches(data[:-1])


def test_a_table_with_too_few_digests_is_not_made() -> None:
    with pytest.raises(ValueError, match="1 digests for 2 chunks"):
        make_manifest(SHA1, CHUNK_SIZE + 1, [DIGEST])
