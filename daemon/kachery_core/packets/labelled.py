"""An array with names: what a packet holds, whichever library it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kachery_core.errors import NotStreamableError
from kachery_core.packets.interpolation import interpolate

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Rate:
    """How far apart the values of a regular coordinate are: numerator / denominator.

    Attributes:
        numerator: a number, or a time as numpy's timedelta64.
        denominator: a whole number; 1 unless the interval is no whole number of nanoseconds.
        tolerance: how far values may be from regular, or None if nothing was said.
    """

    numerator: Any
    denominator: int = 1
    tolerance: Any = None


@dataclass(frozen=True)
class Dense:
    """A coordinate given by all its values; without a dimension if it is a single one."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attrs: dict[str, Any] = field(default_factory=dict)

    def expanded(self) -> NDArray[Any]:
        """All values, as they are."""
        return self.values


@dataclass(frozen=True)
class Ties:
    """A coordinate given at some indices, linear between them.

    Attributes:
        dims: the one dimension it belongs to.
        indices: int64, strictly increasing, from 0 to the last of the dimension.
        values: numbers or datetime64[ns], one for each index.
        rate: if the coordinate is known to be regular.
    """

    dims: tuple[str, ...]
    indices: NDArray[np.int64]
    values: NDArray[Any]
    rate: Rate | None = None
    attrs: dict[str, Any] = field(default_factory=dict)

    def expanded(self) -> NDArray[Any]:
        """All values: between the ties as xdas computes them, to the last bit."""
        count = int(self.indices[-1]) + 1 if len(self.indices) else 0
        return interpolate(count, self.indices, self.values)


@dataclass(frozen=True)
class Sampled:
    """A coordinate of segments, each given by its first value and its length.

    Attributes:
        dims: the one dimension it belongs to.
        values: the first of each segment.
        lengths: int64, how many values each segment has.
        rate: how far apart they are.
    """

    dims: tuple[str, ...]
    values: NDArray[Any]
    lengths: NDArray[np.int64]
    rate: Rate
    attrs: dict[str, Any] = field(default_factory=dict)

    def expanded(self) -> NDArray[Any]:
        """All values."""
        lengths = self.lengths
        total = int(lengths.sum()) if len(lengths) else 0
        # The place of each value in its segment: 0, 1, 2, 0, 1, ...
        steps = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        firsts = np.repeat(self.values, lengths)
        numerator, denominator = np.asarray(self.rate.numerator), self.rate.denominator
        if numerator.dtype.kind != "m":
            offsets = steps * numerator / denominator if denominator != 1 else steps * numerator
        elif denominator == 1:
            offsets = steps * numerator
        else:
            ticks = int(numerator.astype("m8[ns]").astype(np.int64))
            offsets = ((2 * steps * ticks + denominator) // (2 * denominator)).astype("m8[ns]")
        result: NDArray[Any] = firsts + offsets
        return result


Coordinate = Dense | Ties | Sampled


@dataclass(frozen=True)
class LabelledArray:
    """Values, and names for their dimensions and coordinates.

    Attributes:
        values: the numbers; any shape.
        dims: one name for each dimension of `values`.
        coords: by name.
        name: of the array, or None.
        attrs: what else is said of it: text, numbers and lists of these.
    """

    values: NDArray[Any]
    dims: tuple[str, ...]
    coords: dict[str, Coordinate] = field(default_factory=dict)
    name: str | None = None
    attrs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.dims) != self.values.ndim or len(set(self.dims)) != len(self.dims):
            raise NotStreamableError(
                f"The array has {self.values.ndim} dimensions and they are called {self.dims}.",
                hint="Give each dimension one name of its own.",
            )

    @property
    def sizes(self) -> dict[str, int]:
        """The length of each dimension."""
        return dict(zip(self.dims, self.values.shape, strict=True))
