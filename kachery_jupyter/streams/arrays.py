"""Arrays of xarray and xdas, and what a packet holds of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from kachery_core.errors import NotStreamableError
from kachery_core.packets.interpolation import find_ties
from kachery_core.packets.labelled import Coordinate, Dense, LabelledArray, Rate, Sampled, Ties

if TYPE_CHECKING:
    import xarray


def is_xdas(array: Any) -> bool:
    """Whether this is an array of xdas. Imports nothing: who has one has imported xdas."""
    xdas = sys.modules.get("xdas")
    return xdas is not None and isinstance(array, xdas.DataArray)


def to_labelled(array: Any) -> LabelledArray:
    """What a packet holds of an array.

    Args:
        array: `xarray.DataArray` or `xdas.DataArray`; the values of lazy ones are computed.

    Raises:
        NotStreamableError: neither of them, or something in it has no form in a packet.
    """
    if is_xdas(array):
        coords = {name: _from_xdas(coord) for name, coord in array.coords.items()}
    elif _is_xarray(array):
        # Only what is there: `coords.get` would invent an index for a dimension without one.
        coords = {name: _from_xarray(name, coord) for name, coord in array.coords.items()}
    else:
        raise NotStreamableError(
            f"A {type(array).__name__} is not a labelled array.",
            hint="Give xarray.DataArray(values, dims=('time', 'distance')) or an xdas.DataArray.",
        )
    attrs = dict(array.attrs or {})
    return LabelledArray(np.asarray(array.values), tuple(array.dims), coords, array.name, attrs)


def to_xarray(array: LabelledArray) -> xarray.DataArray:
    """The array for xarray, with all values of its coordinates."""
    import xarray  # noqa: PLC0415 - an extra

    coords = {
        name: xarray.Variable(coord.dims, coord.expanded(), coord.attrs)
        for name, coord in array.coords.items()
    }
    return xarray.DataArray(array.values, coords, array.dims, array.name, array.attrs)


def to_xdas(array: LabelledArray) -> Any:
    """The array for xdas, its coordinates as short as they came."""
    import xdas  # noqa: PLC0415 - whoever asks for it has it

    coords = {name: _to_xdas(xdas, coord) for name, coord in array.coords.items()}
    return xdas.DataArray(array.values, coords, array.dims, array.name, array.attrs or None)


def _is_xarray(array: Any) -> bool:
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(array, xarray.DataArray)


def _from_xarray(name: Any, coord: Any) -> Coordinate:
    values, dims, attrs = np.asarray(coord.values), tuple(coord.dims), dict(coord.attrs)
    if values.dtype.kind == "M":
        values = values.astype("M8[ns]")
    ties = find_ties(values) if dims == (name,) else None
    if ties is None:
        return Dense(dims, values, attrs)
    return Ties(dims, *ties, attrs=attrs)


def _from_xdas(coord: Any) -> Coordinate:
    dims = () if coord.dim is None else (coord.dim,)
    parts = coord.data
    if not isinstance(parts, dict) or not dims:
        return Dense(dims, np.asarray(coord.values))
    if "tie_indices" in parts:
        values = _in_nanoseconds(np.asarray(parts["tie_values"]))
        indices = np.asarray(parts["tie_indices"], np.int64)
        return Ties(dims, indices, values, _rate_of(parts))
    rate = _rate_of(parts)
    if "tie_lengths" in parts and rate is not None:
        values = _in_nanoseconds(np.asarray(parts["tie_values"]))
        return Sampled(dims, values, np.asarray(parts["tie_lengths"], np.int64), rate)
    return Dense(dims, np.asarray(coord.values))


def _rate_of(parts: dict[str, Any]) -> Rate | None:
    numerator = parts.get("sampling_numerator", parts.get("sampling_interval"))
    if numerator is None:
        return None
    return Rate(numerator, int(parts.get("sampling_denominator", 1)), parts.get("tolerance"))


def _in_nanoseconds(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values.astype("M8[ns]") if values.dtype.kind == "M" else values


def _to_xdas(xdas: Any, coord: Coordinate) -> Any:
    if isinstance(coord, Dense):
        return (coord.dims[0], coord.values) if coord.dims else coord.values[()]
    if isinstance(coord, Ties):
        parts = {"tie_indices": coord.indices, "tie_values": coord.values}
        regular = _xdas_rate(coord.rate, hasattr(xdas, "testing")) if coord.rate else {}
        return xdas.coordinates.Coordinate(parts | regular, coord.dims[0])
    parts = {"tie_values": coord.values, "tie_lengths": coord.lengths}
    regular = _xdas_rate(coord.rate, hasattr(xdas, "testing")) or {
        "sampling_interval": coord.rate.numerator
    }
    regular.pop("tolerance", None)
    return xdas.coordinates.Coordinate(parts | regular, coord.dims[0])


def _xdas_rate(rate: Rate, is_new: bool) -> dict[str, Any]:
    if not is_new:
        return {}  # older versions know no regular coordinates
    if rate.denominator == 1:
        parts = {"sampling_interval": rate.numerator}
    else:
        parts = {
            "sampling_numerator": rate.numerator,
            "sampling_denominator": rate.denominator,
        }
    return parts | ({} if rate.tolerance is None else {"tolerance": rate.tolerance})
