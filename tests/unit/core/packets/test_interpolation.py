"""Coordinates between ties are what xdas makes of them, to the last bit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.packets.interpolation import HAS_LONG_DOUBLES, find_ties, interpolate

START = np.datetime64("2026-01-01", "ns")
extended = pytest.mark.skipif(not HAS_LONG_DOUBLES, reason="needs 80-bit floats")


def exactly(count: int, indices, values) -> list[Fraction]:
    found = []
    for place in range(count):
        before = max(n for n, index in enumerate(indices[:-1]) if index <= place)
        left, right = Fraction(values[before]), Fraction(values[before + 1])
        span = indices[before + 1] - indices[before]
        found.append(left + (right - left) * (place - indices[before]) / span)
    return found


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=4),
    st.lists(st.integers(-(10**17), 10**17), min_size=5, max_size=5),
)
def test_integers_and_times_are_rounded_to_even(spans, values):
    indices = np.cumsum([0, *spans])
    ties = np.array(values[: len(indices)])
    expected = [round(value) for value in exactly(int(indices[-1]) + 1, indices, ties.tolist())]
    assert interpolate(len(expected), indices, ties).tolist() == expected
    times = interpolate(len(expected), indices, ties.view("M8[ns]"))
    assert times.view(np.int64).tolist() == expected


@extended
@given(
    st.integers(2, 300),
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.floats(-1e6, 1e6, allow_subnormal=False),
)
def test_floats_are_rounded_once(count, first, last):
    indices = np.array([0, count - 1])
    found = interpolate(count, indices, np.array([first, last]))
    expected = [float(value) for value in exactly(count, indices.tolist(), [first, last])]
    assert found.tolist() == expected


def test_complex_numbers_are_two_floats():
    found = interpolate(3, np.array([0, 2]), np.array([0 + 0j, 2 + 4j]))
    assert found.tolist() == [0, 1 + 2j, 2 + 4j]


def test_one_tie_and_none():
    assert interpolate(1, np.array([0]), np.array([7.0])).tolist() == [7.0]
    assert interpolate(0, np.zeros(0, np.int64), np.zeros(0)).tolist() == []


def test_regular_times_need_two_ties():
    times = START + np.arange(1000) * np.timedelta64(10, "ms")
    indices, values = find_ties(times)
    assert indices.tolist() == [0, 999]
    assert np.array_equal(values, times[[0, -1]])


@extended
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=30))
def test_ties_stand_for_a_coordinate_exactly_or_not_at_all(values):
    coordinate = np.array(values)
    ties = find_ties(coordinate)
    if ties is not None:
        assert np.array_equal(interpolate(len(values), *ties), coordinate)


@pytest.mark.parametrize(
    "values",
    [
        np.array([0.0, 1.0, 2.5]),
        np.array([0.0, np.nan, 2.0]),
        np.array(["a", "b"]),
        np.array([1.0]),
        np.array([0, 2**64 - 1], np.uint64),
        np.array([True, False]),
        START + np.array([0, 5, 9, 15]),
    ],
    ids=str,
)
def test_what_is_not_linear_has_no_ties(values):
    assert find_ties(values) is None


def test_what_is_found_once_can_be_changed():
    values = np.arange(5)
    find_ties(values)[1][0] = 99
    assert find_ties(values)[1].tolist() == [0, 4]
