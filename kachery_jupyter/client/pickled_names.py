"""What a pickle of plain data may name, and what is made of it here instead of calling that."""

from __future__ import annotations

from typing import Any

from kachery_jupyter.client.pickled_parts import Part, check_hashable, refuse


def part_named(module: Any, name: Any) -> Part:
    """What stands for a name.

    Raises:
        UnsafePickleError: it may not be named.
    """
    if not (type(module) is str and type(name) is str):
        raise refuse("a name in it is not text")
    if module.split(".")[0] == "numpy":
        from kachery_jupyter.client.pickled_arrays import ARRAY_PARTS  # noqa: PLC0415 - numpy

        part = ARRAY_PARTS.get((module, name))
    else:
        part = _PLAIN_PARTS.get((module, name))
    if part is None:
        raise refuse(f"it wants {module[:60]}.{name[:60]}")
    return part


def _make_range(*arguments: Any) -> range:
    _check_types(arguments, int)
    return range(*arguments)


def _make_complex(real: Any, imaginary: Any) -> complex:
    _check_types((real, imaginary), float)
    return complex(real, imaginary)


def _make_slice(*arguments: Any) -> slice:
    _check_types(arguments, int, type(None))
    return slice(*arguments)


def _make_set(items: Any) -> set[Any]:
    _check_items(items)
    return set(items)


def _make_frozenset(items: Any) -> frozenset[Any]:
    _check_items(items)
    return frozenset(items)


def _make_bytearray(content: Any = b"") -> bytearray:
    _check_types((content,), bytes)
    return bytearray(content)


def _check_types(values: tuple[Any, ...], *types: type) -> None:
    if not all(type(value) in types for value in values):
        raise refuse("a part of it is of the wrong type")


def _check_items(items: Any) -> None:
    """Older pickles make sets of lists."""
    if type(items) is not list:
        raise refuse("it makes a set of what is not a list")
    for item in items:
        check_hashable(item)


_PLAIN_PARTS = {
    ("builtins", part.name): part
    for part in (
        Part("range", _make_range),
        Part("complex", _make_complex),
        Part("slice", _make_slice),
        Part("set", _make_set),
        Part("frozenset", _make_frozenset),
        Part("bytearray", _make_bytearray),
    )
}
