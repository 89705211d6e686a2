"""Text and JSON come back as they were, or are refused in plain words."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kachery_jupyter as kc
from kachery_core.errors import InvalidInputError, MalformedContentError, TooLargeError
from kachery_jupyter.client.formats import decode_json, decode_text, encode_json, encode_text

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    assert decode_text(encode_text(text)) == text


@given(JSON)
def test_any_json_value_comes_back(value: object) -> None:
    assert decode_json(encode_json(value)) == value


@pytest.mark.parametrize("text", ["", "a\r\nb\rc\n", "\ufeffx", "\0", "漢字 é 🎉", "x" * 3_000_000])
def test_stored_text_is_not_touched(text: str) -> None:
    assert kc.load_text(kc.store_text(text)) == text


@pytest.mark.parametrize("value", [b"bytes", 5, None, ["a"]])
def test_what_is_not_text_is_refused_as_text(value: object) -> None:
    with pytest.raises(InvalidInputError, match="takes text") as caught:
        kc.store_text(value)
    assert "store_" in caught.value.hint


def test_half_a_character_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="half a character at 2"):
        kc.store_text("ab\ud800")
    with pytest.raises(InvalidInputError, match="half a character"):
        kc.store_json({"a": ["\udfff"]})


def test_bytes_that_are_no_text_are_refused_with_a_way_out() -> None:
    with pytest.raises(MalformedContentError, match="byte 1") as caught:
        kc.load_text(kc.store_bytes(b"a\xff"))
    assert "load_bytes" in caught.value.hint


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x", object(), [1j]])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(InvalidInputError):
        kc.store_json({"a": value})


def test_a_cycle_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(InvalidInputError):
        kc.store_json(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b'"\\ud800"',
        b'{"\\uDFFF": 1}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 5000,
        b"\xff\xfe",
        b"{}x",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_hostile_json_is_refused(data: bytes) -> None:
    if data == b"1" * 5000:
        import sys

        if not hasattr(sys, "get_int_max_str_digits"):
            pytest.skip("this Python reads numbers of any length")
    with pytest.raises(MalformedContentError):
        kc.load_json(kc.store_bytes(data))


def test_a_stored_null_is_told_from_nothing_by_exists() -> None:
    uri = kc.store_json(None)
    assert kc.load_json(uri) is None
    assert kc.exists(uri)
    assert not kc.exists("sha1://" + "0" * 40)


def test_the_spelling_of_json_is_that_of_kachery() -> None:
    assert kc.store_json({"a": [1, 2, {"b": 3}]}) == (
        "sha1://b8168a5eeb57ccf366f07c5768bfb169f46cb6d4/file.json"
    )


@pytest.mark.parametrize("load", [kc.load_text, kc.load_json, kc.load_object])
def test_a_value_larger_than_anybody_keeps_in_memory_is_refused_unread(tmp_path, load) -> None:
    huge = tmp_path / "huge.txt"
    huge.touch()
    os.truncate(huge, (1 << 30) + 1)

    with pytest.raises(TooLargeError, match="1,073,741,825 bytes") as caught:
        load(huge)

    assert "load_bytes" in caught.value.hint
    assert "load_file" in caught.value.hint
    assert kc.load_bytes(huge, 0, 3) == bytes(3)


def test_stored_text_up_to_the_limit_is_loaded(monkeypatch) -> None:
    monkeypatch.setattr("kachery_jupyter.client.loading.LARGEST_VALUE", 5)
    assert kc.load_text(kc.store_text("12345")) == "12345"
    uri = kc.store_text("123456")
    with pytest.raises(TooLargeError):
        kc.load_text(uri)
