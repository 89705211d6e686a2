"""Messages as bytes and back."""

import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import InvalidInputError, MalformedContentError
from kachery_jupyter.client.payloads import decode_messages, encode_message, encode_messages

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=5))
def test_every_json_value_comes_back_as_it_was(values):
    values = [value for value in values if "$kachery" not in json.dumps(value)]
    payloads = [encode_message(value) for value in values]
    again = decode_messages(payloads)
    assert again == values
    assert json.dumps(again) == json.dumps(values)
    for payload, value in zip(payloads, values, strict=True):
        assert json.loads(payload) == value
        msgspec.json.decode(payload)


def test_tuples_become_lists_as_in_json():
    assert decode_messages([encode_message({"a": (1, (2,))})]) == [{"a": [1, [2]]}]


def cyclic():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, {"a": [math.nan]}, ["null", math.inf], {1, 2}, object(),
     {"a": object()}, 1j, "\ud800", {"\udfff": 1}, ["null", "\ud800"], cyclic(), {(1, 2): 3}, print,
     np.float64("nan"), {"x": np.array(["a"], object)}],
    ids=lambda value: str(type(value)) + ascii(str(value)[:20]),
)  # fmt: skip
def test_what_is_no_json_is_refused_in_words(value):
    with pytest.raises((InvalidInputError, MalformedContentError)) as caught:
        encode_message(value)
    assert caught.value.message


def test_a_value_that_is_too_deep_is_refused_and_not_an_accident():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InvalidInputError):
        encode_message(value)
    while value:
        value = value.pop()


@pytest.mark.parametrize(
    "array",
    [np.arange(6).reshape(2, 3), np.array(3.5), np.zeros((0, 4), "f4"), np.array([1 + 2j]),
     np.array(["2026-11-20"], "M8[D]"), np.array([True, False])],
    ids=lambda array: str(array.dtype) + str(array.shape),
)  # fmt: skip
def test_arrays_come_back_as_arrays(array):
    payload = encode_message({"deep": [{"x": array}], "n": 1})
    assert json.loads(payload)["deep"][0]["x"]["$kachery"].startswith("sha1://")
    [message] = decode_messages([payload])
    found = message["deep"][0]["x"]
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("data", [b"", b"\0\xff", bytearray(b"abc"), memoryview(b"abcd")])
def test_bytes_come_back_as_bytes(data):
    assert decode_messages([encode_message([data])]) == [[bytes(data)]]


def test_numbers_of_numpy_are_numbers():
    values = [np.int64(2**40), np.float32(0.5), np.bool_(1)]
    assert decode_messages([encode_message(values)]) == [[2**40, 0.5, True]]


@pytest.mark.parametrize(
    "value",
    [{"$kachery": 5}, {"$kachery": "text"}, {"$kachery": "https://example.org/a.npy"},
     {"$kachery": f"sha1://{'0' * 40}/file.npy", "more": 1},
     {"$kachery": f"sha1://{'0' * 40}/file.npy"}, {"$kachery": "feed://x"}],
    ids=str,
)  # fmt: skip
def test_what_only_looks_like_a_reference_stays_what_it_is(value):
    """The last but one is content that is not here."""
    assert decode_messages([json.dumps(value).encode()]) == [value]


@pytest.mark.parametrize(
    "payloads",
    [[b""], [b"{"], [b"1,2"], [b"1 2"], [b"NaN"], [b"\xff"], [b"1", b""], [b"[1", b"2]"],
     [b"[" * 100_000], [b'"a"],["b"'], [b"1]", b"[2"]],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_a_writer_signed_that_is_no_json_is_refused(payloads):
    with pytest.raises(MalformedContentError):
        decode_messages(payloads)


def test_no_messages_are_none():
    assert decode_messages([]) == []


@pytest.mark.parametrize("payloads", [[b"1,2"], [b'"a', b'b"'], [b"1,2", b""], [b"[1", b"2]"]])
def test_forged_payloads_cannot_borrow_from_each_other(payloads: list[bytes]) -> None:
    with pytest.raises(MalformedContentError):
        decode_messages(payloads)


@given(st.lists(VALUES, max_size=5))
def test_messages_are_written_together_as_they_are_alone(values):
    together = encode_messages(values)
    raw = msgspec.json.decode(together, type=list[msgspec.Raw])
    assert [bytes(one) for one in raw] == [encode_message(value) for value in values]


@pytest.mark.parametrize("false", [math.nan, math.inf, {1, 2}, {"a": math.nan}, "\ud800", object()])
def test_one_that_is_no_message_refuses_all(false):
    for messages in ([false], [1, false, "null"], [{"a": 1}, [false]]):
        with pytest.raises(InvalidInputError):
            encode_messages(messages)
