"""Labelled arrays in the words of xdas: one grammar that every version of it reads.

It is the older one (CF-1.9), in which new versions also find how regular a coordinate is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from kachery_core.errors import NotStreamableError
from kachery_core.packets.labelled import Coordinate, LabelledArray, Rate, Sampled, Ties
from kachery_core.packets.variables import Variable, Variables

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_NAME = "__values__"
EPOCH = "nanoseconds since 1970-01-01"
# Words that a netCDF file, or xdas in it, has a meaning for.
RESERVED = frozenset(
    {
        "CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid",
        "_Netcdf4Coordinates", "_NCProperties", "_FillValue", "_nc3_strict",
        "coordinates", "coordinate_interpolation", "coordinate_sampling",
    }
)  # fmt: skip
_OF_TIMES = ("units", "calendar", "dtype")
_WORD = re.compile(r"\w+")
_KINDS = "biufc"
_LARGEST = 1 << 16
_PLAIN = (str, bytes, int, float, np.generic, np.ndarray, list, tuple)


def to_variables(array: LabelledArray) -> Variables:
    """The variables that stand for an array.

    Raises:
        NotStreamableError: a dtype, a coordinate or an attribute that has no form there.
    """
    if array.values.dtype.kind not in _KINDS or array.values.dtype.itemsize > 16:  # noqa: PLR2004
        raise NotStreamableError(
            f"Values of dtype {array.values.dtype} have no form in an xdas packet.",
            hint="Publish integers, floats, complex numbers or booleans.",
        )
    writing = _Writing(array)
    for name in array.dims:
        writing.add_dimension(name)
    for name, coordinate in array.coords.items():
        if name not in array.dims:
            writing.add_beside(name, coordinate)
    return writing.finished()


class _Writing:
    def __init__(self, array: LabelledArray) -> None:
        self._array = array
        self._made = Variables()
        self._interpolated: list[str] = []
        self._sampled: list[str] = []
        self._beside: list[str] = []

    def add_dimension(self, name: str) -> None:
        """A dimension, with the coordinate of the same name."""
        _check_name(name)
        size = self._array.sizes[name]
        self._made.sizes[name] = size
        coordinate = self._array.coords.get(name)
        if coordinate is None:
            return
        is_plain = _WORD.fullmatch(name) is not None
        if isinstance(coordinate, Ties) and is_plain and len(coordinate.indices):
            self._add_ties(name, coordinate)
        elif isinstance(coordinate, Sampled) and is_plain and coordinate.rate.denominator == 1:
            self._add_sampled(name, coordinate)
        else:
            values = _checked(name, coordinate, (size,))
            self._put(name, (name,), values, coordinate.attrs)

    def add_beside(self, name: str, coordinate: Coordinate) -> None:
        """A coordinate that has not the name of a dimension."""
        _check_name(name)
        if " " in name or len(coordinate.dims) > 1:
            raise NotStreamableError(
                f"The coordinate {name!r} has no form in an xdas packet.",
                hint="Coordinates there have no dimension or one, and no spaces in their names.",
            )
        unknown = set(coordinate.dims) - set(self._array.dims)
        if unknown:
            raise NotStreamableError(f"The coordinate {name!r} is along {unknown}, not an axis.")
        shape = tuple(self._array.sizes[dim] for dim in coordinate.dims)
        self._put(name, coordinate.dims, _checked(name, coordinate, shape), coordinate.attrs)
        self._beside.append(name)

    def finished(self) -> Variables:
        """Everything; the values themselves come last."""
        array = self._array
        attrs = _clean_attrs(array.attrs, "the array")
        if self._interpolated:
            attrs["coordinate_interpolation"] = " ".join(self._interpolated)
        if self._sampled:
            attrs["coordinate_sampling"] = " ".join(self._sampled)
        if self._beside:
            attrs["coordinates"] = " ".join(self._beside)
        name = NO_NAME if array.name is None else array.name
        _check_name(name)
        self._add(name, Variable(array.dims, array.values, attrs), is_axis=False)
        return self._made

    def _add_ties(self, name: str, coordinate: Ties) -> None:
        points = f"{name}_points"
        self._made.sizes[points] = len(coordinate.indices)
        attrs: dict[str, Any] = {
            "interpolation_name": "linear",
            "tie_points_mapping": f"{points}: {name}_indices {name}_values",
        }
        if coordinate.rate is not None:
            attrs |= _rate_attrs(coordinate.rate)
        self._add(f"{name}_interpolation", Variable((), np.array(np.nan), attrs))
        self._add(f"{name}_indices", Variable((points,), coordinate.indices.astype(np.int64)))
        self._put(f"{name}_values", (points,), coordinate.values, coordinate.attrs)
        self._interpolated.append(f"{name}: {name}_indices {name}_values")

    def _add_sampled(self, name: str, coordinate: Sampled) -> None:
        points = f"{name}_points"
        self._made.sizes[points] = len(coordinate.lengths)
        mapping = {"tie_point_mapping": f"{name}: {name}_values {name}_lengths"}
        interval = np.asarray(coordinate.rate.numerator)
        if interval.dtype.kind == "m":
            interval = interval.astype("m8[ns]").astype(np.int64)
            mapping |= {"dtype": "timedelta64[ns]", "units": "nanoseconds"}
        self._add(f"{name}_sampling", Variable((), interval, mapping))
        self._put(f"{name}_values", (points,), coordinate.values, coordinate.attrs)
        self._add(f"{name}_lengths", Variable((points,), coordinate.lengths.astype(np.int64)))
        self._sampled.append(f"{name}: {name}_sampling")

    def _put(
        self, name: str, dims: tuple[str, ...], values: NDArray[Any], attrs: dict[str, Any]
    ) -> None:
        written, time_attrs = _written_values(name, values)
        kept = {
            key: value
            for key, value in _clean_attrs(attrs, f"the coordinate {name!r}").items()
            if "coordinate" not in key
            and not (time_attrs and key in _OF_TIMES)
            # Readers would take these numbers for something else.
            and key not in {"scale_factor", "add_offset", "dtype", "calendar", "missing_value"}
            and not (key == "units" and " since " in str(value))
        }
        self._add(name, Variable(dims, written, kept | time_attrs))

    def _add(self, name: str, variable: Variable, *, is_axis: bool = True) -> None:
        is_axis = is_axis and variable.dims == (name,)
        if name in self._made.members or (name in self._made.sizes and not is_axis):
            raise NotStreamableError(
                f"Two parts of the array would be called {name!r} in the packet.",
                hint="Rename the array, or the coordinate or dimension of this name.",
            )
        self._made.members[name] = variable


def _checked(name: str, coordinate: Coordinate, shape: tuple[int, ...]) -> NDArray[Any]:
    values = coordinate.expanded()
    if values.shape != shape:
        raise NotStreamableError(
            f"The coordinate {name!r} has the shape {values.shape}, its dimensions {shape}."
        )
    return values


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name or "/" in name or "\0" in name or name == ".":
        raise NotStreamableError(
            f"{name!r} cannot be the name of an array, a dimension or a coordinate in a packet.",
            hint="Use text without slashes.",
        )


def _written_values(name: str, values: NDArray[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    kind = values.dtype.kind
    if kind == "M":
        nanoseconds = values.astype("M8[ns]").view(np.int64)
        return nanoseconds, {"units": EPOCH, "calendar": "proleptic_gregorian"}
    if kind == "O" and all(isinstance(text, str) for text in values.reshape(-1)):
        return values.astype(str), {}
    if kind in _KINDS or kind == "U":
        return values, {}
    raise NotStreamableError(
        f"The coordinate {name!r} has dtype {values.dtype}, which has no form in an xdas packet.",
        hint="Use numbers, text or datetime64; a duration as a number of seconds.",
    )


def _rate_attrs(rate: Rate) -> dict[str, Any]:
    numerator, denominator = rate.numerator, rate.denominator
    if denominator == 1:
        attrs = _delta_attrs("sampling_interval", numerator)
    else:
        whole = np.asarray(numerator)
        ticks = int(whole.astype("m8[ns]").astype(np.int64)) if whole.dtype.kind == "m" else None
        share = numerator / denominator
        if ticks is not None:
            share = np.timedelta64(ticks // denominator, "ns")
        attrs = _delta_attrs("sampling_interval", share)
        attrs |= _delta_attrs("sampling_numerator", numerator)
        attrs["sampling_denominator"] = denominator
    if rate.tolerance is not None:
        attrs |= _delta_attrs("tolerance", rate.tolerance)
    return attrs


def _delta_attrs(key: str, value: Any) -> dict[str, Any]:
    number = np.asarray(value)
    if number.dtype.kind != "m":
        return {key: number.item()}
    ticks = int(number.astype("m8[ns]").astype(np.int64))
    return {key: ticks, f"{key}_dtype": "timedelta64[ns]", f"{key}_units": "nanoseconds"}


def _clean_attrs(attrs: dict[str, Any], whose: str) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for key, value in attrs.items():
        if key in RESERVED:
            continue  # xdas leaves its own words in what it was given to write
        plain = np.int8(value) if isinstance(value, (bool, np.bool_)) else value
        kind = np.asarray(plain).dtype.kind if isinstance(plain, _PLAIN) else "O"
        if kind not in "biufcUS" or np.size(plain) > _LARGEST:
            raise NotStreamableError(
                f"The attribute {key!r} of {whose} has no form in a packet.",
                hint="Attributes are text, numbers, and short lists of one of these.",
            )
        clean[key] = plain
    return clean
