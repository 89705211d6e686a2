"""The chunk table of one content: what each range of it must hash to.

Written as kachery wrote manifests, `{"size", "sha1", "chunks": [{"start", "end", ...}]}`, with one
difference: our chunks are 1 MiB and carry `blake3`, kachery's were 20 MB and carried `sha1`. Both
are read. A URI with `?manifest=` names this table by the SHA-1 of its bytes, so that a range can
be verified by somebody who does not have the rest.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import msgspec

from kachery_core.digests import (
    CHUNK_SIZE,
    blake3_hex,
    is_sha1,
    json_bytes,
    sha1_hex,
)
from kachery_core.errors import MalformedContentError

# As in kachery: files above this size carry their manifest in the URI.
MANIFEST_THRESHOLD = 20_000_000
# The table of 1 TiB has a million rows of about 110 bytes.
LARGEST_MANIFEST = 128 << 20


# Rows are decoded some at a time: as objects, those of the largest table would take 700 MB.
_PIECE_BYTES = 64 << 10
_PIECE_ROWS = 1000
_ROW_END = re.compile(rb"\}")
_SEPARATOR = re.compile(rb"[ \t\r\n]*,")
_DIGEST_BYTES = {"blake3": 32, "sha1": 20}


class _Row(msgspec.Struct, frozen=True, gc=False):
    start: int
    end: int
    blake3: str = ""
    sha1: str = ""


class _Table(msgspec.Struct, frozen=True):
    size: int
    sha1: str
    chunks: msgspec.Raw


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


class _EqualChunks(Sequence[Chunk]):
    """Chunks of one width, the last one shorter: 32 bytes each, and an object when looked at."""

    def __init__(self, size: int, width: int, algorithm: str, digests: bytes) -> None:
        # A single chunk is as wide as it is long: equal chunks have equal facts.
        self._facts = (size, min(width, size), algorithm, digests)

    def __len__(self) -> int:
        _, _, algorithm, digests = self._facts
        return len(digests) // _DIGEST_BYTES[algorithm]

    @overload
    def __getitem__(self, index: int) -> Chunk: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Chunk, ...]: ...
    def __getitem__(self, index: int | slice) -> Chunk | tuple[Chunk, ...]:
        if isinstance(index, slice):
            return tuple(map(self._at, range(*index.indices(len(self)))))
        return self._at(range(len(self))[index])

    def _at(self, number: int) -> Chunk:
        size, width, algorithm, digests = self._facts
        length = _DIGEST_BYTES[algorithm]
        digest = digests[number * length : (number + 1) * length].hex()
        return Chunk(number * width, min((number + 1) * width, size), algorithm, digest)

    def facts(self, first: int, last: int) -> Iterator[tuple[int, int, str, str]]:
        """Start, end, algorithm and digest of the chunks [first, last)."""
        size, width, algorithm, digests = self._facts
        length = _DIGEST_BYTES[algorithm]
        text = digests[first * length : last * length].hex()
        for place in range(0, len(text), 2 * length):
            start = (first + place // (2 * length)) * width
            digest = text[place : place + 2 * length]
            yield start, min(start + width, size), algorithm, digest

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _EqualChunks):
            return self._facts == other._facts
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))


@dataclass(frozen=True)
class Manifest:
    """The chunk table of one content, contiguous from 0 to its size."""

    sha1: str
    size: int
    chunks: Sequence[Chunk]

    def covering(self, start: int, end: int) -> tuple[Chunk, ...]:
        """The chunks that hold any byte of [start, end)."""
        if start >= end:
            return ()
        width = self.chunks[0].end
        return tuple(self.chunks[start // width : (end - 1) // width + 1])


def make_manifest(sha1: str, size: int, digests: list[str] | tuple[str, ...]) -> Manifest:
    """The table of content whose 1 MiB chunks have these BLAKE3 digests."""
    count = -(-size // CHUNK_SIZE)
    if count != len(digests):
        raise ValueError(f"{len(digests)} digests for {count} chunks")
    joined = bytes.fromhex("".join(digests))
    return Manifest(sha1, size, _EqualChunks(size, CHUNK_SIZE, "blake3", joined))


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of a table; equal tables have equal bytes."""
    table = io.BytesIO()
    table.write(json_bytes({"size": manifest.size, "sha1": manifest.sha1, "chunks": []})[:-2])
    for first in range(0, len(manifest.chunks), _PIECE_ROWS):
        # As `json_bytes` writes it, many times faster: somebody waits for the first byte.
        rows = ",".join(
            f'{{"start":{start},"end":{end},"{algorithm}":"{digest}"}}'
            for start, end, algorithm, digest in _facts_of(manifest.chunks, first)
        )
        table.write(b"," if first else b"")
        table.write(rows.encode("ascii"))
    table.write(b"]}")
    return table.getvalue()


