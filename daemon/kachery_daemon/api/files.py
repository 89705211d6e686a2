"""The contents of the store: list them, add to them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from tornado.http1connection import HTTP1Connection
from typing_extensions import override

from kachery_core.errors import InvalidRequestError, TooLargeError, UnavailableError
from kachery_core.uris import ContentUri
from kachery_core.wire.local import (
    API_PATH,
    ORIGIN_HEADER,
    File,
    Files,
    FilesQuery,
    Stored,
    StoreQuery,
)
from kachery_daemon.api.endpoint import Endpoint
from kachery_daemon.api.failures import report
from kachery_daemon.api.operations import Operation, operation
from kachery_daemon.api.upload import Upload
from kachery_store.store import Label

if TYPE_CHECKING:
    from kachery_store.catalog import Entry

_FOREVER = 30 * 24 * 3600.0


class FilesEndpoint(Endpoint):
    """All contents."""

    PATH = f"{API_PATH}/files"
    _upload: Upload | None = None

    @override
    @operation("The contents of the store, the newest first.", Files, query=FilesQuery)
    async def get(self, query: FilesQuery) -> Files:
        """List contents."""
        catalog = self.services.store.catalog
        run = self.services.threads.run
        asked = (query.search, query.kind)
        entries = await run(catalog.search, *asked, limit=query.limit, offset=query.offset)
        total, _ = await run(catalog.totals)
        found = await run(catalog.count, *asked) if any(asked) else total
        return Files([as_file(entry) for entry in entries], total, found)

    @override
    @operation(
        "Store a content; durable when the answer comes. Needs Content-Length.",
        Stored,
        query=StoreQuery,
        takes_bytes=True,
    )
    async def post(self, query: StoreQuery) -> Stored:
        """Store the body."""
        if self._upload is None:
            raise UnavailableError("The node is stopping.")
        label = Label(query.name, query.kind, _origin(self.request.headers.get(ORIGIN_HEADER)))
        content = await self._upload.finish(label)
        uri = ContentUri(content.sha1, query.name, content.manifest or None)
        return Stored(str(uri), content.sha1, content.size, content.manifest)

    @override
    async def before_body(self, facts: Operation) -> None:
        """Take room for the body before it comes."""
        if not facts.takes_bytes:
            return
        if facts.query is not None:
            self._converted_query(facts.query)
        _origin(self.request.headers.get(ORIGIN_HEADER))
        size = self._checked_size()
        # Long content takes longer than any fixed time; `_watch_body` looks at its progress.
        if isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.set_max_body_size(size)
            self.request.connection.set_body_timeout(_FOREVER)
        upload = Upload(self.services.store, self.services.threads, size)
        self.services.uploads.add(upload)
        try:
            await upload.start()
        except BaseException:
            self.services.uploads.discard(upload)
            raise
        self._upload = upload

    @override
    async def take(self, data: bytes) -> None:
        """Hand the bytes to the store."""
        if self._upload is None:
            raise InvalidRequestError("This request takes no body.")
        await self._upload.take(data)

    def _checked_size(self) -> int:
        limits = self.services.limits
        if "Content-Length" not in self.request.headers:
            raise InvalidRequestError(
                "The length of the content is not given.", hint="Send a Content-Length header."
            )
        size = self.announced_bytes()
        if size > limits.upload_bytes:
            raise TooLargeError(
                f"Content of {size:,} bytes is not accepted.", limit_bytes=limits.upload_bytes
            )
        if len(self.services.uploads) >= limits.uploads:
            raise UnavailableError(
                f"{limits.uploads} contents are arriving already.", hint="Try again in a moment."
            )
        return size

    @override
    def _forget(self) -> None:
        super()._forget()
        upload, self._upload = self._upload, None
        if upload is not None:
            task = asyncio.ensure_future(upload.abort())
            task.add_done_callback(lambda done: self._let_go(upload, done))

    def _let_go(self, upload: Upload, done: asyncio.Future[None]) -> None:
        self.services.uploads.discard(upload)
        if not done.cancelled() and (problem := done.exception()) is not None:
            report(problem)


def as_file(entry: Entry) -> File:
    """The line of the list for an entry of the catalog."""
    is_folder = entry.kind == "folder"
    uri = ContentUri(entry.sha1, entry.name, entry.manifest or None, is_folder=is_folder)
    return File(
        entry.sha1,
        entry.name,
        entry.kind,
        entry.size,
        entry.manifest,
        str(uri),
        entry.stored_at,
        entry.used_at,
        entry.origin or {},
        entry.fetched,
        entry.pinned,
        entry.trashed_at,
    )


def _origin(header: str | None) -> dict[str, Any] | None:
    """Where a content comes from, as its sender says."""
    if header is None:
        return None
    try:
        return msgspec.json.decode(header, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise InvalidRequestError(
            f"The header {ORIGIN_HEADER} is not a JSON object: {problem}."
        ) from problem
