"""The bytes of a content for a browser: a file to keep, never a page to run."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError
from typing_extensions import override

from kachery_core.errors import DaemonNotRunningError
from kachery_jupyter.server.node_handler import NodeHandler

if TYPE_CHECKING:
    from kachery_jupyter.server.upstream import Answer

_BYTES = "application/octet-stream"
_LONGEST_NAME = 200
# What a browser shows and never runs; SVG is not among them.
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_COPIED = ("Content-Length", "Content-Range", "Accept-Ranges")


class DownloadHandler(NodeHandler):
    """One content's bytes."""

    @property
    @override
    def content_security_policy(self) -> str:
        return "sandbox; default-src 'none'; frame-ancestors 'none'"

    @web.authenticated
    @authorized
    async def get(self, sha1: str) -> None:
        """Send the bytes, verified; a Range header asks for a part."""
        # As Jupyter's own downloads: not for a page of another site.
        self.check_xsrf_cookie()
        wants_image = self.argument("inline") == "1"
        headers = {}
        if "Range" in self.request.headers and not wants_image:
            headers["Range"] = self.request.headers["Range"]
        async with self.upstream.asking("GET", f"/files/{sha1}", headers) as exchange:
            await self._send(await exchange.answer(None), sha1, wants_image=wants_image)

    async def _send(self, answer: Answer, sha1: str, *, wants_image: bool) -> None:
        pieces = answer.pieces()
        piece = await anext(pieces, b"")
        mimetype = image_type(piece) if wants_image else None
        self.set_status(answer.status)
        for name in _COPIED:
            if name in answer.headers:
                self.set_header(name, answer.headers[name])
        self.set_header("Content-Type", mimetype or _BYTES)
        if mimetype is None:
            name = file_name(self.argument("name"), sha1)
            self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{name}")
        try:
            self.write(piece)
            async for more in pieces:
                await self.flush()
                self.write(more)
        except StreamClosedError:
            return
        except DaemonNotRunningError:
            self._break_off()
            return
        await self.finish(set_content_type=mimetype or _BYTES)

    def _break_off(self) -> None:
        """Too late for a status: a body that ends early says that something is wrong."""
        self.log.warning("kachery: a download was broken off")
        stream = getattr(self.request.connection, "stream", None)
        if stream is not None:
            stream.close()


def image_type(start: bytes) -> str | None:
    """The type of an image that a browser shows and never runs, by its own first bytes."""
    for magic, mimetype in _IMAGES:
        if start.startswith(magic):
            return mimetype
    is_webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return "image/webp" if is_webp else None


def file_name(wanted: str, sha1: str) -> str:
    """A name for a downloaded file, escaped for a header: no folders, nothing invisible."""
    last = wanted.replace("\\", "/").rpartition("/")[2]
    visible = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C")
    return quote(visible.strip(" .")[:_LONGEST_NAME] or sha1, safe="")
