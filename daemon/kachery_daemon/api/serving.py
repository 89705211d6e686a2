"""All a node's doors opened and closed together: HTTP, and the feed socket."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from kachery_daemon.api.app import make_server
from kachery_daemon.api.feed_lines import FeedLines

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from kachery_daemon.api.services import Services

_FAREWELL_SECONDS = 1.0


class Serving:
    """What answers for one node.

    Args:
        services: what the answers are made with.
        idle_seconds: how long a connection stays open without a request.
    """

    def __init__(self, services: Services, idle_seconds: float) -> None:
        self._services = services
        self._server = make_server(services, idle_seconds=idle_seconds)
        self._lines = FeedLines(services, idle_seconds)

    async def listen(
        self, listeners: Sequence[socket.socket], feed_listener: socket.socket | None
    ) -> None:
        """Answer from here on; the second is the feed socket, if there is one."""
        self._server.add_sockets(listeners)
        if feed_listener is not None:
            await self._lines.listen(feed_listener)

    async def close(self) -> None:
        """Let nobody in any more; what is half done gets a moment."""
        self._server.stop()
        self._lines.stop()
        for stream in list(self._services.streams):
            stream.end()
        end = time.monotonic() + _FAREWELL_SECONDS
        while self._services.active and time.monotonic() < end:  # noqa: ASYNC110 - at most a second
            await asyncio.sleep(0.02)
        self._lines.close()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._server.close_all_connections(), _FAREWELL_SECONDS)
        for upload in list(self._services.uploads):
            await upload.abort()
