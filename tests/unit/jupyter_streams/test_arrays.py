"""Arrays of xarray, and what a packet holds of them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from kachery_core.errors import NotStreamableError
from kachery_core.packets.labelled import Dense, Ties
from kachery_jupyter.streams.arrays import to_labelled, to_xarray


def test_an_array_comes_back():
    sent = xarray.DataArray(
        np.arange(6.0).reshape(2, 3),
        {"x": [0.5, 1.5, 7.0], "t": np.array(["2026", "2027"], "M8[s]"), "site": "here"},
        ("t", "x"),
        "a",
        {"unit": "m"},
    )
    back = to_xarray(to_labelled(sent))
    assert back.identical(sent.assign_coords(t=sent.t.astype("M8[ns]")))


def test_a_dimension_without_coordinates_stays_without():
    assert to_labelled(xarray.DataArray(np.zeros(3), dims="x")).coords == {}


def test_only_what_is_linear_to_the_last_bit_becomes_ties():
    coords = {"x": np.arange(10), "y": np.geomspace(1, 2, 5), "z": ("x", np.arange(10))}
    labelled = to_labelled(xarray.DataArray(np.zeros((10, 5)), coords, ("x", "y")))
    assert isinstance(labelled.coords["x"], Ties)
    assert isinstance(labelled.coords["y"], Dense)
    assert isinstance(labelled.coords["z"], Dense)


def test_what_is_no_labelled_array_is_refused():
    with pytest.raises(NotStreamableError, match="ndarray is not a labelled array"):
        to_labelled(np.zeros(3))
