"""Digests: the names the kachery family gave, and no others."""

from __future__ import annotations

import hashlib
import json

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.digests import (
    CHUNK_SIZE,
    blake3_hex,
    chunk_bounds,
    chunk_digests,
    is_sha1,
    json_bytes,
    sha1_hex,
)
from kachery_core.errors import InvalidInputError

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_texts_have_the_names_that_the_documents_print() -> None:
    assert sha1_hex(b"some-random-text") == "6af826b3d648ccba6b4bbe58e93e22add640d728"
    assert sha1_hex(b"") == "da39a3ee5e6b4b0d3255bfef95601890afd80709"


def test_json_has_the_name_that_kachery_client_gave_it() -> None:
    content = json_bytes({"a": [1, 2, {"b": 3}]})

    assert sha1_hex(content) == "b8168a5eeb57ccf366f07c5768bfb169f46cb6d4"


def test_keys_have_the_identity_that_kachery_daemon_gave_them() -> None:
    assert sha1_hex(b"primes") == "80d9cc061689dbc521aba6b35235f29de63d8349"
    assert (
        sha1_hex(json_bytes({"b": 2, "a": 1}, sort_keys=True))
        == "4acc71e0547112eb432f0a36fb1924c4a738cb49"
    )


def test_json_keeps_the_order_of_keys_unless_told() -> None:
    assert json_bytes({"b": 1, "a": "ä"}) == b'{"b":1,"a":"\\u00e4"}'
    assert json_bytes({"b": 1, "a": 2}, sort_keys=True) == b'{"a":2,"b":1}'


@given(JSON_VALUES)
def test_every_json_value_comes_back(value: object) -> None:
    assert json.loads(json_bytes(value)) == value


def _cycle() -> list[object]:
    cycle: list[object] = []
    cycle.append(cycle)
    return cycle


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1, 2}, b"bytes", _cycle(), {"a": object()}, {(1, 2): 3}]
)
def test_what_is_not_json_is_refused_with_a_hint(value: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        json_bytes(value)

    assert caught.value.hint


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(InvalidInputError):
        json_bytes(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0" * 40, True),
        ("a" * 40, True),
        ("A" * 40, False),
        ("g" * 40, False),
        ("0" * 39, False),
        ("0" * 41, False),
        ("0" * 40 + "\n", False),
        ("\u0660" * 40, False),
        ("../" + "0" * 37, False),
        ("", False),
    ],
)
def test_a_sha1_has_one_spelling(text: str, expected: bool) -> None:
    assert is_sha1(text) is expected


@given(st.integers(0, 5 * CHUNK_SIZE))
def test_chunks_cover_the_content_once_and_in_order(size: int) -> None:
    bounds = chunk_bounds(size)

    assert sum(end - start for start, end in bounds) == size
    assert [start for start, _ in bounds] == list(range(0, size, CHUNK_SIZE))
    assert all(0 < end - start <= CHUNK_SIZE for start, end in bounds)


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1])
def test_each_chunk_has_its_own_blake3(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]

    digests = chunk_digests(data)

    assert digests == tuple(
        blake3(data[start : start + CHUNK_SIZE]).hexdigest() for start in range(0, size, CHUNK_SIZE)
    )


def test_digests_take_any_buffer() -> None:
    data = b"0123456789"

    assert sha1_hex(memoryview(bytearray(data))) == hashlib.sha1(data).hexdigest()
    assert blake3_hex(memoryview(data)) == blake3(data).hexdigest()
    assert blake3_hex(b"") == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
