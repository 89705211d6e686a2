"""Files over channels: letting members have what is here, directly or through the hub."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_daemon.network.ending import end_tasks
from kachery_daemon.sharing.direct_path import DirectPath, DirectSettings
from kachery_daemon.sharing.files import FileProvider
from kachery_store.walking import all_sha1, note_some

if TYPE_CHECKING:
    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.shelves import Shelves
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store

_log = logging.getLogger(__name__)


class FileSharing:
    """The providing side of files.

    Args:
        store: what is here.
        threads: for everything that blocks.
        channels: who may have it.
        settings: of the direct path.

    Attributes:
        direct: where this node is reached directly.
    """

    def __init__(
        self, store: Store, threads: Threads, channels: Channels, settings: DirectSettings
    ) -> None:
        self._store = store
        self._threads = threads
        self._channels = channels
        self.direct = DirectPath(store, threads, settings, self._hub_host)
        self._provider = FileProvider(store, threads, self.direct, channels.is_allowed)
        self._indexing: asyncio.Task[None] | None = None

    @property
    def sent_chunks(self) -> int:
        """Frames sent since the start, on both ways."""
        return self._provider.served + self.direct.server.served

    def addresses(self, link: Link) -> list[str]:
        """Where the members of a channel may reach this node directly; none if they may not."""
        return self.direct.addresses(link)

    def use(self, shelves: Shelves) -> None:
        """Provide what is on shelves as well."""
        self._provider.use(shelves)
        self.direct.server.open_frames = shelves.frames

    async def start(self) -> None:
        """Begin to answer, on every channel there is or will be."""
        await self._channels.attach(self._attach)

    async def close(self) -> None:
        """Stop answering."""
        if self._indexing is not None:
            await end_tasks([self._indexing])
        await self._provider.close()
        await self.direct.close()

    async def _attach(self, link: Link) -> None:
        if self._indexing is None:
            self._indexing = asyncio.ensure_future(self._index())
        await self._provider.serve(link)

    async def _index(self) -> None:
        """Make everything findable that the catalog does not know; takes its time."""
        walk = all_sha1(self._store.folder.root / "sha1")
        is_going = True
        try:
            while is_going:
                is_going = await self._threads.transfer(note_some, self._store.catalog, walk)
        except KacheryError as problem:
            _log.warning("Not everything that is here can be found by others: %s", problem)

    def _hub_host(self, channel_id: str) -> str:
        return self._channels.find(channel_id).standing.hub_url.host
