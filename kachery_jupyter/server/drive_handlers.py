"""A read-only drive for JupyterLab: stored contents open in its own viewers.

contents             the newest contents
contents/SHA1        one content, as a folder
contents/SHA1/NAME   the content itself; the name decides which viewer opens it
"""

from __future__ import annotations

import base64
import mimetypes
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
import nbformat
from jupyter_server.auth.decorator import authorized
from tornado import web

from kachery_core.digests import is_sha1
from kachery_core.errors import (
    ContentNotFoundError,
    InvalidRequestError,
    MalformedContentError,
    TooLargeError,
)
from kachery_core.wire.local import File, FileInfo, Files
from kachery_jupyter.server.node_handler import NodeHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEWEST = 1000
# A viewer has all of it in memory, several times over.
_LARGEST = 64 << 20


class DriveHandler(NodeHandler):
    """Jupyter's contents API, as far as it only reads."""

    @web.authenticated
    @authorized
    async def get(self, path: str | None) -> None:
        """Describe a folder or a file, with what is in it unless content=0."""
        with_content = self.argument("content", "1") != "0"
        sha1, _, name = (path or "").strip("/").partition("/")
        if not sha1:
            self.answer(await self._root(with_content=with_content))
            return
        info = await self._info(sha1)
        if not name:
            self.answer(_folder(sha1, [_of_info(info)], with_content=with_content))
            return
        if "/" in name:
            raise ContentNotFoundError(f"There is no {name!r} in the drive.")
        model = _file(info.sha1, name, info.size, _time(info))
        if with_content:
            model |= await self._content(info, name)
        self.answer(model)

    async def _root(self, *, with_content: bool) -> dict[str, Any]:
        query = urlencode({"limit": _NEWEST if with_content else 0})
        found = msgspec.json.decode(await self.upstream.ask("GET", f"/files?{query}"), type=Files)
        files = [
            _file(one.sha1, _shown_name(one.sha1, one), one.size, one.stored_at)
            for one in found.files
        ]
        return _folder("", files, with_content=with_content)

    async def _info(self, sha1: str) -> FileInfo:
        if not is_sha1(sha1):
            raise ContentNotFoundError(f"There is no {sha1[:100]!r} in the drive.")
        answer = await self.upstream.ask("GET", f"/files/{sha1}/info")
        return msgspec.json.decode(answer, type=FileInfo)

    async def _content(self, info: FileInfo, name: str) -> dict[str, Any]:
        if info.size > _LARGEST:
            raise TooLargeError(
                f"{name} has {info.size:,} bytes; that is too much for a viewer.",
                hint="Download it, or load it in a notebook.",
                limit_bytes=_LARGEST,
            )
        async with self.upstream.asking("GET", f"/files/{info.sha1}") as exchange:
            data = await (await exchange.answer()).read(_LARGEST)
        encode = _as_notebook if self.argument("type") == "notebook" else _as_text_or_base64
        return await self.services.workers.run(encode, data, self.argument("format"))


class CheckpointsHandler(NodeHandler):
    """What is stored never changes: there are no checkpoints."""

    @web.authenticated
    @authorized
    async def get(self, _: str) -> None:
        """List none."""
        self.finish(b"[]")


def _as_text_or_base64(data: bytes, wanted: str) -> dict[str, Any]:
    """The content of a file as Jupyter has it.

    Raises:
        InvalidRequestError: text is wanted, and it is none.
    """
    if wanted != "base64":
        try:
            return {"format": "text", "content": data.decode("utf-8")}
        except UnicodeDecodeError as problem:
            if wanted == "text":
                raise InvalidRequestError(
                    "This content is not text.", hint="Download it, or load it in a notebook."
                ) from problem
    return {"format": "base64", "content": base64.b64encode(data).decode("ascii")}


def _as_notebook(data: bytes, _: str) -> dict[str, Any]:
    """A notebook, none of whose outputs is trusted, whatever it says itself.

    Raises:
        MalformedContentError: it is none.
    """
    try:
        notebook = nbformat.reads(data.decode("utf-8"), as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
        for cell in notebook.cells:
            cell.metadata.pop("trusted", None)
            if cell.cell_type == "code":
                cell.metadata["trusted"] = False
    except Exception as problem:
        raise MalformedContentError(
            "This content is not a notebook.", hint="Open it as text instead."
        ) from problem
    return {"type": "notebook", "format": "json", "content": notebook, "mimetype": None}


def _of_info(info: FileInfo) -> dict[str, Any]:
    return _file(info.sha1, _shown_name(info.sha1, info.entry), info.size, _time(info))


def _shown_name(sha1: str, entry: File | None) -> str:
    """A name that is one part of a path."""
    name = (entry.name if entry is not None else "").replace("/", "_").strip(". ")
    return name or f"{sha1[:12]}.dat"


def _time(info: FileInfo) -> float:
    return info.entry.stored_at if info.entry is not None else 0.0


def _file(sha1: str, name: str, size: int, stored_at: float) -> dict[str, Any]:
    mimetype = mimetypes.guess_type(name)[0]
    return _model(
        name, f"{sha1}/{name}", stored_at, {"type": "file", "size": size, "mimetype": mimetype}
    )


def _folder(path: str, files: list[dict[str, Any]], *, with_content: bool) -> dict[str, Any]:
    newest = max((one["last_modified"] for one in files), default=_iso(0.0))
    more: dict[str, Any] = {"type": "directory"}
    if with_content:
        more |= {"format": "json", "content": files}
    return _model(path, path, 0.0, more) | {"created": newest, "last_modified": newest}


def _model(name: str, path: str, stored_at: float, more: Mapping[str, Any]) -> dict[str, Any]:
    """Jupyter's contents model."""
    moment = _iso(stored_at)
    return {
        "name": name,
        "path": path,
        "created": moment,
        "last_modified": moment,
        "mimetype": None,
        "size": None,
        "writable": False,
        "format": None,
        "content": None,
        "hash": None,
        "hash_algorithm": None,
        **more,
    }


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat().replace("+00:00", "Z")
