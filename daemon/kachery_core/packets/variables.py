"""What a netCDF file holds, without HDF5: variables, and the dimensions they share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass
class Variable:
    """One variable.

    Attributes:
        dims: names of its dimensions.
        values: numbers, or text as numpy's str.
        attrs: text, numbers, and arrays of these.
    """

    dims: tuple[str, ...]
    values: NDArray[Any]
    attrs: dict[str, Any] = field(default_factory=dict)


@dataclass
class Variables:
    """All of a file.

    Attributes:
        sizes: of every dimension, in their order.
        members: the variables by name, in their order.
        conventions: what the file calls its grammar.
        coordinates: names of variables that the file as a whole calls coordinates.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    members: dict[str, Variable] = field(default_factory=dict)
    conventions: str = "CF-1.9"
    coordinates: tuple[str, ...] = ()
