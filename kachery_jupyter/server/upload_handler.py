"""The list of contents, and bytes that a browser stores: passed on as they come."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.http1connection import HTTP1Connection
from typing_extensions import override

from kachery_core.errors import InvalidRequestError, TransferCancelledError
from kachery_core.wire.local import ORIGIN_HEADER
from kachery_jupyter.server.relay import FILES_LIST, RelayHandler

if TYPE_CHECKING:
    from kachery_jupyter.server.services import Services
    from kachery_jupyter.server.upstream import Exchange

_ORIGIN = '{"program":"JupyterLab"}'


@web.stream_request_body
class FilesHandler(RelayHandler):
    """All contents: listed, and added to."""

    @override
    def initialize(self, services: Services) -> None:  # type: ignore[override]
        super().initialize(services, {"GET": FILES_LIST})
        self._open = AsyncExitStack()
        self._exchange: Exchange | None = None
        self._refusal: Exception | None = None

    @override
    async def prepare(self) -> None:  # type: ignore[override]
        """Let in who may, before the first byte is taken."""
        await super().prepare()
        if self.request.method != "POST" or self._finished:
            return
        await self.check_may("write")
        try:
            await self._begin()
        except Exception as problem:  # noqa: BLE001 - raised by the method
            # Whoever is still sending does not listen yet.
            self._refusal = problem

    @override
    async def data_received(self, chunk: bytes) -> None:
        if self._exchange is not None:
            await self._exchange.send(chunk)

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Store the body; durable when answered."""
        if self._refusal is not None:
            raise self._refusal
        if self._exchange is None:
            raise TransferCancelledError("The upload was given up.")
        answer = await self._exchange.answer()
        self.finish(await answer.read(1 << 16))

    @override
    def on_finish(self) -> None:
        super().on_finish()
        self._let_go()

    @override
    def on_connection_close(self) -> None:
        """Hang up as well: the node keeps nothing of what is not whole."""
        super().on_connection_close()
        self._let_go()

    async def _begin(self) -> None:
        size = self._announced_bytes()
        if isinstance(self.request.connection, HTTP1Connection):
            # Jupyter's own limit is for what it keeps in memory.
            self.request.connection.set_max_body_size(size)
        given = {name: self.argument(name) for name in ("name", "kind") if self.argument(name)}
        headers = {"Content-Type": "application/octet-stream", ORIGIN_HEADER: _ORIGIN}
        path = f"/files?{urlencode(given)}"
        question = self.upstream.asking("POST", path, headers, size=size)
        self._exchange = await self._open.enter_async_context(question)

    def _announced_bytes(self) -> int:
        text = self.request.headers.get("Content-Length", "")
        if not (text.isascii() and text.isdecimal()):
            raise InvalidRequestError(
                "The length of the content is not given.", hint="Send a Content-Length header."
            )
        return int(text)

    def _let_go(self) -> None:
        if self._exchange is not None:
            self._exchange = None
            self._ending = asyncio.ensure_future(self._open.aclose())
