"""The WebSocket of events: one for each browser page, while its sidebar is on the screen."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from typing_extensions import override

from kachery_core.wire.local import Message
from kachery_jupyter.server.node_handler import RESOURCE
from kachery_jupyter.server.pages import Page

if TYPE_CHECKING:
    from kachery_jupyter.server.services import Services

_LONGEST_WISH = 16 << 10
_MOST_INDEX = 2**53
_log = logging.getLogger(__name__)

Uri = Annotated[str, msgspec.Meta(max_length=4096)]


class Wish(Message, frozen=True):
    """What a page asks for.

    Attributes:
        tail: URI of a subfeed to follow from now on.
        start: its first message to send; -k for the last k ones.
        untail: URI of a subfeed to follow no longer.
    """

    tail: Uri | None = None
    start: Annotated[int, msgspec.Meta(ge=-_MOST_INDEX, le=_MOST_INDEX)] = msgspec.field(
        name="from", default=-100
    )
    untail: Uri | None = None


class EventsSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One page's socket."""

    auth_resource = RESOURCE

    @override
    def initialize(self, services: Services) -> None:
        """Take what the extension provides (tornado calls this)."""
        self.services = services
        self._page: Page | None = None
        self._sending: asyncio.Task[None] | None = None

    @property
    def max_message_size(self) -> int:
        """Bytes of the longest message that a page may send."""
        return _LONGEST_WISH

    @override
    @ws_authenticated
    @authorized
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Let in who is logged in; tornado refuses other origins."""
        await super().get(*args, **kwargs)

    @override
    def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)
        self._page = Page(self._send)
        self._sending = asyncio.ensure_future(self._page.run())
        self._sending.add_done_callback(self._note_end)
        self.services.pages.enter(self._page)

    @override
    def on_message(self, message: str | bytes) -> None:
        """Take a wish; a page that sends anything else is not ours."""
        try:
            wish = msgspec.json.decode(message, type=Wish)
        except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
            self.close(1008, f"not understood: {problem}"[:100])
            return
        if self._page is None:
            return
        if wish.untail is not None:
            self.services.pages.untail(self._page, wish.untail)
        if wish.tail is not None:
            self.services.pages.tail(self._page, wish.tail, wish.start)

    @override
    def on_close(self) -> None:
        page, self._page = self._page, None
        if self._sending is not None:
            self._sending.cancel()
        if page is not None:
            self.services.pages.leave(page)
        super().on_close()

    async def _send(self, text: bytes) -> None:
        await self.write_message(text)

    def _note_end(self, sending: asyncio.Task[None]) -> None:
        if sending.cancelled():
            return
        problem = sending.exception()
        if not isinstance(problem, WebSocketClosedError):
            _log.error("kachery: events could not be sent", exc_info=problem)
        self.close()
