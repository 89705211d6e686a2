"""Small pictures of 3 x 2 pixels, as browsers know them."""

from __future__ import annotations

import base64
import struct
import zlib


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size; nothing is in it."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(b"")),
            (b"IEND", b""),
        )
    )


_JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xff\xfe\x00\x04ab"
    b"\xff\xc0\x00\x11\x08\x00\x02\x00\x03\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xd9"
)
_GIF = base64.b64decode("R0lGODlhAwACAPAAAP///wAAACH5BAAAAAAALAAAAAADAAIAAAIDhH8FADs=")
_LOSSLESS = struct.pack("<I", (3 - 1) | (2 - 1) << 14)
_WEBP = b"RIFF\x20\x00\x00\x00WEBPVP8L\x10\x00\x00\x00\x2f" + _LOSSLESS + bytes(12)

PICTURES = {
    "image/png": png_of_size(3, 2),
    "image/jpeg": _JPEG,
    "image/gif": _GIF,
    "image/webp": _WEBP,
}
