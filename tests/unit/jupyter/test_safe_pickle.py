"""Pickles of plain data come back; anything more is refused, whatever it tries."""

import os
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kachery_jupyter as kc
from kachery_core.errors import InvalidInputError, MalformedContentError, UnsafePickleError
from kachery_jupyter.client.plain_values import check_plain
from kachery_jupyter.client.safe_pickle import load_plain

PLAIN = [
    {"x": np.zeros((30, 40))},
    [np.float32(1), np.arange(5, dtype=">i2"), np.bool_(1), np.float16(2), np.complex64(1j)],
    {"a": [1, 2.5, "s", None, True, (1, 2), -(10**100)], "b": np.array(["ab", "c"])},
    np.array(["2020-01-01", "NaT"], dtype="M8[s]"),
    np.datetime64("2020-01-01"),
    np.timedelta64(5, "25s"),
    {"c": 1 + 2j, "r": range(3, 9, 2), "s": slice(1, None)},
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(6).reshape(2, 3)[:, ::2],
    np.array(3),
    np.zeros((0, 2)),
    {1, 2, (3, (4,))},
    frozenset([1, frozenset([2])]),
    b"bytes",
    bytearray(b"more"),
    "",
    "漢",
    [],
    {},
    (),
    set(),
    {np.int64(3): 1, (1, "a"): 2},
    [[]] * 3,
    [list(range(5000))],
    {str(n): n for n in range(3000)},
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:40])
def test_plain_data_comes_back(value: object) -> None:
    loaded = kc.load_pkl(kc.store_pkl(value))
    assert repr(loaded) == repr(value)
    assert type(loaded) is type(value)


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:40])
def test_other_protocols_are_read_too(value: object, protocol: int) -> None:
    assert repr(load_plain(pickle.dumps(value, protocol))) == repr(value)


def test_the_names_of_numpy_1_are_read_too() -> None:
    data = pickle.dumps(np.arange(3.0), 3).replace(b"numpy._core", b"numpy.core")
    assert b"numpy.core." in data
    assert np.array_equal(load_plain(data), np.arange(3.0))


def test_shared_and_cyclic_lists_stay_shared() -> None:
    value: list[object] = [[1]]
    value += [value[0], value]
    loaded = kc.load_pkl(kc.store_pkl(value))
    assert loaded[0] is loaded[1]
    assert loaded[2] is loaded


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.complex_numbers(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.text()), inner)
        | st.frozensets(st.integers() | st.text())
    ),
)


@given(VALUES, st.sampled_from([3, 4, 5]))
def test_any_plain_value_is_accepted_and_comes_back(value: object, protocol: int) -> None:
    check_plain(value)
    assert repr(load_plain(pickle.dumps(value, protocol))) == repr(
        pickle.loads(pickle.dumps(value, protocol))
    )


