"""Pictures: reading how large one is without decoding it, and writing small ones as PNG."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# A picture of a few kilobytes can ask a browser for gigabytes of memory.
MOST_PIXELS = 40_000_000
# As many bytes of a picture as its size may take to be found.
HEAD_ROOM = 1 << 16
_PNG = b"\x89PNG\r\n\x1a\n"
# Viridis, by five of its colours: even steps look even, in grey and to the colour-blind too.
_COLOURS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
_SHADES = 255
# The first colour is for what is no number, and cannot be seen.
NOTHING = 0
_SIZES_FOLLOW = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD8)))


def picture_size(head: bytes) -> tuple[str, int, int] | None:
    """The media type, width and height of a picture by its first bytes; None if it is none."""
    readers: tuple[tuple[bytes, str, Callable[[bytes], tuple[int, int] | None]], ...] = (
        (_PNG, "image/png", _png_size),
        (b"GIF87a", "image/gif", _gif_size),
        (b"GIF89a", "image/gif", _gif_size),
        (b"\xff\xd8\xff", "image/jpeg", _jpeg_size),
        (b"RIFF", "image/webp", _webp_size),
    )
    for magic, mimetype, read_size in readers:
        if head.startswith(magic):
            try:
                size = read_size(head)
            except (struct.error, IndexError):
                return None
            return None if size is None or 0 in size else (mimetype, *size)
    return None


def palette_png(shades: Any) -> str:
    """A PNG of a 2-D array of shades, 1 to 255, 0 for nothing; in base64."""
    colours = [(0, 0, 0), *map(_colour, range(_SHADES))]
    palette = bytes(part for colour in colours for part in colour)
    return _png(shades, 3, (b"PLTE", palette), (b"tRNS", b"\0"))


def colour_png(pixels: Any) -> str:
    """A PNG of an array of rows, columns, and 3 (RGB) or 4 (RGBA) bytes each; in base64."""
    return _png(pixels, 2 if pixels.shape[2] == 3 else 6)  # noqa: PLR2004 - three colours


def _png(pixels: Any, colour_type: int, *parts: tuple[bytes, bytes]) -> str:
    rows, columns = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", columns, rows, 8, colour_type, 0, 0, 0)
    # Each row begins with its filter: none.
    lines = b"".join(b"\0" + pixels[row].tobytes() for row in range(rows))
    chunks = ((b"IHDR", header), *parts, (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return base64.b64encode(_PNG + b"".join(_chunk(*one) for one in chunks)).decode()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _colour(shade: int) -> tuple[int, ...]:
    place, part = divmod(shade * (len(_COLOURS) - 1), _SHADES - 1)
    low, high = _COLOURS[place], _COLOURS[min(place + 1, len(_COLOURS) - 1)]
    return tuple(a + (b - a) * part // (_SHADES - 1) for a, b in zip(low, high, strict=True))


def _png_size(head: bytes) -> tuple[int, int] | None:
    return struct.unpack_from(">II", head, 16) if head[12:16] == b"IHDR" else None


def _gif_size(head: bytes) -> tuple[int, int] | None:
    return struct.unpack_from("<HH", head, 6)


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 4 <= len(head):
        if head[place] != 0xFF:  # noqa: PLR2004 - every marker begins with it
            return None
        marker = head[place + 1]
        if marker == 0xFF:  # noqa: PLR2004 - padding
            place += 1
        elif marker in _STANDALONE:
            place += 2
        elif marker in _SIZES_FOLLOW:
            height, width = struct.unpack_from(">HH", head, place + 5)
            return width, height
        else:
            place += 2 + max(struct.unpack_from(">H", head, place + 2)[0], 2)
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    if head[8:12] != b"WEBP":
        return None
    if head[12:16] == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return (width, height) if len(head) >= 30 else None  # noqa: PLR2004 - where it ends
    if head[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if head[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
