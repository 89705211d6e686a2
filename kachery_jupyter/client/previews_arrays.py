"""How arrays look: lines for few rows, an image for many, text for what cannot be drawn.

Small arrays are looked at wholly, of larger ones values are picked; both within a second and some
megabytes, for any array that the npy format can hold.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from kachery_core.errors import MalformedContentError
from kachery_jupyter.client import npy
from kachery_jupyter.client.previews_forms import ArrayPreview
from kachery_jupyter.client.previews_images import NOTHING, colour_png, palette_png
from kachery_jupyter.client.previews_sampling import Samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kachery_jupyter.client.npy import Header

    # Values of an array, at most so many along each of its last axes.
    Pick = Callable[[tuple[int, ...]], NDArray[Any]]

_WHOLE_BYTES = 32 << 20
_WHOLE_VALUES = 4 << 20
_MOST_LINES = 8
_POINTS = 1000
_PIXELS = 256
_MOST_VALUES = 20
_LONGEST_VALUE = 200
_DRAWN_KINDS = "biufcmM"
_COLOURS = (3, 4)
_SHADES = 254


def array_preview(file: BinaryIO, size: int) -> ArrayPreview:
    """The look of an npy content.

    Args:
        file: the content, to be read and sought in.
        size: its bytes.

    Raises:
        MalformedContentError: it is not npy.
    """
    header = npy.parse_header(file.read(npy.HEADER_ROOM), size)
    facts: dict[str, Any] = {
        "size": size,
        "shape": list(header.shape),
        "dtype": str(header.dtype)[:_LONGEST_VALUE],
    }
    if 0 in header.shape or header.dtype.itemsize == 0:
        return ArrayPreview(**facts)
    count = math.prod(header.shape)
    is_whole = count <= _WHOLE_VALUES and count * header.dtype.itemsize <= _WHOLE_BYTES
    facts["sampled"] = not is_whole
    parts = _drawn_parts(header.dtype)
    with np.errstate(all="ignore"):
        if not header.shape or not parts:
            facts |= {"values": _values(file, header, min(count, _MOST_VALUES))}
            # All the values there are, or as many as anybody reads: nothing was left to chance.
            facts["sampled"] = False
        elif is_whole:
            file.seek(header.size)
            array = npy.from_buffer(file.read(size - header.size), header)
            facts |= _drawn_whole(array, parts)
        else:
            facts |= _drawn_samples(Samples(file, header), header, parts)
    return ArrayPreview(**facts)


def _drawn_parts(dtype: np.dtype[Any]) -> list[str]:
    """The fields with numbers; [''] of an array of numbers."""
    if dtype.names is None:
        return [""] if dtype.kind in _DRAWN_KINDS else []
    fields: Any = dtype.fields
    return [name for name in dtype.names if fields[name][0].kind in _DRAWN_KINDS][:_MOST_LINES]


def _drawn_whole(array: NDArray[Any], parts: list[str]) -> dict[str, Any]:
    """Of an array in memory, all values count, and lines show every peak."""

    def picking(values: NDArray[Any]) -> Pick:
        return lambda most: _thinned(_last_axes(values, len(most)), most)

    chosen = [array[name] if name else array for name in parts]
    drawn = _drawn(array.shape, chosen[0].dtype, [picking(values) for values in chosen], parts)
    if "lines" in drawn and array.ndim <= 2:  # noqa: PLR2004 - otherwise only a slice is drawn
        shown = chosen if array.ndim == 1 else chosen[:1]
        drawn["lines"] = [_peaks(line) for values in shown for line in _rows(values)]
    return {**drawn, **(_extent(chosen[0]) if len(parts) == 1 else {})}


def _drawn_samples(samples: Samples, header: Header, parts: list[str]) -> dict[str, Any]:
    fields: Any = header.dtype.fields
    picked: list[NDArray[Any]] = []

    def picking(name: str) -> Pick:
        dtype, start = fields[name][:2] if name else (header.dtype, 0)

        def pick(most: tuple[int, ...]) -> NDArray[Any]:
            picked.append(samples.grid(most, dtype, start))
            return picked[-1]

        return pick

    dtype = fields[parts[0]][0] if parts[0] else header.dtype
    drawn = _drawn(header.shape, dtype, [picking(name) for name in parts], parts)
    return {**drawn, **(_extent(picked[0]) if len(parts) == 1 else {})}


def _drawn(
    shape: tuple[int, ...], dtype: np.dtype[Any], picks: list[Pick], parts: list[str]
) -> dict[str, Any]:
    """Lines or an image, with as many values as are seen."""
    if dtype == np.uint8 and len(shape) == 3 and shape[2] in _COLOURS and min(shape) > 1:  # noqa: PLR2004
        pixels = picks[0]((_PIXELS, _PIXELS, shape[2]))
        if pixels.shape[2] == shape[2]:
            return {"image": _image(pixels, colour_png(pixels))}
    if len(shape) == 1:
        labels = {"labels": [name[:_LONGEST_VALUE] for name in parts]} if parts[0] else {}
        return {"lines": [_line(_real(pick((_POINTS,)))) for pick in picks], **labels}
    slices = {"slice": f"[{'0, ' * (len(shape) - 2)}:, :]"} if len(shape) > 2 else {}  # noqa: PLR2004
    rows, columns = shape[-2:]
    few, many = sorted((rows, columns))
    if few <= _MOST_LINES and few < many:
        most = (few, _POINTS) if few == rows else (_POINTS, few)
        return {"lines": [_line(line) for line in _rows(picks[0](most))], **slices}
    values = _real(picks[0]((_PIXELS, _PIXELS)))
    return {"image": _image(values, palette_png(_shades(values))), **slices}


def _image(pixels: NDArray[Any], png: str) -> dict[str, Any]:
    return {"rows": pixels.shape[0], "columns": pixels.shape[1], "png": png}


def _last_axes(array: NDArray[Any], count: int) -> NDArray[Any]:
    for _ in range(array.ndim - count):
        array = array[0]
    return array


def _thinned(array: NDArray[Any], most: tuple[int, ...]) -> NDArray[Any]:
    chosen = [
        np.arange(min(length, most_here)) * length // min(length, most_here)
        for length, most_here in zip(array.shape, most, strict=True)
    ]
    return array[np.ix_(*chosen)]


def _rows(values: NDArray[Any]) -> NDArray[Any]:
    """The lines of one or two axes: along the longer one."""
    real = _real(values)
    if real.ndim == 1:
        return real[None, :]
    return real if real.shape[0] <= real.shape[1] else real.T


def _peaks(line: NDArray[Any]) -> list[float | None]:
    """A line of few points on which no peak is lost."""
    if len(line) <= _POINTS:
        return _line(line)
    bins = _POINTS // 2
    starts = np.arange(bins) * len(line) // bins
    line = np.where(np.isfinite(line), line, np.nan)
    pairs = np.stack([np.fmin.reduceat(line, starts), np.fmax.reduceat(line, starts)], 1)
    return _line(pairs.reshape(-1))


def _line(values: NDArray[Any]) -> list[float | None]:
    # Nine digits are more than a screen shows, and half of what they would be.
    return [float(f"{value:.9g}") if math.isfinite(value) else None for value in values.tolist()]


def _real(values: NDArray[Any]) -> NDArray[Any]:
    """Values as they are drawn: floats; of complex numbers the magnitude."""
    if values.dtype.kind in "mM":
        return np.where(np.isnat(values), np.nan, values.astype(np.int64).astype(np.float64))
    if values.dtype.kind == "c":
        values = np.abs(values)
    return values.astype(np.float64)


def _shades(values: NDArray[Any]) -> NDArray[np.uint8]:
    is_finite = np.isfinite(values)
    if not is_finite.any():
        return np.full(values.shape, NOTHING, np.uint8)
    low, high = values[is_finite].min(), values[is_finite].max()
    # Halves: the difference of two floats may be beyond all floats.
    span = high / 2 - low / 2
    part = (values / 2 - low / 2) / span if span > 0 else np.full(values.shape, 0.5)
    part = np.where(is_finite, part, 0.0)
    return np.where(is_finite, 1 + part * _SHADES, NOTHING).astype(np.uint8)


def _extent(values: NDArray[Any]) -> dict[str, Any]:
    """The least and the greatest value, and how many are none."""
    kind = values.dtype.kind
    if kind in "mM":
        known = values[~np.isnat(values)]
        facts = {"nan": values.size - known.size}
        return facts | (
            {"min": _moment(known.min()), "max": _moment(known.max())} if known.size else {}
        )
    if kind in "biu":
        return {"min": int(values.min()), "max": int(values.max()), "nan": 0}
    real = _real(values)
    finite = real[np.isfinite(real)]
    missing = int(np.isnan(real).sum())
    facts = {"nan": missing, "inf": real.size - finite.size - missing}
    if finite.size:
        facts |= {"min": float(finite.min()), "max": float(finite.max())}
    return facts


def _moment(value: Any) -> str:
    try:
        return str(value)[:_LONGEST_VALUE]
    except (ValueError, OverflowError):  # beyond the years that numpy can write
        return str(value.astype(np.int64))


def _values(file: BinaryIO, header: Header, count: int) -> list[str]:
    """The first values as text."""
    found = Samples(file, header).first(count, 4 * _LONGEST_VALUE)
    return [_value(data, header.dtype)[:_LONGEST_VALUE] for data in found]


def _value(data: bytes, dtype: np.dtype[Any]) -> str:
    if dtype.kind == "S":
        return data.rstrip(b"\0").decode("utf-8", "backslashreplace")
    if dtype.kind == "U":
        codec = "utf-32-be" if dtype.byteorder == ">" else "utf-32-le"
        return data[: len(data) // 4 * 4].decode(codec, "replace").rstrip("\0")
    if len(data) < dtype.itemsize or (dtype.kind == "V" and dtype.names is None):
        return data.hex()
    try:
        array = np.frombuffer(data, dtype)
        npy.check_text(array)
        return str(array[0])
    except (MalformedContentError, ValueError, OverflowError, TypeError):
        return data.hex()
