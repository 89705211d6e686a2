"""What a packet holds."""

from __future__ import annotations

import numpy as np
import pytest

from kachery_core.errors import NotStreamableError
from kachery_core.packets.labelled import LabelledArray, Rate, Sampled

START = np.datetime64("2026-01-01", "ns")


def test_each_dimension_has_a_name_of_its_own():
    with pytest.raises(NotStreamableError, match="2 dimensions"):
        LabelledArray(np.zeros((2, 2)), ("x",))
    with pytest.raises(NotStreamableError):
        LabelledArray(np.zeros((2, 2)), ("x", "x"))


def test_segments_are_counted_from_their_first_value():
    starts = START + np.array([0, 100]).astype("m8[s]")
    segments = Sampled(("t",), starts, np.array([3, 2]), Rate(np.timedelta64(2, "s")))
    seconds = (segments.expanded() - START).astype("m8[s]").astype(int)
    assert seconds.tolist() == [0, 2, 4, 100, 102]


def test_an_interval_may_be_a_fraction_of_a_nanosecond():
    third = Rate(np.timedelta64(1, "ns"), 3)
    segments = Sampled(("t",), np.array([START]), np.array([7]), third)
    assert (segments.expanded() - START).astype(int).tolist() == [0, 0, 1, 1, 1, 2, 2]


def test_segments_of_plain_numbers():
    segments = Sampled(("x",), np.array([0.0, 10.0]), np.array([2, 2]), Rate(0.5))
    assert segments.expanded().tolist() == [0.0, 0.5, 10.0, 10.5]


def test_nothing_is_nothing():
    empty = Sampled(("x",), np.zeros(0), np.zeros(0, np.int64), Rate(0.5))
    assert empty.expanded().shape == (0,)
