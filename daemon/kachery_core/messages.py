"""Signed feed messages: entries in a hash chain, and the signed head of the chain.

A subfeed is a chain of entries, one for each message. With `||` for "followed by", all integers
big-endian, and SHA-256 throughout:

    entry(i) = SHA-256("kachery-feed-entry-1" 00 || feed key (32) || subfeed hash (20)
                       || i (u64) || entry(i-1), or 32 zero bytes (32)
                       || time, microseconds since 1970 (i64) || SHA-256(payload) (32))
    signature = Ed25519(feed key, "kachery-feed-head-1" 00 || feed key (32) || subfeed hash (20)
                        || length (u64) || entry(length-1) (32))

Feed and subfeed are in every entry, so that nothing can be moved between them. One signature
covers everything before it, so that appending many messages costs one. Messages travel and are
kept in *batches*, one for each append call:

    size of the rest (u32) | version 1 (u8) | flags (u8) | first index (u64) | count (u32)
    | time (i64) | append id (16) | payload sizes (count x u32) | payloads
    | last entry (32) | signature (64, zeros unless flag 1)

`docs/feeds.md` has this with test vectors.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import BadSignatureError, BrokenChainError, InvalidInputError
from kachery_core.keys import SIGNATURE_SIZE, is_signed_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ENTRY_SIZE = 32
NOTHING = bytes(ENTRY_SIZE)
APPEND_ID_SIZE = 16
# One message is a line in a log, not a file; larger values are stored as content and referred to.
LARGEST_PAYLOAD = 1 << 20
LARGEST_BATCH = 64 << 20

ENTRY_TAG = b"kachery-feed-entry-1\x00"
_HEAD_TAG = b"kachery-feed-head-1\x00"
VERSION = 1
SIGNED = 1
_HEADER = struct.Struct(">IBBQIq16s")
HEADER_SIZE = _HEADER.size
_ENTRY_FIXED = struct.Struct(">Q32sq")
TAIL_SIZE = ENTRY_SIZE + SIGNATURE_SIZE


class SubfeedKey(msgspec.Struct, frozen=True):
    """Which subfeed: the feed's public key and the subfeed's hash, both lowercase hex."""

    feed: str
    subfeed: str

    @property
    def raw(self) -> bytes:
        """Both as 52 bytes."""
        return bytes.fromhex(self.feed) + bytes.fromhex(self.subfeed)


class Head(msgspec.Struct, frozen=True):
    """How far a chain goes: its number of entries and the last of them."""

    length: int = 0
    entry: bytes = NOTHING


class Batch(msgspec.Struct, frozen=True):
    """The messages of one append call.

    Attributes:
        first: index of the first message.
        time_us: the writer's clock, microseconds since 1970.
        append_id: 16 bytes chosen by who appended; the same id is the same append.
        payloads: each message as JSON bytes.
        head: the chain's head after the last message, as the batch claims it.
        signature: over the head, or empty.
    """

    first: int
    time_us: int
    append_id: bytes
    payloads: list[bytes]
    head: Head
    signature: bytes = b""


def chain(key: SubfeedKey, head: Head, time_us: int, payloads: Iterable[bytes]) -> Head:
    """The head after more messages."""
    # This runs once for every message ever read: what does not change is made outside the loop.
    prefix = ENTRY_TAG + key.raw
    sha256 = hashlib.sha256
    pack = _ENTRY_FIXED.pack
    entry, index = head.entry, head.length
    for payload in payloads:
        entry = sha256(prefix + pack(index, entry, time_us) + sha256(payload).digest()).digest()
        index += 1
    return Head(index, entry)


def head_bytes(key: SubfeedKey, head: Head) -> bytes:
    """What a signature over a head signs."""
    return _HEAD_TAG + key.raw + head.length.to_bytes(8, "big") + head.entry


def make_batch(
    key: SubfeedKey, head: Head, time_us: int, append_id: bytes, payloads: Sequence[bytes]
) -> Batch:
    """The next batch of a chain, not yet signed.

    Raises:
        InvalidInputError: no message, or one too large.
    """
    if not payloads:
        raise InvalidInputError("There is no message to append.")
    largest = max(map(len, payloads))
    if largest > LARGEST_PAYLOAD:
        raise InvalidInputError(
            f"A message has {largest:,} bytes; a feed takes at most {LARGEST_PAYLOAD:,}.",
            hint="Store the value (kc.store_json, kc.store_npy) and append its URI.",
        )
    after = chain(key, head, time_us, payloads)
    return Batch(head.length, time_us, append_id, list(payloads), after)


def check_batch(key: SubfeedKey, head: Head, batch: Batch) -> Head:
    """The head after a batch that really continues the chain; its signature is not looked at.

    Raises:
        BrokenChainError: it is not the next one, or its messages are not those of its head.
    """
    if batch.first != head.length:
        raise BrokenChainError(
            f"A batch begins at message {batch.first}, and message {head.length} was expected."
        )
    after = chain(key, head, batch.time_us, batch.payloads)
    if after != batch.head:
        raise BrokenChainError(
            f"Messages {head.length} to {after.length - 1} do not continue the feed's chain."
        )
    return after


def check_run(key: SubfeedKey, before: Head, data: bytes) -> list[Batch]:
    """The batches of a run of bytes, if they continue a head and the feed's writer signed the last.

    The last signature covers all entries before it, so one is enough. It covers `before` as well:
    a false one leads to another entry than the one that was signed.

    Raises:
        BrokenChainError: they do not continue it, or the last is not signed.
        BadSignatureError: the last is signed by somebody else.
    """
    batches = []
    head = before
    for batch, _ in decode_batches(data):
        head = check_batch(key, head, batch)
        batches.append(batch)
    if batches:
        if not batches[-1].signature:
            raise BrokenChainError(f"Nobody signed message {head.length - 1}.")
        check_head(key, head, batches[-1].signature)
    return batches


def check_head(key: SubfeedKey, head: Head, signature: bytes) -> None:
    """Check that the feed's writer signed this head.

    Raises:
        BadSignatureError: it did not.
    """
    if not is_signed_by(key.feed, signature, head_bytes(key, head)):
        raise BadSignatureError(
            f"The signature at message {head.length} is not that of feed {key.feed}.",
            hint="Whoever sent this is not the feed's writer, or the bytes were damaged.",
        )


def encode_batch(batch: Batch) -> bytes:
    """The bytes of a batch."""
    sizes = struct.pack(f">{len(batch.payloads)}I", *map(len, batch.payloads))
    rest = b"".join(
        (sizes, *batch.payloads, batch.head.entry, batch.signature or bytes(SIGNATURE_SIZE))
    )
    header = _HEADER.pack(
        HEADER_SIZE - 4 + len(rest),
        VERSION,
        SIGNED if batch.signature else 0,
        batch.first,
        len(batch.payloads),
        batch.time_us,
        batch.append_id,
    )
    return header + rest


class Outline(msgspec.Struct, frozen=True):
    """Where a batch is in a run of bytes, [start, end), and what its header says of it."""

    start: int
    end: int
    head: Head
    is_signed: bool


def outline_batches(data: bytes, *, partial: bool = False) -> Iterator[Outline]:
    """The batches in a run of bytes, without looking at their messages.

    Ends at the end of the bytes, or where a size of 0 stands: room that is not written yet.

    Args:
        data: batches, one after the other.
        partial: end quietly at a batch that is cut off.

    Raises:
        BrokenChainError: the bytes are not batches.
    """
    start = 0
    total = len(data)
    while start + 4 <= total:
        size = int.from_bytes(data[start : start + 4], "big")
        if size == 0:
            return
        end = start + 4 + size
        if not HEADER_SIZE - 4 + TAIL_SIZE <= size <= LARGEST_BATCH:
            raise BrokenChainError(f"There is no batch at byte {start}.")
        if end > total:
            if partial:
                return
            raise BrokenChainError(f"The batch at byte {start} is cut off.")
        _, version, flags, first, count, _, _ = _HEADER.unpack_from(data, start)
        if version != VERSION or count == 0:
            raise BrokenChainError(f"The batch at byte {start} is damaged or of a newer version.")
        entry = data[end - TAIL_SIZE : end - SIGNATURE_SIZE]
        yield Outline(start, end, Head(first + count, entry), bool(flags & SIGNED))
        start = end


def signed_end(data: bytes, start: int, wanted: int) -> int | None:
    """The end of a run that begins at a batch and ends with a signed one; None if there is none.

    The shortest that has the wanted number of bytes, or all there is. Of each batch only its size
    and whether it is signed are looked at: whoever reads a run checks it, and half the time it took
    to send one went into this.
    """
    end = None
    at = start
    while at + HEADER_SIZE <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        is_signed = data[at + 5] & SIGNED
        at += 4 + size
        if size == 0 or at > len(data):
            break
        if is_signed:
            end = at
            if end - start >= wanted:
                break
    return end


def decode_batches(data: bytes) -> Iterator[tuple[Batch, int]]:
    """The batches in a run of bytes, each with the offset after it; not yet checked.

    Raises:
        BrokenChainError: the bytes are not batches.
    """
    for outline in outline_batches(data):
        yield _decode_one(data, outline), outline.end


def _decode_one(data: bytes, outline: Outline) -> Batch:
    _, _, _, first, count, time_us, append_id = _HEADER.unpack_from(data, outline.start)
    position = outline.start + HEADER_SIZE
    payloads_end = outline.end - TAIL_SIZE
    if position + 4 * count > payloads_end:
        raise BrokenChainError(f"The sizes in the batch at byte {outline.start} do not fit in it.")
    sizes = struct.unpack_from(f">{count}I", data, position)
    position += 4 * count
    if position + sum(sizes) != payloads_end:
        raise BrokenChainError(f"The sizes in the batch at byte {outline.start} do not add up.")
    payloads = []
    for size in sizes:
        payloads.append(data[position : position + size])
        position += size
    signature = data[outline.end - SIGNATURE_SIZE : outline.end] if outline.is_signed else b""
    return Batch(first, time_us, append_id, payloads, outline.head, signature)
