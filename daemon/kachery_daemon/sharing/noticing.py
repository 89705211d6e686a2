"""Noticing what changes on this node, for programs that show it.

Nothing is done while none listens. Programs of the owner write the store themselves, so its
databases are looked at: twenty times a second, some microseconds each. Links say by themselves when
something is different.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_core.wire.events import NOUNS
from kachery_daemon.network.ending import begin_task, end_tasks
from kachery_store.changes import Changes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from typing_extensions import Self

    from kachery_core.wire.events import Noun
    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.downloads import Downloads
    from kachery_daemon.system.threads import Threads
    from kachery_store.folder import Folder

_LOOK_SECONDS = 0.05
# After a commit in each of these, this is worth being asked for again.
_DATABASES: dict[str, tuple[Noun, ...]] = {
    "catalog.sqlite": ("files", "status"),
    "feeds.sqlite": ("feeds",),
    "channels.sqlite": ("channels", "status"),
    "archive.sqlite": ("channels",),
}
_log = logging.getLogger(__name__)


class Noticing:
    """Everything that can be noticed on one node.

    Args:
        folder: the storage folder.
        channels: of this node.
        downloads: what is on its way here.
        threads: for looking at databases.
    """

    def __init__(
        self, folder: Folder, channels: Channels, downloads: Downloads, threads: Threads
    ) -> None:
        self._state = folder.state
        self._channels = channels
        self._downloads = downloads
        self._threads = threads
        self._listeners: set[Listener] = set()
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Hear from every channel there is or will be."""
        await self._channels.attach(self._attach)

    async def close(self) -> None:
        """End it; who listens hears nothing more."""
        if self._looking is not None:
            await end_tasks([self._looking])

    def listen(self) -> Listener:
        """Somebody who listens while in its `with` block."""
        return Listener(self)

    def tell(self, nouns: Iterable[Noun]) -> None:
        """Say that something is different."""
        told = set(nouns)
        for listener in self._listeners:
            listener.take(told)

    def enter(self, listener: Listener) -> None:
        """Somebody listens."""
        self._listeners.add(listener)
        if self._looking is None or self._looking.done():
            self._looking = begin_task(self._look_again_and_again(), "noticing changes")

    def leave(self, listener: Listener) -> None:
        """They do not listen any more."""
        self._listeners.discard(listener)

    async def _attach(self, link: Link) -> None:
        link.watch(self._link_changed)

    def _link_changed(self) -> None:
        self.tell(("channels", "status"))

    async def _look_again_and_again(self) -> None:
        databases = {Changes(self._state / name): nouns for name, nouns in _DATABASES.items()}
        transfers = self._transfers()
        await self._threads.run(_changed, databases)
        try:
            while self._listeners:
                await asyncio.sleep(_LOOK_SECONDS)
                nouns = set(await self._threads.run(_changed, databases))
                before, transfers = transfers, self._transfers()
                if before != transfers:
                    nouns.add("transfers")
                if nouns:
                    self.tell(nouns)
        finally:
            for one in databases:
                one.close()

    def _transfers(self) -> list[tuple[object, ...]]:
        """What is worth showing of the transfers."""
        return [(one.sha1, one.received, one.size, one.senders) for one in self._downloads.going]


class Listener:
    """What one program has not heard yet."""

    def __init__(self, noticing: Noticing) -> None:
        self._noticing = noticing
        self._nouns: set[Noun] = set()
        self._something = asyncio.Event()

    def __enter__(self) -> Self:
        self._noticing.enter(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._noticing.leave(self)

    def take(self, nouns: set[Noun]) -> None:
        """Hear of something."""
        self._nouns |= nouns
        self._something.set()

    async def next(self, seconds: float) -> list[Noun]:
        """What is different since the last time, as soon as there is something; perhaps nothing."""
        try:
            await asyncio.wait_for(self._something.wait(), seconds)
        except asyncio.TimeoutError:
            return []
        self._something.clear()
        nouns, self._nouns = self._nouns, set()
        return [noun for noun in NOUNS if noun in nouns]


def _changed(databases: dict[Changes, tuple[Noun, ...]]) -> list[Noun]:
    """What is different by the databases; one that cannot be read says nothing."""
    found: list[Noun] = []
    for changes, nouns in databases.items():
        try:
            if changes.look():
                found += nouns
        except KacheryError as problem:
            _log.debug("not looked at: %s", problem)
    return found
