"""The chunk table of one content: what each range of it must hash to.

Written as kachery wrote manifests, `{"size", "sha1", "chunks": [{"start", "end", ...}]}`, with one
difference: our chunks are 1 MiB and carry `blake3`, kachery's were 20 MB and carried `sha1`. Both
are read. A URI with `?manifest=` names this table by the SHA-1 of its bytes, so that a range can
be verified by somebody who does not have the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from kachery_core.digests import (
    CHUNK_SIZE,
    blake3_hex,
    chunk_bounds,
    is_sha1,
    json_bytes,
    sha1_hex,
)
from kachery_core.errors import MalformedContentError

# As in kachery: files above this size carry their manifest in the URI.
MANIFEST_THRESHOLD = 20_000_000
# The table of 1 TiB has a million rows of about 110 bytes.
LARGEST_MANIFEST = 128 << 20


class _Row(msgspec.Struct, frozen=True):
    start: int
    end: int
    blake3: str = ""
    sha1: str = ""


class _Table(msgspec.Struct, frozen=True):
    size: int
    sha1: str
    chunks: list[_Row]


@dataclass(frozen=True)
class Chunk:
    """One range of the content, [start, end), and the digest it must have."""

    start: int
    end: int
    algorithm: str
    digest: str

    def matches(self, data: bytes | memoryview) -> bool:
        """Whether these bytes are the chunk."""
        if len(data) != self.end - self.start:
            return False
        actual = blake3_hex(data) if self.algorithm == "blake3" else sha1_hex(data)
        return actual == self.digest


@dataclass(frozen=True)
class Manifest:
    """The chunk table of one content, contiguous from 0 to its size."""

    sha1: str
    size: int
    chunks: tuple[Chunk, ...]

    def covering(self, start: int, end: int) -> tuple[Chunk, ...]:
        """The chunks that hold any byte of [start, end)."""
        if start >= end:
            return ()
        width = self.chunks[0].end
        return self.chunks[start // width : (end - 1) // width + 1]


def make_manifest(sha1: str, size: int, digests: list[str] | tuple[str, ...]) -> Manifest:
    """The table of content whose 1 MiB chunks have these BLAKE3 digests."""
    bounds = chunk_bounds(size)
    if len(bounds) != len(digests):
        raise ValueError(f"{len(digests)} digests for {len(bounds)} chunks")
    return Manifest(
        sha1,
        size,
        tuple(
            Chunk(start, end, "blake3", digest)
            for (start, end), digest in zip(bounds, digests, strict=True)
        ),
    )


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of a table; equal tables have equal bytes."""
    return json_bytes(
        {
            "size": manifest.size,
            "sha1": manifest.sha1,
            "chunks": [
                {"start": chunk.start, "end": chunk.end, chunk.algorithm: chunk.digest}
                for chunk in manifest.chunks
            ],
        }
    )


def decode_manifest(data: bytes) -> Manifest:
    """Read a table, ours or kachery's.

    Raises:
        MalformedContentError: not a table, or its chunks leave gaps, overlap or differ in width.
    """
    if len(data) > LARGEST_MANIFEST:
        raise MalformedContentError(f"A manifest of {len(data)} bytes is larger than is accepted.")
    try:
        table = msgspec.json.decode(data, type=_Table)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise MalformedContentError(f"This is not a manifest: {problem}.") from problem
    chunks = tuple(_checked_row(row) for row in table.chunks)
    _check_cover(table.size, chunks)
    if not is_sha1(table.sha1):
        raise MalformedContentError("The manifest does not name its content.")
    return Manifest(table.sha1, table.size, chunks)


def _checked_row(row: _Row) -> Chunk:
    if row.blake3:
        return Chunk(row.start, row.end, "blake3", row.blake3)
    if is_sha1(row.sha1):
        return Chunk(row.start, row.end, "sha1", row.sha1)
    raise MalformedContentError(f"The chunk at {row.start} has no digest.")


def _check_cover(size: int, chunks: tuple[Chunk, ...]) -> None:
    """Chunks run from 0 to size without gap, all of one width but the last, none empty."""
    width = chunks[0].end if chunks else CHUNK_SIZE
    # Counted before anything is built: a table may claim any size.
    in_order = size >= 0 and width > 0 and len(chunks) == -(-size // width)
    if not in_order or any(
        (chunk.start, chunk.end) != (index * width, min((index + 1) * width, size))
        for index, chunk in enumerate(chunks)
    ):
        raise MalformedContentError(f"The chunks do not cover {size} bytes in order.")
