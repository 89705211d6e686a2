"""Coordinates between tie points, to the last bit as xdas computes them.

Integers and times are exact fractions, rounded to the nearest and from the middle to the even one.
Floats are the exact fraction rounded once. A sender replaces a coordinate by ties only if they
give back every value; so both ends must agree on the last bit, and round once, not twice.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# On x86 a long double has 64 bits of mantissa: products with an index are exact, and what is left
# to doubt after one rounding is only what lies next to the middle between two doubles.
HAS_LONG_DOUBLES = bool(np.finfo(np.longdouble).nmant >= 63)  # noqa: PLR2004 - bits of x87
_NEAR = 2.0**-9
_LOST = 2.0**-61
_SHORTEST = 2
_LARGEST_KEPT = 1 << 17
_FEW = 64


def interpolate(count: int, indices: NDArray[np.int64], values: NDArray[Any]) -> NDArray[Any]:
    """The values at 0, 1, ... count - 1.

    Args:
        count: how many.
        indices: of the ties, strictly increasing; the first is 0.
        values: at the ties; integers, floats, complex numbers or datetime64.
    """
    if values.dtype.kind == "f" and count * 8 <= _LARGEST_KEPT and len(indices) <= _FEW:
        terms = (values.dtype.str, indices.tobytes(), values.tobytes())
        return np.array(_interpolated_floats(count, *terms))
    return _interpolate(count, indices, values)


@lru_cache(maxsize=64)
def _interpolated_floats(count: int, dtype: str, indices: bytes, values: bytes) -> NDArray[Any]:
    return _interpolate(count, np.frombuffer(indices, np.int64), np.frombuffer(values, dtype))


def _interpolate(count: int, indices: NDArray[np.int64], values: NDArray[Any]) -> NDArray[Any]:
    if count == 0 or len(indices) == 0:
        return np.empty(0, values.dtype)
    if len(indices) == 1:
        return values[:1].repeat(count)
    places = np.arange(count, dtype=np.int64)
    before = np.searchsorted(indices, places, side="right") - 1
    np.clip(before, 0, len(indices) - _SHORTEST, out=before)
    steps = places - indices[before]
    spans = indices[before + 1] - indices[before]
    if values.dtype.kind in "fc":
        return _between_floats(values, before, steps, spans)
    exact = values.view(np.int64) if values.dtype.kind in "mM" else values.astype(np.int64)
    whole = _between_integers(exact, before, steps, spans)
    return whole.view(values.dtype) if values.dtype.kind in "mM" else whole.astype(values.dtype)


def find_ties(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]] | None:
    """Two tie points that stand for these values, if they give back each of them exactly.

    Args:
        values: one dimension; anything but numbers and times has no ties.
    """
    if values.dtype.kind not in "fiuM" or values.nbytes > _LARGEST_KEPT:
        return _find_ties(values)
    # Packet after packet has the same distances: they are looked at once.
    found = _found_ties(values.dtype.str, values.tobytes())
    return None if found is None else (found[0].copy(), found[1].copy())


@lru_cache(maxsize=64)
def _found_ties(dtype: str, data: bytes) -> tuple[NDArray[np.int64], NDArray[Any]] | None:
    return _find_ties(np.frombuffer(data, dtype))


def _find_ties(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]] | None:
    count = len(values)
    if count < _SHORTEST or values.dtype.kind not in "fiuM":
        return None
    if values.dtype.kind == "u" and int(values.max()) > np.iinfo(np.int64).max:
        return None
    if values.dtype.kind == "f" and not (HAS_LONG_DOUBLES and np.isfinite(values).all()):
        return None
    indices = np.array([0, count - 1], np.int64)
    ends: NDArray[Any] = values[[0, -1]]
    if not _may_be_linear(values, count):
        return None
    return (indices, ends) if np.array_equal(interpolate(count, indices, ends), values) else None


def _may_be_linear(values: NDArray[Any], count: int) -> bool:
    """Whether the middle is where it must be: spares computing all of what is not linear."""
    first, middle, last = values[0], values[count // 2], values[-1]
    if values.dtype.kind == "u":
        first, middle, last = (number.astype(np.int64) for number in (first, middle, last))
    share = (count // 2) / (count - 1)
    if values.dtype.kind != "M":
        return bool(np.isclose(float(middle), float(first) + share * (float(last) - float(first))))
    whole, part = (last - first).astype(np.int64), (middle - first).astype(np.int64)
    return abs(float(part) - share * float(whole)) <= max(2.0, abs(float(whole)) * 1e-12)


def _between_integers(
    values: NDArray[np.int64],
    before: NDArray[np.intp],
    steps: NDArray[np.int64],
    spans: NDArray[np.int64],
) -> NDArray[np.int64]:
    # Quotient and rest apart: the difference of two times, multiplied by an index, is too large.
    quotients, rests = np.divmod(values[before + 1] - values[before], spans)
    more, rest = np.divmod(rests * steps, spans)
    floor = values[before] + quotients * steps + more
    is_up = (2 * rest > spans) | ((2 * rest == spans) & (floor % 2 != 0))
    result: NDArray[np.int64] = floor + is_up
    return result


def _between_floats(
    values: NDArray[Any],
    before: NDArray[np.intp],
    steps: NDArray[np.int64],
    spans: NDArray[np.int64],
) -> NDArray[Any]:
    if values.dtype.kind == "c":
        result = np.empty(len(steps), values.dtype)
        result.real = _between_floats(values.real, before, steps, spans)
        result.imag = _between_floats(values.imag, before, steps, spans)
        return result
    wide = np.longdouble
    left, right = values[before].astype(wide), values[before + 1].astype(wide)
    longs: NDArray[Any] = (
        left * (spans - steps).astype(wide) + right * steps.astype(wide)
    ) / spans.astype(wide)
    doubles: NDArray[Any] = longs.astype(np.float64)
    if HAS_LONG_DOUBLES:
        _settle_doubts(doubles, longs, (values, before, steps, spans))
    return doubles.astype(values.dtype)


def _settle_doubts(
    doubles: NDArray[Any], longs: NDArray[Any], terms: tuple[NDArray[Any], ...]
) -> None:
    """Round again, from exact fractions, what two roundings may have put on the wrong side."""
    values, before, steps, spans = terms
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        spacing = np.abs(np.spacing(doubles))
        error = np.abs(longs - doubles) / spacing
        # Ends of different sign cancel, and what is left is less exact than it looks.
        largest = np.maximum(np.abs(values[before]), np.abs(values[before + 1]))
        doubt = np.maximum(_NEAR, largest / spacing * _LOST)
        is_close = (np.abs(error - 0.5) < doubt) | (np.abs(error - 0.25) < doubt)
    for place in np.flatnonzero(is_close & np.isfinite(doubles)):
        left = Fraction(float(values[before[place]]))
        right = Fraction(float(values[before[place] + 1]))
        step, span = int(steps[place]), int(spans[place])
        doubles[place] = float((left * (span - step) + right * step) / span)