@dataclass(frozen=True)
class ReadTable:
    """What somebody sent as a chunk table.

    Attributes:
        blake3: of its bytes, hex.
        sha1: of its bytes, hex.
        manifest: the table; None if it is none.
    """

    blake3: str
    sha1: str
    manifest: Manifest | None


def read_table(data: bytes) -> ReadTable:
    """Read what may be a chunk table; takes a second for the largest."""
    try:
        manifest = decode_manifest(data)
    except MalformedContentError:
        manifest = None
    return ReadTable(blake3_hex(data), sha1_hex(data), manifest)


def _facts_of(chunks: Sequence[Chunk], first: int) -> Iterable[tuple[int, int, str, str]]:
    """Start, end, algorithm and digest of the next chunks, without an object for each."""
    if isinstance(chunks, _EqualChunks):
        return chunks.facts(first, first + _PIECE_ROWS)
    some = chunks[first : first + _PIECE_ROWS]
    return ((each.start, each.end, each.algorithm, each.digest) for each in some)


def decode_manifest(data: bytes) -> Manifest:
    """Read a table, ours or kachery's.

    Raises:
        MalformedContentError: not a table, or its chunks leave gaps, overlap or differ in width.
    """
    if len(data) > LARGEST_MANIFEST:
        raise MalformedContentError(f"A manifest of {len(data)} bytes is larger than is accepted.")
    try:
        table = msgspec.json.decode(data, type=_Table)
        chunks = _checked_chunks(table.size, _rows(memoryview(table.chunks)))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise MalformedContentError(f"This is not a manifest: {problem}.") from problem
    if not is_sha1(table.sha1):
        raise MalformedContentError("The manifest does not name its content.")
    return Manifest(table.sha1, table.size, chunks)


def _rows(text: memoryview) -> Iterator[list[_Row]]:
    """The rows of a JSON list, decoded in pieces that end where a row ends."""
    if bytes(text[:1]) != b"[":
        raise MalformedContentError("The chunks of this manifest are not a list.")
    start, last = 1, len(text) - 1
    while start < last:
        row_end = _ROW_END.search(text, min(start + _PIECE_BYTES, last), last)
        end = row_end.end() if row_end else last
        yield msgspec.json.decode(b"[" + bytes(text[start:end]) + b"]", type=list[_Row])
        separator = _SEPARATOR.match(text, end, last)
        start = separator.end() if separator else last


def _checked_chunks(size: int, pieces: Iterator[list[_Row]]) -> _EqualChunks:
    """Chunks run from 0 to size without gap, all of one width but the last, none empty."""
    digests = bytearray()
    width, algorithm, count = CHUNK_SIZE, "blake3", 0
    for rows in pieces:
        if count == 0 and rows:
            width, algorithm = rows[0].end, "blake3" if rows[0].blake3 else "sha1"
        if width <= 0:
            raise _not_covered(size)
        start, count = count * width, count + len(rows)
        # Compared as a whole: row by row it takes three times as long.
        starts = list(range(start, count * width, width))
        ends = [min(each + width, size) for each in starts]
        if [row.start for row in rows] != starts or [row.end for row in rows] != ends:
            raise _not_covered(size)
        digests += _digests(rows, algorithm)
    # A table may claim any size; only what was there is counted.
    if size < 0 or count != -(-size // width):
        raise _not_covered(size)
    return _EqualChunks(size, width, algorithm, bytes(digests))


def _digests(rows: list[_Row], algorithm: str) -> bytes:
    """The digests of some rows, one after the other."""
    length = _DIGEST_BYTES[algorithm]
    texts = [row.blake3 if algorithm == "blake3" else row.sha1 for row in rows]
    text = "".join(texts)
    try:
        digests = bytes.fromhex(text)
    except ValueError:
        digests = b""
    if digests.hex() != text or any(len(each) != 2 * length for each in texts):
        raise MalformedContentError(f"A chunk has no {algorithm} digest.")
    return digests


def _not_covered(size: int) -> MalformedContentError:
    return MalformedContentError(f"The chunks do not cover {size} bytes in order.")