@dataclass
class Point:
    x: int


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        Point(1),
        datetime(2020, 1, 1, tzinfo=timezone.utc),
        OrderedDict(a=1),
        Text("x"),
        np.array([{}], dtype=object),
        np.zeros(2, dtype=[("a", "f4")]),
        np.rec.array([1]),
        np.ma.masked_array([1], [True]),
        np.array(["NaT"], "M8"),
        len,
        int,
        np.dtype("f4"),
    ],
    ids=lambda value: repr(value)[:25],
)
def test_what_would_not_load_is_not_stored(value: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        kc.store_pkl({"deep": [value]})
    assert "trusted=True" in caught.value.hint
    assert "x['deep'][0]" in caught.value.message
    if value is not len:
        assert type(kc.load_pkl(kc.store_pkl(value, trusted=True), trusted=True)) is type(value)


def test_what_is_nested_too_deeply_is_refused_both_ways() -> None:
    value: list[object] = []
    for _ in range(250):
        value = [value]
    with pytest.raises(InvalidInputError, match="200 deep"):
        kc.store_pkl(value)
    with pytest.raises(UnsafePickleError, match="200 deep"):
        kc.load_pkl(kc.store_pkl(value, trusted=True))


def test_a_class_is_loaded_only_on_trust() -> None:
    uri = kc.store_pkl(Point(3), trusted=True)
    with pytest.raises(UnsafePickleError, match="Point") as caught:
        kc.load_pkl(uri)
    assert "trusted=True" in caught.value.hint
    assert kc.load_pkl(uri, trusted=True) == Point(3)


def test_a_trusted_pickle_that_fails_says_so() -> None:
    with pytest.raises(MalformedContentError):
        kc.load_pkl(kc.store_bytes(b"\x80\x04cnowhere\nx\n."), trusted=True)


class Evil:
    def __init__(self, *reduced: object) -> None:
        self.reduced = reduced

    def __reduce__(self) -> tuple[object, ...]:
        return self.reduced


def array_state(dtype: object, data: bytes = b"A" * 8, shape: tuple[int, ...] = (1,)) -> Evil:
    function = np.zeros(1).__reduce__()[0]
    return Evil(function, (np.ndarray, (0,), b"b"), (1, shape, dtype, False, data))


def dtype_state(*state: object, base: str = "V8") -> Evil:
    return Evil(np.dtype, (base, False, True), state)


F8 = dtype_state(3, "<", None, None, None, -1, -1, 0, base="f8")
OBJECTS = dtype_state(3, "|", None, None, None, -1, -1, 63, base="O8")
HOSTILE = {
    "a shell": Evil(os.system, ("true",)),
    "eval": Evil(eval, ("1",)),
    "getattr": Evil(getattr, (1, "real")),
    "field beyond the item": array_state(
        dtype_state(3, "|", None, ("a",), {"a": (OBJECTS, 10**6)}, 8, 1, 0)
    ),
    "objects from bytes": array_state(
        dtype_state(3, "|", None, ("a",), {"a": (OBJECTS, 0)}, 8, 1, 0)
    ),
    "negative offset": array_state(dtype_state(3, "|", None, ("a",), {"a": (F8, -8)}, 8, 1, 0)),
    "read out of bounds": array_state(
        dtype_state(3, "|", None, ("a",), {"a": (F8, 10**6)}, 8, 1, 0)
    ),
    "object array": array_state(OBJECTS),
    "too few bytes": array_state(F8, shape=(2,)),
    "huge shape": array_state(F8, shape=(10**15,)),
    "wrapping shape": array_state(F8, shape=(2**62, 4)),
    "negative shape": array_state(F8, shape=(-1, -1)),
    "an array of a size": Evil(np.ndarray, ((10**9,),)),
    "a set of a range": Evil(set, (range(10**12),)),
    "a bytearray of a size": Evil(bytearray, (10**12,)),
    "a date without a unit": array_state(
        dtype_state(4, "<", None, None, None, -1, -1, 0, base="M8")
    ),
    "beyond Unicode": array_state(
        dtype_state(3, "<", None, None, None, 4, 4, 8, base="U1"), b"\xff\xff\xff\x7f"
    ),
    "the state of a scalar": Evil(np.float64(1).__reduce__()[0], (F8, b"A" * 8), (1, 2)),
    "the state of a range": Evil(range, (3,), {"x": 1}),
    "a list with state": Evil(range, (1,), (None, {"__call__": 1})),
    "an unfinished type": Evil(np.dtype, ("f8", False, True)),
    "a name as a value": [range],
    "a name as a key": {np.ndarray: 1},
    "names in a tuple": ([], (np.dtype, np.ndarray)),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_hostile_pickles_are_refused(name: str, protocol: int) -> None:
    data = pickle.dumps(HOSTILE[name], protocol)
    with pytest.raises(UnsafePickleError):
        load_plain(data)


def doubled_tuples(count: int, last: bytes) -> bytes:
    """A tuple of the same tuple twice, of the same tuple twice, ... used as a key."""
    steps = b")" + b"".join(b"q" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(count))
    return b"\x80\x04" + b"}" + steps + last


RAW = {
    "empty": b"",
    "no end": b"\x80\x04K\x01",
    "two values": b"\x80\x04K\x01K\x02.",
    "something follows": b"\x80\x04K\x01.K",
    "protocol 2": pickle.dumps([1], 2),
    "protocol 0": pickle.dumps([1], 0),
    "protocol 99": b"\x80\x63K\x01.",
    "persistent id": b"\x80\x04X\x01\x00\x00\x00aQ.",
    "extension": b"\x80\x04\x82\x01.",
    "pop nothing": b"\x80\x040.",
    "a mark is no value": b"\x80\x04(.",
    "memo of nothing": b"\x80\x04h\x05.",
    "memo at 4 billion": b"\x80\x04K\x01r\xff\xff\xff\xffJ\xff\xff\xff\xff.",
    "2 GB that are not there": b"\x80\x04B" + struct.pack("<I", 2**31 - 1) + b"x.",
    "negative length": b"\x80\x04\x8b" + struct.pack("<i", -5) + b".",
    "append to a number": b"\x80\x04K\x01K\x02a.",
    "a key without a value": b"\x80\x04}(K\x01u.",
    "an unhashable key": b"\x80\x04}]K\x01s.",
    "hashing for ever": doubled_tuples(60, b"K\x01s."),
    "hashing for ever in a set": b"\x80\x04\x8f(" + doubled_tuples(60, b"")[3:] + b"\x90.",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", RAW)
def test_raw_pickles_are_refused(name: str) -> None:
    with pytest.raises(UnsafePickleError):
        load_plain(RAW[name])


@given(st.binary(max_size=300))
def test_noise_never_ends_in_another_error(noise: bytes) -> None:
    for data in (noise, b"\x80\x04" + noise, b"\x80\x04" + noise + b"."):
        try:
            load_plain(data)
        except UnsafePickleError:
            continue
