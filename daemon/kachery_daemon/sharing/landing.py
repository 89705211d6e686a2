"""Where the chunks of one transfer land, and how the whole of them becomes content of the store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kachery_core.errors import TransferCancelledError

if TYPE_CHECKING:
    from kachery_core.machines.download import Download
    from kachery_core.manifests import Manifest
    from kachery_daemon.sharing.sinks import Sink, Sinks
    from kachery_daemon.system.threads import Threads
    from kachery_store.store import Label


class Landing:
    """The sink of the table in use.

    Args:
        machine: decides which table that is.
        sinks: makes sinks.
        threads: where disk and digests are waited for.
        label: what the content is called in the store.
    """

    def __init__(self, machine: Download, sinks: Sinks, threads: Threads, label: Label) -> None:
        self.sink: Sink | None = None
        self.label = label
        self._machine = machine
        self._sinks = sinks
        self._threads = threads
        self._is_whole_wanted = False
        self._is_whole_prepared = False
        self._turn = asyncio.Lock()

    async def use(self, table: Manifest) -> None:
        """Get ready for the chunks of another table.

        Raises:
            StorageFullError, StorageReadOnlyError, StorageFailedError: the disk does not take it.
        """
        async with self._turn:
            before, self.sink = self.sink, None
            sink = await self._threads.land(self._sinks.open, table, before)
            if self._is_whole_wanted:
                here = await self._threads.land(sink.prepare, is_whole=True)
            else:
                here = await self._threads.land(_look, sink, self._machine.wishes.all_of())
            self._is_whole_prepared = self._is_whole_wanted
            self.sink = sink
            self._machine.opened(table, here)

    async def want_whole(self) -> None:
        """Get ready for all chunks, whatever the table."""
        self._is_whole_wanted = True
        async with self._turn:
            if self.sink is not None and not self._is_whole_prepared:
                self._is_whole_prepared = True
                here = await self._threads.land(self.sink.prepare, is_whole=True)
                self._machine.opened(self.sink.manifest, here)

    async def look(self, first: int, last: int) -> None:
        """Notice which chunks [first, last) are here from an earlier time."""
        async with self._turn:
            if self.sink is not None and not self._is_whole_prepared:
                here = await self._threads.land(self.sink.look, first, last)
                self._machine.opened(self.sink.manifest, here)

    async def read(self, start: int, end: int) -> bytes | None:
        """Verified bytes; None if they are not here."""
        sink = self.sink
        if sink is None:
            raise TransferCancelledError("The transfer was given up.")
        return await self._threads.land(sink.read, start, end)

    async def finish(self) -> bool:
        """All chunks are here: store the whole if it has its SHA-1; whether it has.

        Raises:
            HashCollisionError: another content with this SHA-1 is stored already.
            StorageFullError, StorageFailedError: the disk does not take it.
        """
        async with self._turn:
            sink = self.sink
            if sink is None or not await self._threads.land(sink.is_whole):
                return False
            await sink.commit(self.label)
            return True

    async def close(self) -> None:
        """Let go of the sink; what has arrived is kept."""
        async with self._turn:
            sink, self.sink = self.sink, None
            if sink is not None:
                await self._threads.land(sink.close)


def _look(sink: Sink, ranges: list[tuple[int, int]]) -> list[int]:
    count = len(sink.manifest.chunks)
    return [index for first, last in ranges for index in sink.look(first, min(last, count))]
