"""What the handlers work with: the node, the storage folder, threads, loads and events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kachery_jupyter.server.listening import Listening
from kachery_jupyter.server.loads import Loads
from kachery_jupyter.server.pages import Pages
from kachery_jupyter.server.tails import Tails
from kachery_jupyter.server.upstream import no_node
from kachery_jupyter.server.workers import Workers
from kachery_store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kachery_jupyter.server.upstream import Upstream

_PREVIEWS_AT_ONCE = 2


class Services:
    """Made once, with the extension.

    Args:
        upstream: the way to the node, or None while there is none.
        storage: its storage folder, or None.

    Attributes:
        workers: threads for what blocks.
        previewing: a turn for each preview; large ones take some memory.
        pages: browser pages that listen.
        loads: what was asked to come here.
    """

    def __init__(
        self, upstream: Callable[[], Upstream | None], storage: Callable[[], Path | None]
    ) -> None:
        self._upstream = upstream
        self._storage = storage
        self._store: Store | None = None
        self.workers = Workers()
        self.previewing = asyncio.Semaphore(_PREVIEWS_AT_ONCE)
        self._listening = Listening(self._way)
        self._tails = Tails(self._way, self.workers)
        self.pages = Pages(self._listening, self._tails)
        self.loads = Loads(self._way, self.pages)

    @property
    def upstream(self) -> Upstream:
        """The way to the node.

        Raises:
            DaemonNotRunningError: there is none.
        """
        return self._way()

    @property
    def listeners(self) -> int:
        """How many questions to the node only wait for something to happen."""
        return self._tails.count

    def open_store(self) -> Store:
        """The storage folder, to be written as its owner (blocking).

        Raises:
            DaemonNotRunningError: there is no node, so there is none.
        """
        root = self._storage()
        if root is None:
            raise no_node()
        if self._store is None or self._store.folder.root != root:
            self._store = Store(root)
        return self._store

    async def close(self) -> None:
        """End everything that goes on."""
        await self.loads.close()
        await self._tails.close()
        await self._listening.close()
        self.workers.close()

    def _way(self) -> Upstream:
        upstream = self._upstream()
        if upstream is None:
            raise no_node()
        return upstream
