"""How much memory the compressed chunks of a packet need, known before a filter runs.

A filter believes what a chunk says of itself and reserves as much. So each chunk's own header is
compared with the size the packet declares; what says nothing of itself is unpacked here first,
no further than that size.
"""

from __future__ import annotations

import bz2
import struct
import zlib
from typing import TYPE_CHECKING, Protocol

import h5py
import numpy as np

from kachery_core.errors import BadPacketError

if TYPE_CHECKING:
    from collections.abc import Callable

_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_BZIP2, _LZF, _BLOSC, _LZ4, _BITSHUFFLE, _ZFP, _ZSTD, _BLOSC2 = (
    307, 32000, 32001, 32004, 32008, 32013, 32015, 32026,
)  # fmt: skip
_MOST_CHUNKS = 200_000
_LZF_RATIO = 200
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZFP_BITS = 48


class Budget(Protocol):
    """How many bytes are left."""

    def spend(self, size: int, what: str) -> None:
        """Note that so many will be needed."""
        ...


def check_chunks(
    dataset: h5py.Dataset, packet: memoryview, budget: Budget, *, any_filter: bool
) -> None:
    """Look at every chunk of a dataset.

    Raises:
        BadPacketError: one would need more than the dataset declares.
    """
    made = dataset.id.get_create_plist()
    filters = [made.get_filter(number) for number in range(made.get_nfilters())]
    chunk_size = int(np.prod(dataset.chunks, dtype=object)) * dataset.dtype.itemsize
    budget.spend(chunk_size, "one chunk")
    packers = [found for found in filters if found[0] not in (_SHUFFLE, _FLETCHER32)]
    if not packers:
        return
    if len(packers) > 1:
        raise BadPacketError("The packet is compressed more than once.")
    number, _, settings, _ = packers[0]
    if not h5py.h5z.filter_avail(number):
        raise BadPacketError(
            f"The packet is compressed with HDF5's filter {number}, which is not here.",
            hint="It may be one of hdf5plugin's: pip install 'kachery-jupyter[streams]'",
        )
    size = _zfp_size(settings) if number == _ZFP else None
    if size is not None:
        _expect(size, chunk_size)
        return
    if number not in _SIZES and number != _LZF:
        if any_filter:
            return
        raise BadPacketError(
            f"The packet is compressed with HDF5's filter {number}, whose memory cannot be known.",
            hint="Name the publisher you trust: ZMQSubscriber(address, trusted=its public key).",
        )
    _check_each(dataset, packet, number, chunk_size)


def _check_each(dataset: h5py.Dataset, packet: memoryview, number: int, chunk_size: int) -> None:
    if dataset.id.get_num_chunks() > _MOST_CHUNKS:
        raise BadPacketError("The packet has too many chunks.")
    found: list[tuple[int, int, int]] = []

    def note(chunk: h5py.h5d.StoreInfo) -> None:
        found.append((chunk.byte_offset, chunk.size, chunk.filter_mask))

    dataset.id.chunk_iter(note)
    for start, size, mask in found:
        if start + size > len(packet):
            raise BadPacketError("The packet has a chunk outside of itself.")
        if mask:
            continue  # kept as it is, because it did not shrink
        if number == _LZF:
            if size * _LZF_RATIO > max(chunk_size * _LZF_RATIO, 1 << 20):
                raise BadPacketError("The packet has a chunk that is larger than it declares.")
        else:
            _expect(_SIZES[number](packet[start : start + size], chunk_size), chunk_size)


def _expect(size: int, declared: int) -> None:
    if size > declared:
        raise BadPacketError(f"A chunk of {declared:,} bytes would unpack to {size:,} bytes.")


def _deflate_size(chunk: memoryview, most: int) -> int:
    try:
        return len(zlib.decompressobj().decompress(chunk, most + 1))
    except zlib.error as problem:
        raise BadPacketError(f"The packet has a damaged chunk: {problem}.") from problem


def _no_size(_chunk: memoryview, _most: int) -> int:
    raise BadPacketError("The packet has a damaged chunk.")


def _bzip2_size(chunk: memoryview, most: int) -> int:
    try:
        return len(bz2.BZ2Decompressor().decompress(chunk, most + 1))
    except (OSError, ValueError) as problem:
        raise BadPacketError(f"The packet has a damaged chunk: {problem}.") from problem


def _zstd_size(chunk: memoryview, _most: int) -> int:
    if bytes(chunk[:4]) != _ZSTD_MAGIC:
        raise BadPacketError("The packet has a damaged chunk.")
    descriptor = chunk[4]
    is_single = bool(descriptor & 0x20)
    width = {0: int(is_single), 1: 2, 2: 4, 3: 8}[descriptor >> 6]
    if width == 0:
        raise BadPacketError("The packet has a chunk that does not say how large it is.")
    start = 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
    size = int.from_bytes(chunk[start : start + width], "little")
    return size + (256 if width == 2 else 0)  # noqa: PLR2004 - as the format has it


def _word_size(layout: str, start: int) -> Callable[[memoryview, int], int]:
    reader = struct.Struct(layout)

    def size(chunk: memoryview, _most: int) -> int:
        if len(chunk) < start + reader.size:
            raise BadPacketError("The packet has a damaged chunk.")
        found: int = reader.unpack_from(chunk, start)[0]
        return found

    return size


def _blosc2_size(chunk: memoryview, most: int) -> int:
    """What a frame says of all of it, and what the chunk inside says of itself."""
    if bytes(chunk[2:9]) != b"b2frame":
        return _word_size("<I", 4)(chunk, most)
    whole = _word_size(">q", 30)(chunk, most)
    inside = _word_size(">i", 11)(chunk, most)
    if whole < 0 or inside < 0:
        raise BadPacketError("The packet has a damaged chunk.")
    return max(whole, _word_size("<I", inside + 4)(chunk, most))


def _bitshuffle_size(chunk: memoryview, most: int) -> int:
    # Without a compressor behind it, bits only change places, and there is no header.
    return most if len(chunk) == most else _word_size(">Q", 0)(chunk, most)


def _zfp_size(settings: tuple[int, ...]) -> int | None:
    """The size of a chunk in the header that HDF5's ZFP filter keeps in its settings.

    None if there is no header: the filter was not used, because there was too little to pack.
    """
    header = b"".join(struct.pack("<I", number & 0xFFFFFFFF) for number in settings[1:])
    if header[:3] != b"zfp" or len(header) < 12:  # noqa: PLR2004 - magic, version and shape
        return None
    meta = int.from_bytes(header[4:12], "little")
    itemsize = (4, 8, 4, 8)[meta & 3]
    dims = ((meta >> 2) & 3) + 1
    width = _ZFP_BITS // dims
    size = itemsize
    for axis in range(dims):
        size *= ((meta >> (4 + axis * width)) & ((1 << width) - 1)) + 1
    return size


_SIZES: dict[int, Callable[[memoryview, int], int]] = {
    _DEFLATE: _deflate_size,
    _BZIP2: _bzip2_size,
    _BLOSC: _word_size("<I", 4),
    _LZ4: _word_size(">Q", 0),
    _BITSHUFFLE: _bitshuffle_size,
    _ZFP: _no_size,
    _ZSTD: _zstd_size,
    _BLOSC2: _blosc2_size,
}
