"""Where the chunks of a content go that is on its way: a file, or memory if it is only one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from kachery_core.digests import CHUNK_SIZE, sha1_hex

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_core.manifests import Manifest
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store
    from kachery_store.assembly import Assembly
    from kachery_store.store import Label

    Release = Callable[[], None]

# From so many on, one sync of the whole disk is quicker than one for each file.
_MANY = 8


class Sink(Protocol):
    """Takes verified chunks in any order; its methods block, except `commit`."""

    manifest: Manifest

    def prepare(self, *, is_whole: bool) -> list[int]:
        """Get ready for all of it, or for parts; which chunks are here, as far as was looked."""
        ...

    def look(self, first: int, last: int) -> list[int]:
        """Which of the chunks [first, last) are here."""
        ...

    def put(self, index: int, data: memoryview, release: Release | None = None) -> bool:
        """Take a chunk if it is right; `release` is called once its bytes may change."""
        ...

    def read(self, start: int, end: int) -> bytes | None:
        """Verified bytes, if they are here."""
        ...

    def is_whole(self) -> bool:
        """Whether all of it is here and has its SHA-1."""
        ...

    async def commit(self, label: Label) -> None:
        """Give it its name in the store; durable when this returns."""
        ...

    def close(self) -> None:
        """Let go of it; what is in a file is kept for next time."""
        ...


class FileSink:
    """Content of several chunks, in a file that outlives the node."""

    def __init__(self, store: Store, threads: Threads, assembly: Assembly) -> None:
        self.manifest = assembly.manifest
        self.assembly = assembly
        self.put = assembly.put
        self.look = assembly.look
        self.read = assembly.read
        self._store = store
        self._threads = threads

    def prepare(self, *, is_whole: bool) -> list[int]:
        """Get ready; see `Sink`."""
        if not is_whole:
            return []
        self.assembly.reserve()
        here = self.assembly.look(0, len(self.manifest.chunks))
        self.assembly.hash_along()
        return here

    def is_whole(self) -> bool:
        """Whether all of it is here and has its SHA-1.

        Raises:
            StorageFailedError: the disk gives back other bytes than it was given.
        """
        if self.assembly.sha1() == self.manifest.sha1:
            return True
        self.assembly.check_disk()
        return False

    async def commit(self, label: Label) -> None:
        """Give it its name in the store; see `Sink`."""
        await self._threads.land(self._commit, label)

    def close(self) -> None:
        """Let go of it; see `Sink`."""
        self.assembly.close()

    def _commit(self, label: Label) -> None:
        self._store.commit(self.assembly.finish(), label)
        self.assembly.remove()


class MemorySink:
    """Content of at most one chunk, in memory until it is whole."""

    def __init__(self, committer: Committer, manifest: Manifest) -> None:
        self.manifest = manifest
        self._committer = committer
        self._data: bytes | None = None if manifest.size else b""

    def prepare(self, *, is_whole: bool) -> list[int]:
        """Nothing was kept from before."""
        del is_whole
        return []

    def look(self, first: int, last: int) -> list[int]:
        """Which of the chunks [first, last) are here."""
        return [0] if first <= 0 < last and self._data is not None else []

    def put(self, index: int, data: memoryview, release: Release | None = None) -> bool:
        """Take the chunk if it is right."""
        is_right = index == 0 and self.manifest.chunks[0].matches(data)
        if is_right:
            self._data = bytes(data)
        if release is not None:
            release()
        return is_right

    def read(self, start: int, end: int) -> bytes | None:
        """Verified bytes, if they are here."""
        return None if self._data is None else self._data[start:end]

    def is_whole(self) -> bool:
        """Whether all of it is here and has its SHA-1."""
        return self._data is not None and sha1_hex(self._data) == self.manifest.sha1

    async def commit(self, label: Label) -> None:
        """Give it its name in the store; see `Sink`."""
        await self._committer.add(self._data or b"", label)

    def close(self) -> None:
        """Nothing is kept: it is quickly fetched again."""


class Committer:
    """Stores small contents that arrive at the same time together, with one wait for the disk."""

    def __init__(self, store: Store, threads: Threads) -> None:
        self._store = store
        self._threads = threads
        self._waiting: list[tuple[bytes, Label, asyncio.Future[None]]] = []
        self._work: asyncio.Task[None] | None = None

    async def add(self, data: bytes, label: Label) -> None:
        """Store a verified content; durable when this returns."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((data, label, future))
        if self._work is None:
            self._work = asyncio.ensure_future(self._commit())
        await future

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._threads.run(self._store_all, [(one[0], one[1]) for one in batch])
            except Exception as problem:  # noqa: BLE001 - told to those who wait
                for _, _, future in batch:
                    if not future.done():
                        future.set_exception(problem)
            else:
                for _, _, future in batch:
                    if not future.done():
                        future.set_result(None)
        self._work = None

    def _store_all(self, batch: list[tuple[bytes, Label]]) -> None:
        if len(batch) >= _MANY:
            self._store.add_many(batch)
            return
        for data, label in batch:
            self._store.add_bytes(data, label)


class Sinks:
    """Makes the right sink for a table."""

    def __init__(self, store: Store, threads: Threads) -> None:
        self.committer = Committer(store, threads)
        self._store = store
        self._threads = threads

    def open(self, manifest: Manifest, before: Sink | None = None) -> Sink:
        """A sink for the chunks of a table; blocking.

        Args:
            manifest: the table.
            before: the sink under another table, which is given up; what is right under both stays.

        Raises:
            StorageFullError, StorageReadOnlyError, StorageFailedError: the disk does not take it.
        """
        if manifest.size <= CHUNK_SIZE:
            if before is not None:
                before.close()
            return MemorySink(self.committer, manifest)
        if isinstance(before, FileSink):
            assembly = before.assembly.changed_to(manifest)
        else:
            assembly = self._store.assemble(manifest)
        return FileSink(self._store, self._threads, assembly)
