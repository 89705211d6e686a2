"""Fetches what an archive was told of, by loads like anybody's, and keeps it under its quota."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.capabilities import content_discovery, content_key
from kachery_core.errors import KacheryError
from kachery_core.roles import Role
from kachery_core.sealing import unseal_note
from kachery_core.wire.node import pack, unpack
from kachery_core.wire.node_files import FileFacts, FileOffers, FindFiles
from kachery_daemon.sharing.downloads import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.archive_ledger import ArchiveLedger, KeptArchive, Thing
    from kachery_daemon.sharing.archive_room import ArchiveRoom
    from kachery_daemon.sharing.archive_telling import ArchiveTelling
    from kachery_daemon.sharing.loads import Loads
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store

_AT_ONCE = 32
_FIND_SECONDS = 2.0
# A provider that sends slower than this does not keep an archive from its other work.
_SLOWEST_BYTES_PER_SECOND = 1 << 20
_PATIENCE_SECONDS = 60.0
_FIRST_TRY_SECONDS, _LAST_TRY_SECONDS = 2.0, 3600.0
_MOST_TRIES = 14
_log = logging.getLogger(__name__)


class ArchiveFetching:
    """Brings contents into the store of an archive.

    Args:
        store: where they go.
        loads: brings them.
        ledger: says which are wanted.
        telling: not told of these.
        threads: for the disk.
    """

    def __init__(
        self,
        store: Store,
        loads: Loads,
        ledger: ArchiveLedger,
        telling: ArchiveTelling,
        threads: Threads,
    ) -> None:
        self._store = store
        self._loads = loads
        self._ledger = ledger
        self._telling = telling
        self._threads = threads

    async def fetch(self, link: Link, kept: KeptArchive, room: ArchiveRoom) -> bool:
        """Fetch some of what waits for a channel; False if nothing did."""
        if link.state != "connected" or Role.REQUEST_FILES not in link.own_roles:
            return False
        things = await self._threads.run(self._ledger.waiting, kept.channel_id, _AT_ONCE)
        missing = [thing for thing in things if not await self._threads.run(self._keep, thing)]
        sizes = await self._sizes(link, missing) if missing else {}
        for thing in missing:
            size = sizes.get(thing.sha1)
            if size is None:
                await next_try(self._ledger, self._threads, thing)
            elif size > kept.quota:
                _log.info("%s is larger than the archive's quota", thing.sha1)
                await self._threads.run(self._ledger.forget, thing)
        fitting = [
            thing for thing in missing if sizes.get(thing.sha1, kept.quota + 1) <= kept.quota
        ]
        fitting.sort(key=lambda thing: sizes[thing.sha1])
        for some in _grouped(fitting, sizes, kept.quota):
            await room.make(kept, sum(sizes[thing.sha1] for thing in some))
            await self._load(link, some, sum(sizes[thing.sha1] for thing in some))
        return bool(things)

    async def _load(self, link: Link, things: Sequence[Thing], size: int) -> None:
        wanted = [Wanted(thing.sha1, thing.manifest, thing.label) for thing in things]
        timeout = _PATIENCE_SECONDS + size / _SLOWEST_BYTES_PER_SECOND
        for thing in things:
            self._telling.keep_quiet(thing.sha1)
        try:
            await self._loads.load(wanted, [link.channel_id], timeout)
        except KacheryError as problem:
            _log.debug("an archive could not fetch: %s", problem)
        finally:
            for thing in things:
                self._telling.keep_quiet(thing.sha1, quiet=False)
        for thing in things:
            if not await self._threads.run(self._keep, thing):
                await next_try(self._ledger, self._threads, thing)

    def _keep(self, thing: Thing) -> bool:
        """Take note of what is here; what the owner stored or pinned is not the archive's."""
        held = self._store.objects.find(thing.sha1)
        if held is None:
            return False
        entry = self._store.catalog.find(thing.sha1)
        if entry is None or not entry.fetched or entry.pinned:
            self._ledger.forget(thing)
            return True
        self._store.catalog.archive(thing.sha1, archived=True)
        self._ledger.fetched(thing, held.size)
        return True

    async def _sizes(self, link: Link, things: Sequence[Thing]) -> Mapping[str, int]:
        """How large things are, as those who have them say; nobody is believed about more."""
        names = {content_discovery(thing.sha1): thing.sha1 for thing in things}
        sizes: dict[str, int] = {}
        question = pack(FindFiles(list(names), 0))
        role = Role.PROVIDE_FILES
        answers = link.ask(
            subjects.find("files"),
            question,
            role=role,
            timeout=_FIND_SECONDS,
            expect=len(link.present(role)) or None,
        )
        with contextlib.suppress(KacheryError):
            async for answer in answers:
                for sha1, size in _told(answer.body, names):
                    sizes[sha1] = min(size, sizes.get(sha1, size))
        return sizes


async def next_try(ledger: ArchiveLedger, threads: Threads, thing: Thing) -> None:
    """It could not be fetched: try again after a while, each time a longer one, then no more."""
    if thing.attempts >= _MOST_TRIES:
        await threads.run(ledger.forget, thing)
        return
    seconds = min(_FIRST_TRY_SECONDS * 2**thing.attempts, _LAST_TRY_SECONDS)
    await threads.run(ledger.failed, thing, time.time() + seconds)


def _told(body: bytes, names: Mapping[bytes, str]) -> list[tuple[str, int]]:
    """The sizes in one answer; none if it makes no sense."""
    told = []
    with contextlib.suppress(KacheryError):
        for offer in unpack(body, FileOffers).offers:
            sha1 = names.get(offer.discovery)
            if sha1 is not None:
                facts = unpack(unseal_note(content_key(sha1), offer.note), FileFacts)
                told.append((sha1, facts.size))
    return told


def _grouped(things: Sequence[Thing], sizes: Mapping[str, int], quota: int) -> list[list[Thing]]:
    """The small ones together, as far as they fit into the quota together."""
    groups: list[list[Thing]] = []
    room = 0
    for thing in things:
        size = sizes[thing.sha1]
        if not groups or size > room:
            groups.append([])
            room = quota
        groups[-1].append(thing)
        room -= size
    return groups
