"""One content: fetch it, ask about it, pin it, remove it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiofiles.threadpool import wrap  # type: ignore[import-untyped]
from tornado.iostream import StreamClosedError
from typing_extensions import override

from kachery_core.digests import is_sha1
from kachery_core.errors import ContentNotFoundError, InvalidUriError, KacheryError
from kachery_core.wire.local import API_PATH, Done, FileInfo, PinChange
from kachery_daemon.api.door import Role
from kachery_daemon.api.endpoint import BYTES, Endpoint
from kachery_daemon.api.files import as_file
from kachery_daemon.api.operations import operation
from kachery_daemon.api.ranges import parse_range
from kachery_store.collection import Collection
from kachery_store.verified_file import open_verified

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kachery_store.objects import Held

_PIECE = 1 << 20


class FileEndpoint(Endpoint):
    """One content."""

    PATH = f"{API_PATH}/files/{{sha1}}"

    @override
    @operation("The bytes of a content, verified; a Range header asks for a part.", None)
    async def get(self, sha1: str) -> None:
        """Send the bytes."""
        held = await self.services.threads.run(self.services.store.objects.get, checked_sha1(sha1))
        start, end = self._start_answer(held)
        async with self._open(held) as file:
            await file.seek(start)
            # A damaged first piece is still an error with a status of its own.
            piece = await file.read(min(_PIECE, end - start))
            try:
                await self._send(file, piece, end - start)
            except StreamClosedError:
                return
            except KacheryError:
                # Too late for a status: a body that ends early says that something is wrong.
                self._close_connection()
                raise
        await self.services.threads.run(self.services.store.catalog.note_use, sha1)

    @override
    @operation("The size of a content.", None)
    async def head(self, sha1: str) -> None:
        """Send the headers only."""
        held = await self.services.threads.run(self.services.store.objects.get, checked_sha1(sha1))
        self._start_answer(held)
        await self.finish()

    @override
    @operation("Move a content to the trash.", Done, role=Role.OWNER)
    async def delete(self, sha1: str) -> Done:
        """Remove a content."""
        collection = Collection(self.services.store)
        await self.services.threads.run(collection.remove, checked_sha1(sha1))
        return Done(sha1)

    async def _send(self, file: Any, piece: bytes, left: int) -> None:
        while piece:
            left -= len(piece)
            self.write(piece)
            await self.flush()
            piece = await file.read(min(_PIECE, left)) if left else b""
        await self.finish()

    @asynccontextmanager
    async def _open(self, held: Held) -> AsyncIterator[Any]:
        threads = self.services.threads
        plain = await threads.transfer(open_verified, self.services.store.objects, held)
        file = wrap(plain, executor=threads.transfers)
        try:
            yield file
        finally:
            await file.close()

    def _start_answer(self, held: Held) -> tuple[int, int]:
        start, end = 0, held.size
        asked = parse_range(self.request.headers.get("Range"), held.size)
        self.set_header("Accept-Ranges", "bytes")
        if asked is not None:
            start, end = asked
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {start}-{end - 1}/{held.size}")
        self.set_header("Content-Type", BYTES)
        self.set_header("Content-Length", str(end - start))
        self.set_header("Content-Disposition", f"attachment; filename={held.sha1}")
        self.set_header("Content-Security-Policy", "sandbox")
        return start, end


class FileInfoEndpoint(Endpoint):
    """What is known of one content."""

    PATH = f"{API_PATH}/files/{{sha1}}/info"

    @override
    @operation("What the node knows of a content.", FileInfo)
    async def get(self, sha1: str) -> FileInfo:
        """Describe a content."""
        store = self.services.store
        held = await self.services.threads.run(store.objects.find, checked_sha1(sha1))
        entry = await self.services.threads.run(store.catalog.find, sha1)
        if held is None and entry is None:
            raise _unknown(sha1)
        is_link = held is not None and held.is_link
        return FileInfo(
            sha1,
            held.size if held is not None else entry.size if entry is not None else 0,
            held is not None,
            is_link,
            str(held.path) if held and is_link and self.asker.role == Role.OWNER else None,
            as_file(entry) if entry is not None else None,
        )


class PinEndpoint(Endpoint):
    """Whether one content is protected."""

    PATH = f"{API_PATH}/files/{{sha1}}/pin"

    @override
    @operation(
        "Protect a content from being let go, or no longer.",
        Done,
        body=PinChange,
        role=Role.OWNER,
    )
    async def post(self, sha1: str, body: PinChange) -> Done:
        """Pin or unpin a content."""
        catalog = self.services.store.catalog
        run = self.services.threads.run
        if await run(catalog.find, checked_sha1(sha1)) is None:
            raise _unknown(sha1)
        await run(catalog.pin, sha1, pinned=body.pinned)
        return Done(sha1)


class RestoreEndpoint(Endpoint):
    """One content in the trash."""

    PATH = f"{API_PATH}/files/{{sha1}}/restore"

    @override
    @operation("Bring a content back from the trash.", Done, role=Role.OWNER)
    async def post(self, sha1: str) -> Done:
        """Restore a content."""
        collection = Collection(self.services.store)
        await self.services.threads.run(collection.restore, checked_sha1(sha1))
        return Done(sha1)


def checked_sha1(text: str) -> str:
    """A SHA-1 out of an address.

    Raises:
        InvalidUriError: it is none.
    """
    if not is_sha1(text):
        raise InvalidUriError(f"{text[:100]!r} is not a SHA-1: 40 hex digits, lower case.")
    return text


def _unknown(sha1: str) -> ContentNotFoundError:
    return ContentNotFoundError(
        f"The content {sha1} is not in the store.", hint="It may be on another computer.", sha1=sha1
    )
