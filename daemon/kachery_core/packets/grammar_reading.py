"""Labelled arrays from the words of any version of xdas. Nothing that is read is evaluated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from kachery_core.errors import BadPacketError
from kachery_core.packets.grammar_writing import NO_NAME, RESERVED
from kachery_core.packets.labelled import Coordinate, Dense, LabelledArray, Rate, Sampled, Ties

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kachery_core.packets.variables import Variable, Variables

_UNITS = {
    "weeks": "W", "days": "D", "hours": "h", "minutes": "m", "seconds": "s",
    "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns",
}  # fmt: skip
_TRIPLES = re.compile(r"(\w+): (\w+) (\w+)")
_PAIRS = re.compile(r"(\w+): (\w+)")
_SAMPLING = "_sampling"
_INTERPOLATION = "_interpolation"
_OWN_WORD = re.compile(r"__\w+__")


def from_variables(variables: Variables, largest: int) -> LabelledArray:
    """The array that these variables stand for.

    Args:
        variables: of a packet.
        largest: bytes that a coordinate may have once all its values are known.

    Raises:
        BadPacketError: they stand for none.
    """
    if "CF" not in variables.conventions:
        raise BadPacketError("The packet does not say that it follows the CF conventions.")
    try:
        return _Reading(variables, largest).array()
    except BadPacketError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError) as problem:
        raise BadPacketError(f"The packet's coordinates make no sense: {problem!r}.") from problem


class _Reading:
    def __init__(self, variables: Variables, largest: int) -> None:
        self._members = variables.members
        self._beside = set(variables.coordinates)
        for variable in self._members.values():
            self._beside |= set(str(variable.attrs.get("coordinates", "")).split())
        self._name = self._find_values()
        self._values = self._members[self._name]
        self._sizes = dict(zip(self._values.dims, self._values.values.shape, strict=True))
        if any(size * 8 > largest for size in self._sizes.values()):
            raise BadPacketError("The packet has a dimension that is longer than is accepted.")

    def array(self) -> LabelledArray:
        attrs = dict(self._values.attrs)
        coords: dict[str, Coordinate] = {}
        for name, variable in self._members.items():
            is_axis = name in self._sizes and variable.dims == (name,)
            if is_axis or (name in self._beside and name != self._name):
                coords[name] = self._dense(name, variable)
        coords |= self._interpolated(str(attrs.get("coordinate_interpolation", "")))
        coords |= self._sampled(str(attrs.get("coordinate_sampling", "")))
        kept = {
            key: value
            for key, value in attrs.items()
            if key not in RESERVED and not _OWN_WORD.fullmatch(key)
        }
        called = None if self._name == NO_NAME else self._name
        return LabelledArray(self._values.values, self._values.dims, coords, called, kept)

    def _find_values(self) -> str:
        found = [
            name
            for name, variable in self._members.items()
            if variable.dims != (name,) and name not in self._beside
        ]
        if len(found) > 1:
            found = [
                name
                for name in found
                # `coordinates` is xarray's own word, and stands at every variable.
                if any(
                    "coordinate" in key and key != "coordinates"
                    for key in self._members[name].attrs
                )
            ]
        if len(found) != 1:
            raise BadPacketError(f"The packet has {len(found)} arrays where one is expected.")
        return found[0]

    def _dense(self, name: str, variable: Variable) -> Dense:
        shape = tuple(self._sizes[dim] for dim in variable.dims)
        if variable.values.shape != shape:
            raise BadPacketError(f"The coordinate {name!r} has not the length of its dimension.")
        return Dense(variable.dims, *_with_times(variable))

    def _interpolated(self, mapping: str) -> dict[str, Coordinate]:
        coords: dict[str, Coordinate] = {}
        for name, dim, indices_name, values_name in self._groups(mapping):
            indices = self._members[indices_name].values
            values, attrs = _with_times(self._members[values_name])
            self._check_ties(dim, indices, values)
            described = self._members.get(f"{name}{_INTERPOLATION}")
            rate = _rate(described.attrs) if described is not None else None
            coords[name] = Ties((dim,), indices.astype(np.int64), values, rate, attrs)
        return coords

    def _groups(self, mapping: str) -> list[tuple[str, str, str, str]]:
        """Name, dimension, indices and values of each coordinate, in either grammar."""
        pairs = _PAIRS.findall(mapping)
        words = [word for word in mapping.split() if not word.endswith(":")]
        if pairs and all(
            word in self._members and "interpolation_name" in self._members[word].attrs
            for word in words
        ):
            return [self._new_group(values, described) for values, described in pairs]
        return [(dim, dim, indices, values) for dim, indices, values in _TRIPLES.findall(mapping)]

    def _new_group(self, values: str, described: str) -> tuple[str, str, str, str]:
        found = _TRIPLES.match(str(self._members[described].attrs["tie_point_mapping"]))
        if found is None:
            raise BadPacketError("The packet has a coordinate that is not described.")
        return described.removesuffix(_INTERPOLATION), found[1], found[2], values

    def _check_ties(self, dim: str, indices: NDArray[Any], values: NDArray[Any]) -> None:
        size = self._sizes[dim]
        is_right = (
            indices.ndim == values.ndim == 1
            and len(indices) == len(values)
            and indices.dtype.kind in "iu"
            and values.dtype.kind in "iufcM"
        )
        if is_right and len(indices):
            is_right = bool(
                indices[0] == 0
                and int(indices[-1]) == size - 1
                and (indices[1:] > indices[:-1]).all()
            )
        if not is_right or bool(size) != bool(len(indices)):
            raise BadPacketError(
                f"The tie points along {dim!r} are not those of its {size} values."
            )

    def _sampled(self, mapping: str) -> dict[str, Coordinate]:
        coords: dict[str, Coordinate] = {}
        for first, described_name in _PAIRS.findall(mapping):
            described = self._members[described_name]
            found = _TRIPLES.match(str(described.attrs["tie_point_mapping"]))
            if found is None:
                raise BadPacketError("The packet has a coordinate that is not described.")
            rate = _rate(described.attrs)
            if rate is not None:
                name, values_name, lengths_name = (
                    described_name.removesuffix(_SAMPLING), first, found[2],
                )  # fmt: skip
            else:
                rate = _old_rate(described)
                name, values_name, lengths_name = first, found[2], found[3]
            values, attrs = _with_times(self._members[values_name])
            lengths = self._members[lengths_name].values
            self._check_segments(found[1], values, lengths)
            coords[name] = Sampled((found[1],), values, lengths.astype(np.int64), rate, attrs)
        return coords

    def _check_segments(self, dim: str, values: NDArray[Any], lengths: NDArray[Any]) -> None:
        size = self._sizes[dim]
        is_right = (
            values.ndim == lengths.ndim == 1
            and len(values) == len(lengths)
            and lengths.dtype.kind in "iu"
            and bool(((lengths >= 0) & (lengths <= size)).all())
            and int(lengths.astype(object).sum()) == size
        )
        if not is_right:
            raise BadPacketError(f"The segments along {dim!r} are not those of its {size} values.")


def _with_times(variable: Variable) -> tuple[NDArray[Any], dict[str, Any]]:
    """Values of a coordinate, as times if its units say so, and its other attributes."""
    attrs = {key: value for key, value in variable.attrs.items() if key not in RESERVED}
    units = attrs.get("units")
    if (
        not isinstance(units, str)
        or " since " not in units
        or variable.values.dtype.kind not in "iuf"
    ):
        return variable.values, attrs
    for key in ("units", "calendar"):
        attrs.pop(key, None)
    unit, _, start = units.partition(" since ")
    zero = np.datetime64(start.strip().replace(" ", "T"), "ns")
    tick = _duration(1, unit)
    numbers = variable.values
    if numbers.dtype.kind == "f":
        nanoseconds = np.round(numbers * float(tick.astype(np.int64))).astype(np.int64)
    else:
        nanoseconds = numbers.astype(np.int64) * tick.astype(np.int64)
    return zero + nanoseconds.astype("m8[ns]"), attrs


def _rate(attrs: dict[str, Any]) -> Rate | None:
    if "sampling_denominator" in attrs:
        denominator = int(_single(attrs["sampling_denominator"]))
        if denominator < 1:
            raise BadPacketError("The packet has a sampling rate that is none.")
        return Rate(_delta("sampling_numerator", attrs), denominator, _delta("tolerance", attrs))
    if "sampling_interval" in attrs:
        return Rate(_delta("sampling_interval", attrs), 1, _delta("tolerance", attrs))
    return None


def _old_rate(described: Variable) -> Rate:
    interval = described.values[()]
    attrs = described.attrs
    if "units" in attrs and "dtype" in attrs:
        return Rate(_duration(interval, attrs["units"]))
    return Rate(interval)


def _delta(key: str, attrs: dict[str, Any]) -> Any:
    if key not in attrs:
        return None
    value = _single(attrs[key])
    if f"{key}_units" in attrs:
        return _duration(value, attrs[f"{key}_units"])
    return value


def _single(value: Any) -> Any:
    return np.asarray(value).reshape(-1)[0]


def _duration(value: Any, unit: str) -> np.timedelta64:
    ticks = np.array([int(value)]).astype(f"m8[{_UNITS[unit]}]").astype("m8[ns]")
    duration: np.timedelta64 = ticks[0]
    return duration
