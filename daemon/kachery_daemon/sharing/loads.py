"""Content of other nodes, as programs ask for it: have it here, or read a range of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.errors import (
    LinkedFileChangedError,
    NotAllowedError,
    TransferStalledError,
    UnavailableError,
)
from kachery_core.roles import Role
from kachery_daemon.network.ending import within
from kachery_daemon.sharing.batch import Batch
from kachery_daemon.sharing.downloads import Downloads, Wanted
from kachery_daemon.sharing.reading import RangeReader, nobody_has
from kachery_store.assembly import sweep_partials

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kachery_core.wire.loads import LoadProgress
    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.network.link import Link
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """What came of a load.

    Attributes:
        done: for each wanted content whether it is here now.
        asked: the names of the channels that were asked.
    """

    done: list[bool]
    asked: list[str] = field(default_factory=list)


class Loads:
    """Brings content of other nodes here; nothing unverified is ever visible.

    Args:
        store: where it goes.
        threads: for everything that blocks.
        channels: where it may be.

    Attributes:
        passed: told of each content that came: SHA-1, SHA-1 of the table, name, channel id.
    """

    passed: Callable[[str, str, str, str], None] | None = None

    def __init__(self, store: Store, threads: Threads, channels: Channels) -> None:
        self._store = store
        self._threads = threads
        self._channels = channels
        self.downloads = Downloads(store, threads)
        self._reader = RangeReader(self.downloads, threads)

    async def start(self) -> None:
        """Remove what nobody has gone on with for long."""
        await self._threads.run(sweep_partials, self._store.folder)

    async def close(self) -> None:
        """Stop everything that is going on; what has arrived is kept for next time."""
        await self._reader.close()
        await self.downloads.close()

    async def load(
        self,
        wanted: Sequence[Wanted],
        channels: Sequence[str] | None = None,
        timeout: float | None = None,
        report: Callable[[LoadProgress], None] | None = None,
    ) -> Loaded:
        """Have contents here. Cancelling it stops what nobody else waits for.

        Args:
            wanted: the contents.
            channels: names or ids of the only ones to ask; None for all.
            timeout: seconds for all of it; None for as long as bytes arrive.
            report: called several times a second.

        Raises:
            ChannelNotFoundError: this node is not in such a channel.
            RoleMissingError: there are channels, and this node may request files on none.
            MembershipRevokedError, MembershipExpiredError: the same, because it is over.
            HubUnreachableError: something was not found, and a channel could not be asked.
            NoProviderError, TransferStalledError, BadChunkError: it was found, and did not come.
            StorageFullError: there is no room for it.
        """
        links = self._named(channels)
        here = await self._threads.run(self._held, [one.sha1 for one in wanted])
        missing = {one.sha1: one for one in wanted if one.sha1 not in here}
        asked: list[Link] = []
        if missing and links:
            asked = _usable(links)
            batch = Batch(missing, asked, self.downloads, self._threads)
            try:
                here |= await within(batch.run(report), timeout)
            except asyncio.TimeoutError as problem:
                raise TransferStalledError(
                    f"The load did not end within its {timeout:g} seconds.",
                    hint="What has arrived is kept: load it again to go on.",
                ) from problem
            self._tell(missing, batch.channels)
        return Loaded([one.sha1 in here for one in wanted], [link.name for link in asked])

    async def read_range(
        self, wanted: Wanted, start: int, end: int, channel: str | None = None
    ) -> tuple[bytes, int]:
        """Bytes [start, end) of a content, verified, and the size of the content.

        Raises:
            ContentNotFoundError: nobody has it.
            InvalidRangeError: not within the content.
            KacheryError: see `load`.
        """
        links = self._named(None if channel is None else [channel])
        local = await self._threads.land(self._read_here, wanted.sha1, start, end)
        if local is not None:
            return local
        if not links:
            raise nobody_has(wanted.sha1)
        found = await self._reader.read(wanted, start, end, _usable(links))
        if found is not None:
            return found
        # Without a table that its URI names, only the whole can be verified.
        loaded = await self.load([wanted], None if channel is None else [channel])
        local = await self._threads.land(self._read_here, wanted.sha1, start, end)
        if not loaded.done[0] or local is None:
            raise nobody_has(wanted.sha1)
        return local

    def _tell(self, wanted: dict[str, Wanted], channels: dict[str, str]) -> None:
        """Say what came from where, to whoever tells the archives."""
        for sha1, channel_id in channels.items():
            if self.passed is not None:
                self.passed(sha1, wanted[sha1].manifest, wanted[sha1].name, channel_id)

    def _named(self, names: Sequence[str] | None) -> list[Link]:
        if names is None:
            return self._channels.links
        return [self._channels.get(name) for name in names]

    def _held(self, names: list[str]) -> set[str]:
        return {sha1 for sha1 in names if self._is_held(sha1)}

    def _is_held(self, sha1: str) -> bool:
        try:
            return self._store.objects.find(sha1) is not None
        except LinkedFileChangedError:
            return False

    def _read_here(self, sha1: str, start: int, end: int) -> tuple[bytes, int] | None:
        if not self._is_held(sha1):
            return None
        held = self._store.objects.get(sha1)
        return self._store.objects.read(held, start, end), held.size


def _usable(links: Sequence[Link]) -> list[Link]:
    """The links on which this node may ask for files; a hub that is away may come back.

    Raises:
        RoleMissingError, MembershipRevokedError, MembershipExpiredError: there is none.
    """
    usable, problems = [], []
    for link in links:
        try:
            link.check(Role.REQUEST_FILES)
        except NotAllowedError as problem:
            problems.append(problem)
            continue
        except UnavailableError as problem:
            _log.debug("channel %s: %s", link.name, problem)
        usable.append(link)
    if not usable:
        raise problems[0]
    return usable
