"""One content that is arriving: handed to the store in large pieces, in threads."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store
    from kachery_store.ingest import Ingest
    from kachery_store.store import Content, Label

_PIECE = 1 << 20


class Upload:
    """Bytes on their way into the store; leaves nothing behind unless it is finished.

    Args:
        store: where they go.
        threads: where the work is done.
        size: bytes to come.
    """

    def __init__(self, store: Store, threads: Threads, size: int) -> None:
        self._store = store
        self._threads = threads
        self._size = size
        # One chunk is stored in one go, in one thread: it takes no longer than its sync.
        self._is_small = size <= _PIECE
        self._is_given_up = False
        self._piece = bytearray()
        self._stack = contextlib.ExitStack()
        self._ingest: Ingest | None = None
        # One thing at a time: an abort waits for the piece that is being written.
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Take the room.

        Raises:
            StorageFullError: there is not enough.
        """
        if self._is_small:
            return
        async with self._turn:
            self._ingest = await self._threads.transfer(
                self._stack.enter_context, self._store.ingesting(self._size)
            )

    async def take(self, data: bytes) -> None:
        """Take the next bytes; waits for the disk now and then, which slows the sender down."""
        self._piece += data
        if len(self._piece) >= _PIECE and not self._is_small:
            async with self._turn:
                await self._write()

    async def finish(self, label: Label) -> Content:
        """Give the bytes their name; durable when this returns."""
        if self._is_small and not self._is_given_up:
            return await self._threads.run(self._store.add_bytes, bytes(self._piece), label)
        async with self._turn:
            await self._write()
            return await self._threads.transfer(self._commit, label)

    async def abort(self) -> None:
        """Leave nothing behind; does nothing after `finish`."""
        self._is_given_up = True
        if self._is_small:
            return
        async with self._turn:
            self._ingest = None
            await self._threads.transfer(self._stack.close)

    async def _write(self) -> None:
        piece, self._piece = self._piece, bytearray()
        if self._ingest is not None and piece:
            await self._threads.transfer(self._ingest.write, memoryview(piece))

    def _commit(self, label: Label) -> Content:
        with self._stack:
            if self._ingest is None:
                raise ConnectionAbortedError("the upload was given up")
            return self._store.commit(self._ingest.finish(), label)
