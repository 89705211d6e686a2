"""Labelled arrays of every kind, and their packets."""

from __future__ import annotations

from functools import partial

import numpy as np

from kachery_core.packets.grammar_reading import from_variables
from kachery_core.packets.grammar_writing import to_variables
from kachery_core.packets.image_looking import look_through
from kachery_core.packets.image_reading import ImageReader
from kachery_core.packets.image_writing import ImageWriter
from kachery_core.packets.interpolation import find_ties
from kachery_core.packets.labelled import Dense, LabelledArray, Rate, Sampled, Ties

LARGEST = 1 << 28
START = np.datetime64("2026-01-01", "ns")
STEP = np.timedelta64(10, "ms")
TIMES = START + np.arange(50) * STEP
INTERVAL = np.timedelta64(10_000_000, "ns")

SAMPLES = {
    "everything": LabelledArray(
        np.arange(350.0).reshape(50, 7),
        ("time", "distance"),
        {
            "time": Ties(("time",), *find_ties(TIMES), Rate(INTERVAL)),
            "distance": Dense(("distance",), np.linspace(0, 3, 7), {"units": "m"}),
            "station": Dense((), np.array("héllo")),
            "gain": Dense((), np.array(3.5)),
            "channel": Dense(("distance",), np.array([f"c{n}" for n in range(7)])),
            "arrival": Dense(("distance",), TIMES[:7]),
        },
        "strain",
        {"units": "m/s", "count": 3, "taps": [1.0, 2.0]},
    ),
    "without coordinates": LabelledArray(np.arange(12).reshape(3, 4), ("a", "b")),
    "a single number": LabelledArray(np.array(3.5), ()),
    "no rows": LabelledArray(np.zeros((0, 4), "f4"), ("time", "x")),
    "one row": LabelledArray(np.ones((1, 1), "f4"), ("t", "x"), {"t": Dense(("t",), TIMES[:1])}),
    "booleans": LabelledArray(np.array([True, False]), ("x",)),
    "complex numbers": LabelledArray(np.array([1 + 2j, 3j]), ("x",)),
    "big-endian": LabelledArray(np.arange(6, dtype=">i2"), ("x",)),
    "segments": LabelledArray(
        np.arange(6.0),
        ("time",),
        {"time": Sampled(("time",), TIMES[[0, 10]], np.array([3, 3]), Rate(INTERVAL))},
    ),
    "a gap": LabelledArray(
        np.arange(4.0),
        ("x",),
        {"x": Ties(("x",), np.array([0, 1, 2, 3]), np.array([0.0, 1.0, 7.0, 8.0]))},
    ),
    "a dimension with spaces": LabelledArray(
        np.arange(3), ("my dim",), {"my dim": Ties(("my dim",), *find_ties(np.arange(3)))}
    ),
}


def packet_of(array: LabelledArray, encoding=None) -> memoryview:
    return memoryview(ImageWriter(encoding).write(to_variables(array)))


def new_reader(largest: int = LARGEST) -> ImageReader:
    return ImageReader(partial(look_through, largest=largest))


def read(packet, largest: int = LARGEST) -> LabelledArray:
    return from_variables(new_reader(largest).read(memoryview(packet)), largest)


def assert_same(received: LabelledArray, sent: LabelledArray) -> None:
    assert received.values.dtype == sent.values.dtype
    assert np.array_equal(received.values, sent.values)
    assert (received.dims, received.name) == (sent.dims, sent.name)
    assert set(received.coords) == set(sent.coords)
    for name, coord in sent.coords.items():
        assert received.coords[name].dims == coord.dims
        assert np.array_equal(received.coords[name].expanded(), coord.expanded()), name
    assert set(received.attrs) == set(sent.attrs)
    for key, value in sent.attrs.items():
        assert np.array_equal(received.attrs[key], value)
