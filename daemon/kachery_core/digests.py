"""Content digests, and the one byte form of a JSON value.

SHA-1 names content (the kachery family's addresses); BLAKE3 verifies it, chunk by chunk.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from kachery_core.errors import InvalidInputError

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Large enough that hashing runs at full speed, small enough to verify a short range cheaply.
CHUNK_SIZE = 1 << 20

_SHA1 = re.compile(r"[0-9a-f]{40}")


def sha1_hex(data: Buffer) -> str:
    """SHA-1 of bytes, 40 lowercase hex digits."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def blake3_hex(data: Buffer) -> str:
    """BLAKE3-256 of bytes, 64 lowercase hex digits."""
    return blake3(data).hexdigest()


def is_sha1(text: str) -> bool:
    """Whether text is a SHA-1 in its one accepted spelling."""
    return _SHA1.fullmatch(text) is not None


def chunk_bounds(size: int) -> list[tuple[int, int]]:
    """The [start, end) of every chunk of content of this size; empty content has none."""
    return [(start, min(start + CHUNK_SIZE, size)) for start in range(0, size, CHUNK_SIZE)]


def chunk_digests(data: Buffer) -> tuple[str, ...]:
    """BLAKE3 of every chunk of bytes."""
    view = memoryview(data).cast("B")
    return tuple(blake3_hex(view[start:end]) for start, end in chunk_bounds(len(view)))


def json_bytes(value: Any, *, sort_keys: bool = False) -> bytes:
    """A JSON value as kachery wrote it: no spaces, ASCII only, keys in the given order.

    Args:
        value: dict, list, str, int, float, bool or None, nested.
        sort_keys: give equal values equal bytes (used for the identity of keys and names).

    Raises:
        InvalidInputError: not a JSON value; NaN, infinities and cycles included.
    """
    try:
        return json.dumps(
            value, separators=(",", ":"), allow_nan=False, sort_keys=sort_keys
        ).encode("ascii")
    except (TypeError, ValueError, RecursionError) as problem:
        raise InvalidInputError(
            f"This value cannot be written as JSON: {problem}.",
            hint="Use dicts with text keys, lists, text, finite numbers, True, False and None.",
        ) from problem
