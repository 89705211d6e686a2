"""Some values of an array in a file, however large it is: every read is of a verified chunk.

A chunk of 1 MiB costs as much as any of its values, so chunks are counted, not values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import MalformedContentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kachery_jupyter.client.npy import Header

MOST_CHUNKS = 256
# To halve an axis should nearly halve the chunks.
_WORTH_IT = 0.8


class Samples:
    """An array of a file, of which single values are read.

    Args:
        file: the content, to be read and sought in.
        header: of the array.
    """

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self._file = file
        self._header = header
        shape, size = header.shape, header.dtype.itemsize
        order = range(len(shape)) if header.is_fortran else reversed(range(len(shape)))
        self._strides = [0] * len(shape)
        for axis in order:
            self._strides[axis] = size
            size *= shape[axis]

    def grid(
        self, most: Sequence[int], dtype: np.dtype[Any] | None = None, start: int = 0
    ) -> NDArray[Any]:
        """Values evenly spread over the last axes, at index 0 of all others.

        Args:
            most: how many along each of the last axes; fewer where they cost too many chunks.
            dtype: of a part of each value; of the whole if left out.
            start: where the part begins within a value, in bytes.
        """
        counts = [
            min(most_here, length)
            for most_here, length in zip(most, self._shape(len(most)), strict=True)
        ]
        places = self._places(counts, start)
        while (cost := _chunks(places)) > MOST_CHUNKS:
            counts, places = self._fewer(counts, start, cost)
        return self._read(places, dtype or self._header.dtype)

    def first(self, count: int, longest: int) -> list[bytes]:
        """The beginnings of the first values, in the order in which they are stored."""
        size = self._header.dtype.itemsize
        return [
            self._bytes(self._header.size + place * size, min(size, longest))
            for place in range(count)
        ]

    def _fewer(
        self, counts: list[int], start: int, cost: int
    ) -> tuple[list[int], NDArray[np.int64]]:
        """Half as many along the axis with the most, of those where that saves chunks."""
        tried = []
        for axis, count in enumerate(counts):
            if count > 1:
                halved = [*counts[:axis], count // 2, *counts[axis + 1 :]]
                places = self._places(halved, start)
                saved = _chunks(places) < _WORTH_IT * cost
                tried.append((saved, count, halved, places))
        _, _, fewer, places = max(tried, key=lambda one: one[:2])
        return fewer, places

    def _shape(self, axes: int) -> tuple[int, ...]:
        return self._header.shape[len(self._header.shape) - axes :]

    def _places(self, counts: Sequence[int], start: int) -> NDArray[np.int64]:
        """Where the chosen values begin in the file."""
        places = np.full((1,) * len(counts), self._header.size + start, np.int64)
        lengths = self._shape(len(counts))
        strides = self._strides[len(self._strides) - len(counts) :]
        for axis, (count, length, stride) in enumerate(zip(counts, lengths, strides, strict=True)):
            # In Python's integers: these products are beyond 64 bits before they are divided.
            along = [index * length // count * stride for index in range(count)]
            form = [1] * len(counts)
            form[axis] = count
            places = places + np.array(along, np.int64).reshape(form)
        return places

    def _read(self, places: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
        flat = places.reshape(-1)
        order = np.argsort(flat, kind="stable")
        ordered = flat[order]
        found = np.empty((len(flat), dtype.itemsize), np.uint8)
        within = np.arange(dtype.itemsize)
        ends = [*np.flatnonzero(np.diff(ordered // CHUNK_SIZE)) + 1, len(ordered)]
        begin = 0
        for end in ends:
            some = ordered[begin:end]
            data = self._bytes(int(some[0]), int(some[-1] - some[0]) + dtype.itemsize)
            values = np.frombuffer(data, np.uint8)
            found[order[begin:end]] = values[(some - some[0])[:, None] + within]
            begin = end
        return found.view(dtype).reshape(places.shape)

    def _bytes(self, start: int, count: int) -> bytes:
        self._file.seek(start)
        data = self._file.read(count)
        if len(data) != count:
            raise MalformedContentError("This content is not an npy array: it ends too early.")
        return data


def _chunks(places: NDArray[np.int64]) -> int:
    return len(np.unique(places // CHUNK_SIZE))
