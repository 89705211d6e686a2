"""Memory that was freed is kept for the next megabyte, where the C library can be told to.

By default it gives everything above 2 MB back, and every chunk that passes through the hub gets new
pages from the system, one after the other: as long as copying it three times.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD = -1  # <malloc.h>
_MMAP_THRESHOLD = -3
_KEPT_BYTES = 32 << 20
_LARGEST_IN_HEAP = 8 << 20


def keep_freed_memory() -> None:
    """Do so from now on; for a process that is a node and nothing else."""
    if sys.platform != "linux":
        return
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is not None:  # not in every C library
        change(_TRIM_THRESHOLD, _KEPT_BYTES)
        change(_MMAP_THRESHOLD, _LARGEST_IN_HEAP)
