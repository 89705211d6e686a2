"""What store_pkl takes: exactly the values that load_pkl gives back."""

from __future__ import annotations

import sys
from typing import Any

from kachery_core.errors import InvalidInputError
from kachery_jupyter.client.pickled_parts import DEEPEST

_SINGLE = frozenset((int, float, complex, str, bool, type(None), range, bytes, bytearray))
_GROUPS = frozenset((list, tuple, set, frozenset))


def check_plain(value: Any) -> None:
    """Refuse values that only a trusted pickle could hold.

    Raises:
        InvalidInputError: with the type, and where it is.
    """
    waiting: list[tuple[Any, str, int]] = [(value, "", 0)]
    done: set[int] = set()
    while waiting:
        item, where, depth = waiting.pop()
        kind = type(item)
        if kind in _SINGLE or id(item) in done:
            continue
        if depth >= DEEPEST:
            raise _not_plain(f"It is nested more than {DEEPEST} deep", "")
        if kind is dict:
            done.add(id(item))
            for key, entry in item.items():
                waiting.append((key, f"{where}.keys()", depth + 1))
                waiting.append((entry, f"{where}[{str(key)[:40]!r}]", depth + 1))
        elif kind in _GROUPS:
            done.add(id(item))
            waiting += [(entry, f"{where}[{n}]", depth + 1) for n, entry in enumerate(item)]
        elif not (_is_plain_slice(item) or _is_plain_array(item)):
            raise _not_plain(f"{kind.__module__}.{kind.__qualname__} is not plain data", where)


def _is_plain_slice(item: Any) -> bool:
    return type(item) is slice and all(
        type(bound) in (int, type(None)) for bound in (item.start, item.stop, item.step)
    )


def _is_plain_array(item: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or not (type(item) is numpy.ndarray or isinstance(item, numpy.generic)):
        return False
    from kachery_jupyter.client.pickled_arrays import is_plain_type  # noqa: PLC0415 - numpy

    return type(item).__module__ == "numpy" and is_plain_type(item.dtype)


def _not_plain(what: str, where: str) -> InvalidInputError:
    at = f", at x{where}" if where else ""
    return InvalidInputError(
        f"{what}{at}.",
        hint="Numbers, text, bytes, None, lists, tuples, dicts, sets, ranges and numpy arrays are. "
        "For anything else: store_pkl(x, trusted=True), load_pkl(uri, trusted=True).",
    )
