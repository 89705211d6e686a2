"""What follows the last whole group of a log: torn by a crash, or damage to something acknowledged?

A crash can tear only the group that was being written, and a group has one signature, at its end.
So remains in which a signed batch is not the last thing were more than one group, and all but the
last of those were acknowledged. This tells without any note of how far the log went.
"""

from __future__ import annotations

import re
import struct

from kachery_core.keys import SIGNATURE_SIZE
from kachery_core.messages import HEADER_SIZE, LARGEST_BATCH, SIGNED, TAIL_SIZE

# The version and the flags of a batch, after its size. No message has such bytes: they are no JSON.
_BEGINNING = re.compile(rb"(?=\x01[\x00\x01])")
_COUNT_AT = 14


def are_several_groups(data: bytes) -> bool:
    """Whether remains hold a whole batch that was not in the last group."""
    end = len(data.rstrip(b"\0"))
    for found in _BEGINNING.finditer(data, 4, end):
        start = found.start() - 4
        stop = _end_of_batch(data, start)
        if stop is None:
            continue
        is_signed = data[start + 5] & SIGNED
        # A signature before it is that of another group; so is one in it with more after it.
        if any(data[max(start - SIGNATURE_SIZE, 0) : start]) or (is_signed and stop < end):
            return True
    return False


def _end_of_batch(data: bytes, start: int) -> int | None:
    """Where a batch ends, if one begins here whose sizes all fit; by chance they never do."""
    size = int.from_bytes(data[start : start + 4], "big")
    stop = start + 4 + size
    if not HEADER_SIZE - 4 + TAIL_SIZE < size <= LARGEST_BATCH or stop > len(data):
        return None
    (count,) = struct.unpack_from(">I", data, start + _COUNT_AT)
    first = start + HEADER_SIZE + 4 * count
    if count == 0 or first > stop - TAIL_SIZE:
        return None
    sizes = struct.unpack_from(f">{count}I", data, start + HEADER_SIZE)
    return stop if first + sum(sizes) == stop - TAIL_SIZE else None
