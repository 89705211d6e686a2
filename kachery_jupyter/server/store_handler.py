"""Storing a file of Jupyter's file browser."""

from __future__ import annotations

import base64
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server.services.contents.fileio import FileManagerMixin
from tornado import web

from kachery_core.errors import InvalidPathError, PathNotFoundError
from kachery_core.uris import ContentUri
from kachery_core.wire.local import Message, Stored
from kachery_jupyter.server.node_handler import NodeHandler
from kachery_store.store import Label

if TYPE_CHECKING:
    from kachery_store.store import Content, Store

_KINDS = {".txt": "text", ".json": "json", ".npy": "npy", ".pkl": "pkl"}
_LONGEST_PATH = 4096


class StoreWish(Message, frozen=True):
    """A file to store: its path in Jupyter's file browser."""

    path: str


class StoreHandler(NodeHandler):
    """Files of Jupyter."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Store a file; durable when answered."""
        # Whoever may not read files in Jupyter does not read them here.
        await self.check_may("read", "contents")
        path = self.json_body(StoreWish).path.strip("/")
        if not path or len(path) > _LONGEST_PATH or "\0" in path:
            raise InvalidPathError(f"{path[:100]!r} is not a path.", hint="Name a file.")
        name = PurePosixPath(path).name
        kind = _KINDS.get(PurePosixPath(name).suffix.lower(), "file")
        label = Label(name, kind, {"file": path})
        content = await self._stored(path, label)
        uri = ContentUri(content.sha1, name, content.manifest or None)
        self.answer(Stored(str(uri), content.sha1, content.size, content.manifest))

    async def _stored(self, path: str, label: Label) -> Content:
        run, contents = self.services.workers.run, self.contents_manager
        store = await run(self.services.open_store)
        if isinstance(contents, FileManagerMixin):
            await self._check_hidden(path)
            local = await run(local_path, contents, path)
            return await run(store.add_file, local, label)
        model = await ensure_async(
            _manager(contents).get(path, content=True, type="file", format="base64")
        )
        return await run(_add_encoded, store, model, label)

    async def _check_hidden(self, path: str) -> None:
        """What Jupyter does not show is not stored either."""
        contents = self.contents_manager
        if not contents.allow_hidden and await ensure_async(_manager(contents).is_hidden(path)):
            raise PathNotFoundError(f"There is no file {path} in Jupyter's folder.")


def _manager(contents: Any) -> Any:
    """A contents manager; Jupyter's own are without types."""
    return contents


def local_path(contents: Any, path: str) -> Path:
    """Where a file of Jupyter's file browser is on this disk.

    Raises:
        PathNotFoundError: it is not there.
        InvalidPathError: it is outside Jupyter's folder, or a link leads out of it; or no file.
    """
    try:
        named = Path(contents._get_os_path(path))  # noqa: SLF001 - the only way it offers
    except web.HTTPError as problem:
        raise _outside(path) from problem
    root = Path(os.path.realpath(contents.root_dir))
    found = Path(os.path.realpath(named))
    if root != found and root not in found.parents:
        raise _outside(path)
    if not found.exists():
        raise PathNotFoundError(f"There is no file {path} in Jupyter's folder.")
    if not found.is_file():
        raise InvalidPathError(
            f"{path} is not a file.", hint="Folders are stored in a notebook: kc.store_dir(path)."
        )
    return found


def _outside(path: str) -> InvalidPathError:
    return InvalidPathError(
        f"{path} is not inside Jupyter's folder.",
        hint="Store it in a notebook instead: kc.store_file(path).",
    )


def _add_encoded(store: Store, model: dict[str, Any], label: Label) -> Content:
    content = model.get("content")
    if not isinstance(content, str):
        raise InvalidPathError(f"{label.name} is not a file.", hint="Name a file.")
    encoded = model.get("format") == "base64"
    return store.add_bytes(base64.b64decode(content) if encoded else content.encode(), label)
