"""Which bytes a Range header asks for."""

from __future__ import annotations

import re

from kachery_core.errors import InvalidRangeError

_FORM = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The [start, end) that is asked for; None for all of it.

    A header we do not understand, or one that asks for several ranges, is answered with all of
    it, as HTTP has it.

    Raises:
        InvalidRangeError: none of the bytes asked for exist.
    """
    match = _FORM.fullmatch((header or "").strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise InvalidRangeError(
            f"The content has {size} bytes; {header!r} asks for none of them.", size=size
        )
    return start, end
