"""Arrays from the words of both generations of xdas, and from words that make no sense."""

from __future__ import annotations

import numpy as np
import pytest

from kachery_core.errors import BadPacketError
from kachery_core.packets.grammar_reading import from_variables
from kachery_core.packets.grammar_writing import to_variables
from kachery_core.packets.labelled import Sampled, Ties
from kachery_core.packets.variables import Variable, Variables
from tests.support.packet_samples import LARGEST, SAMPLES, assert_same

NANOSECONDS = {"units": "nanoseconds since 1970-01-01", "calendar": "proleptic_gregorian"}
LINEAR = {"interpolation_name": "linear", "tie_point_mapping": "time: time_indices time_points"}


def new_words(**rate):
    """As xdas 0.2.9 and later write it."""
    return Variables(
        {"time": 5, "time_points": 2},
        {
            "time_interpolation": Variable((), np.array(np.nan), LINEAR | rate),
            "time_indices": Variable(("time_points",), np.array([0, 4])),
            "time_values": Variable(("time_points",), np.array([0, 40]), dict(NANOSECONDS)),
            "signal": Variable(
                ("time",),
                np.arange(5.0),
                {"coordinate_interpolation": "time_values: time_interpolation", "__own__": 1},
            ),
        },
        "CF-1.13",
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_what_was_written_is_read(name):
    assert_same(from_variables(to_variables(SAMPLES[name]), LARGEST), SAMPLES[name])


def test_the_newer_grammar_is_read():
    array = from_variables(new_words(), LARGEST)
    assert array.name == "signal"
    assert array.attrs == {}
    assert array.coords["time"].expanded().astype(int).tolist() == [0, 10, 20, 30, 40]


def test_a_rate_is_read():
    interval = {"sampling_interval": 10, "sampling_interval_units": "nanoseconds"}
    found = from_variables(new_words(**interval), LARGEST).coords["time"]
    assert isinstance(found, Ties)
    assert found.rate.numerator == np.timedelta64(10, "ns")
    exact = {
        "sampling_numerator": 20,
        "sampling_numerator_units": "microseconds",
        "sampling_denominator": 3,
    }
    found = from_variables(new_words(**interval, **exact), LARGEST).coords["time"]
    assert (found.rate.numerator, found.rate.denominator) == (np.timedelta64(20, "us"), 3)


def test_segments_in_the_newer_grammar():
    described = {
        "tie_point_mapping": "x: x_lengths x_points",
        "sampling_interval": 0.5,
    }
    variables = Variables(
        {"x": 4, "x_points": 2},
        {
            "x_sampling": Variable((), np.array(np.nan), described),
            "x_values": Variable(("x_points",), np.array([0.0, 9.0])),
            "x_lengths": Variable(("x_points",), np.array([3, 1])),
            "a": Variable(("x",), np.zeros(4), {"coordinate_sampling": "x_values: x_sampling"}),
        },
    )
    found = from_variables(variables, LARGEST).coords["x"]
    assert isinstance(found, Sampled)
    assert found.expanded().tolist() == [0.0, 0.5, 1.0, 9.0]


ONE = {
    "weeks": np.timedelta64(7, "D"),
    "days": np.timedelta64(1, "D"),
    "hours": np.timedelta64(1, "h"),
    "minutes": np.timedelta64(1, "m"),
    "seconds": np.timedelta64(1, "s"),
    "microseconds": np.timedelta64(1, "us"),
}


@pytest.mark.parametrize("unit", ONE)
def test_times_in_any_unit(unit):
    attrs = {"units": f"{unit} since 2026-01-01 00:00:00"}
    variables = Variables(
        {"t": 2},
        {"t": Variable(("t",), np.array([0.0, 1.0]), attrs), "a": Variable(("t",), np.zeros(2))},
    )
    first, second = from_variables(variables, LARGEST).coords["t"].expanded()
    assert second - first == ONE[unit]


def changed(change):
    variables = new_words()
    change(variables)
    return variables


CHANGES = {
    "no conventions": lambda all_: setattr(all_, "conventions", "none"),
    "no values": lambda all_: all_.members.pop("signal"),
    "no indices": lambda all_: all_.members.pop("time_indices"),
    "no tie values": lambda all_: all_.members.pop("time_values"),
    "too long": lambda all_: setattr(all_.members["time_indices"], "values", np.array([0, 10**12])),
    "backwards": lambda all_: setattr(all_.members["time_indices"], "values", np.array([4, 0])),
    "no integers": lambda all_: setattr(
        all_.members["time_indices"], "values", np.array([0.0, 4.0])
    ),
    "text": lambda all_: setattr(all_.members["time_values"], "values", np.array(["a", "b"])),
    "unknown unit": lambda all_: all_.members["time_values"].attrs.update(
        units="parsecs since 1970-01-01"
    ),
    "no date": lambda all_: all_.members["time_values"].attrs.update(units="seconds since noon"),
    "no mapping": lambda all_: all_.members["time_interpolation"].attrs.update(
        tie_point_mapping="nothing"
    ),
    "no rate": lambda all_: all_.members["time_interpolation"].attrs.update(sampling_denominator=0),
    "no sampling": lambda all_: all_.members["signal"].attrs.update(coordinate_sampling="a: b"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_what_makes_no_sense_is_refused(change):
    with pytest.raises(BadPacketError):
        from_variables(changed(change), LARGEST)


def test_no_coordinate_is_longer_than_is_accepted():
    values = np.zeros((10**9, 0))
    variables = Variables({"x": 10**9, "y": 0}, {"a": Variable(("x", "y"), values)})
    with pytest.raises(BadPacketError, match="longer"):
        from_variables(variables, LARGEST)
