"""Arrays in the words of xdas."""

from __future__ import annotations

import numpy as np
import pytest

from kachery_core.errors import NotStreamableError
from kachery_core.packets.grammar_writing import to_variables
from kachery_core.packets.labelled import Dense, LabelledArray, Rate, Sampled
from tests.support.packet_samples import SAMPLES


def array(**coords):
    return LabelledArray(np.zeros(3), ("x",), coords)


def test_a_linear_coordinate_is_written_in_the_older_grammar_with_the_rate_of_the_newer():
    written = to_variables(SAMPLES["everything"])
    assert written.conventions == "CF-1.9"
    assert list(written.members)[-1] == "strain"
    attrs = written.members["strain"].attrs
    assert attrs["coordinate_interpolation"] == "time: time_indices time_values"
    assert attrs["coordinates"] == "station gain channel arrival"
    described = written.members["time_interpolation"]
    assert described.attrs["interpolation_name"] == "linear"
    assert described.attrs["sampling_interval"] == 10_000_000
    assert described.attrs["sampling_interval_units"] == "nanoseconds"


def test_an_array_without_a_name_is_called_as_xdas_calls_it():
    assert list(to_variables(array()).members) == ["__values__"]


def test_segments_with_an_interval_that_is_no_whole_number_are_written_out():
    rate = Rate(np.timedelta64(1, "ns"), 3)
    start = np.array(["2026-01-01"], "M8[ns]")
    written = to_variables(array(x=Sampled(("x",), start, np.array([3]), rate)))
    assert written.members["x"].values.shape == (3,)


def test_what_xdas_left_in_the_attributes_is_not_written_twice():
    given = {"coordinate_interpolation": "time: a b", "unit": "m"}
    written = to_variables(LabelledArray(np.zeros(3), ("x",), {}, None, given))
    assert written.members["__values__"].attrs == {"unit": "m"}


def test_units_that_would_make_a_number_a_time_are_left_out():
    misleading = Dense(("x",), np.arange(3), {"units": "days since 2000-01-01", "long_name": "x"})
    assert to_variables(array(x=misleading)).members["x"].attrs == {"long_name": "x"}


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (LabelledArray(np.array(["a"]), ("x",)), "dtype"),
        (LabelledArray(np.array(["2026"], "M8[ns]"), ("x",)), "dtype"),
        (LabelledArray(np.zeros(1), ("x",), {}, "a/b"), "a/b"),
        (LabelledArray(np.zeros(1), ("x",), {}, "x"), "'x'"),
        (LabelledArray(np.zeros(1), ("x",), {}, None, {"a": {}}), "attribute 'a'"),
        (LabelledArray(np.zeros(1), ("x",), {}, None, {"a": None}), "attribute 'a'"),
        (array(x=Dense(("x",), np.zeros(2))), "shape"),
        (array(y=Dense(("x", "x"), np.zeros((3, 3)))), "'y'"),
        (array(y=Dense(("z",), np.zeros(3))), "'y'"),
        (array(x=Dense(("x",), np.array([1, 2, 3], "m8[s]"))), "duration"),
    ],
)
def test_what_has_no_form_is_refused(refused, why):
    with pytest.raises(NotStreamableError, match=why):
        to_variables(refused)
