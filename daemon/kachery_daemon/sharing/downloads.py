"""All contents that are on their way here. Whoever wants the same content shares one transfer."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from kachery_core.errors import ContentNotFoundError, StorageFullError
from kachery_core.machines.download import Download
from kachery_core.machines.steps import Limits
from kachery_daemon.sharing.connections import Connections
from kachery_daemon.sharing.sinks import Sinks
from kachery_daemon.sharing.transfer import Transfer
from kachery_store.assembly import part_path
from kachery_store.disk import free_bytes
from kachery_store.store import Label

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from kachery_daemon.network.link import Link
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store

# Contents that are fetched whole at the same time; each may have several providers.
_MOST_AT_ONCE = 8
# A disk that is filled to its last byte is of no use to anybody.
_RESERVE = 64 << 20
_KINDS = {".txt": "text", ".json": "json", ".npy": "npy", ".pkl": "pkl"}


@dataclass(frozen=True)
class Wanted:
    """A content to have.

    Attributes:
        sha1: of the content.
        manifest: SHA-1 of the chunk table that its URI names, or ''.
        name: what it is called here.
    """

    sha1: str
    manifest: str = ""
    name: str = ""

    def label(self, origin: dict[str, str]) -> Label:
        """What the store will tell about it.

        Args:
            origin: where it comes from.
        """
        kind = _KINDS.get(PurePath(self.name).suffix.lower(), "file")
        return Label(self.name, kind, dict(origin), fetched=True)


@dataclass(eq=False)
class _Shared:
    """A transfer and those who want it."""

    transfer: Transfer
    task: asyncio.Task[None]
    users: int = 0
    is_ending: bool = False

    def end(self) -> None:
        """Cancel it, once: what it does then, such as to close its connections, takes a moment."""
        if not self.is_ending:
            self.is_ending = True
            self.task.cancel()


class Downloads:
    """The transfers of a node.

    Args:
        store: where contents go.
        threads: for everything that blocks.
    """

    def __init__(self, store: Store, threads: Threads) -> None:
        self.sinks = Sinks(store, threads)
        self.slots = asyncio.Semaphore(_MOST_AT_ONCE)
        self._store = store
        self._threads = threads
        self._connections = Connections(threads)
        self._going: dict[str, _Shared] = {}

    @property
    def going(self) -> Iterator[Transfer]:
        """What is on its way at the moment."""
        return (shared.transfer for shared in self._going.values())

    @property
    def received_chunks(self) -> int:
        """Chunks that came since the start and were right."""
        return self._connections.received

    @contextlib.asynccontextmanager
    async def joined(
        self, wanted: Wanted, origin: dict[str, str], links: Iterable[Link]
    ) -> AsyncIterator[Transfer]:
        """While the block runs, a content may come; when the last block ends, that stops.

        Args:
            wanted: the content.
            origin: where it is said to be, for the catalog.
            links: channels on which providers may be looked for.

        Raises:
            StorageFullError: the disk is full already.
        """
        shared = await self._shared(wanted, origin)
        shared.users += 1
        shared.transfer.links.update({link.channel_id: link for link in links})
        try:
            yield shared.transfer
        finally:
            shared.users -= 1
            if not shared.users:
                shared.end()
                await asyncio.wait([shared.task])

    def cancel(self, sha1: str) -> None:
        """Give a transfer up, for all who wait for it; what has arrived is kept.

        Raises:
            ContentNotFoundError: it is not on its way here.
        """
        shared = self._going.get(sha1)
        if shared is None:
            raise ContentNotFoundError(f"The content {sha1} is not on its way here.", sha1=sha1)
        shared.end()

    def cancel_all(self) -> None:
        """Give all transfers up."""
        for shared in self._going.values():
            shared.end()

    async def close(self) -> None:
        """Stop everything; what has arrived is kept."""
        tasks = [shared.task for shared in self._going.values()]
        self.cancel_all()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._connections.close()

    async def _shared(self, wanted: Wanted, origin: dict[str, str]) -> _Shared:
        """The transfer of a content; one that is ending is waited for."""
        largest = await self._threads.run(self._room, wanted.sha1)
        while (shared := self._going.get(wanted.sha1)) is not None:
            if shared.users and not shared.is_ending and not shared.task.done():
                return shared
            await asyncio.wait([shared.task])
            await asyncio.sleep(0)  # it is forgotten now
        machine = Download(
            wanted.sha1,
            asyncio.get_running_loop().time(),
            manifest=wanted.manifest,
            limits=Limits(largest=largest),
        )
        transfer = Transfer(
            machine, wanted.sha1, wanted.label(origin), self.sinks, self._connections
        )
        shared = _Shared(transfer, asyncio.ensure_future(transfer.run()))
        self._going[wanted.sha1] = shared
        shared.task.add_done_callback(lambda _: self._going.pop(wanted.sha1, None))
        return shared

    def _room(self, sha1: str) -> int:
        """Bytes there is room for; what has arrived of the content already has its own."""
        root = self._store.folder.root
        room = free_bytes(root) - _RESERVE
        with contextlib.suppress(FileNotFoundError):
            room += part_path(self._store.folder, sha1).stat().st_blocks * 512
        if room <= 0:
            raise StorageFullError(
                f"The disk of the storage folder {root} is full.",
                hint="Free some space (`kachery gc`, `kachery rm`) and load it again.",
                path=str(root),
                free_bytes=free_bytes(root),
            )
        return room
