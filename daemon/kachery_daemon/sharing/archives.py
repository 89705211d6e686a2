"""This node as an archive: keeps what passes on a channel, and has it when its providers are off.

It needs the owner's grant, and its user's wish. Members then tell it what they loaded or follow
(`archive_telling`); it fetches that like anybody else, and has a provider's roles like anybody
else. What it took on is on the disk and goes on after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.errors import KacheryError, RoleMissingError
from kachery_core.roles import Role
from kachery_daemon.network.ending import end_tasks, within
from kachery_daemon.sharing.archive_fetching import ArchiveFetching
from kachery_daemon.sharing.archive_following import ArchiveFollowing
from kachery_daemon.sharing.archive_hearing import ArchiveHearing
from kachery_daemon.sharing.archive_ledger import (
    DEFAULT_QUOTA,
    ArchiveLedger,
    Holding,
    KeptArchive,
)
from kachery_daemon.sharing.archive_room import ArchiveRoom
from kachery_daemon.sharing.shelves import Shelves

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kachery_core.memberships import Membership
    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.channels.membership import Member
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.network.link import Link, Unsubscribe
    from kachery_daemon.sharing.archive_telling import ArchiveTelling
    from kachery_daemon.sharing.feed_sharing import FeedSharing
    from kachery_daemon.sharing.loads import Loads
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store

_ROUND_SECONDS = 2.0
_log = logging.getLogger(__name__)


class Archives:
    """The archive of each channel for which this node is one.

    Args:
        store: has the contents.
        feeds: has the copies of feeds.
        channels: of this node.
        threads: for the disk.
        telling: what this node tells other archives.
    """

    def __init__(
        self,
        store: Store,
        feeds: Feeds,
        channels: Channels,
        threads: Threads,
        telling: ArchiveTelling,
    ) -> None:
        self._store = store
        self._feeds = feeds
        self._channels = channels
        self._threads = threads
        self._telling = telling
        self._ledger = ArchiveLedger(store.folder.state)
        self.shelves = Shelves(store, self._ledger)
        self._hearing = ArchiveHearing(self._ledger, threads, self._wake)
        self._kept: dict[str, KeptArchive] = {}
        self._holding: dict[str, Holding] = {}
        self._heard: dict[str, tuple[Link, Unsubscribe]] = {}
        self._changes: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._listening = asyncio.Lock()

    async def start(self, loads: Loads, sharing: FeedSharing) -> None:
        """Go on where this node stopped.

        Args:
            loads: fetch contents.
            sharing: follows feeds.
        """
        self._fetching = ArchiveFetching(
            self._store, loads, self._ledger, self._telling, self._threads
        )
        self._following = ArchiveFollowing(
            self._feeds, sharing, self._ledger, self._telling, self._threads
        )
        self._room = ArchiveRoom(
            self._store,
            self._feeds,
            self._following,
            self._ledger,
            self._threads,
            self.shelves,
        )
        for kept in await self._threads.run(self._ledger.archives):
            self._kept[kept.channel_id] = kept
            await self._count(kept.channel_id)
        await self._channels.attach(self.attach)
        for work in (self._listen, self._fetch, self._follow):
            self._tasks.append(asyncio.ensure_future(self._repeat(work)))

    @property
    def quota(self) -> int | None:
        """Bytes that all archives of this node may keep; None if it is none."""
        quotas = [kept.quota for kept in self._kept.values() if kept.is_on]
        return sum(quotas) if quotas else None

    async def close(self) -> None:
        """End; what is half done goes on next time."""
        await end_tasks(self._tasks)
        await self._hearing.close()
        await self._following.close()

    async def attach(self, link: Link) -> None:
        """Notice what becomes of a channel."""
        link.watch(self._wake)
        self._wake()

    async def set(
        self,
        name_or_id: str,
        *,
        is_on: bool = True,
        quota: int | None = None,
        shelf: str | None = None,
    ) -> Member:
        """Be an archive for a channel, or take nothing more; what is kept stays and is served.

        Args:
            name_or_id: the channel.
            is_on: whether to keep what passes from now on.
            quota: bytes; None leaves it as it is, at first 100 GB.
            shelf: URL of an object store, where contents stay when they leave the disk; '' for
                none from now on (what is there is served still); None leaves it as it is.

        Raises:
            InvalidInputError, UnavailableError: there is no such object store.
            ChannelNotFoundError: this node is not in such a channel.
            RoleMissingError: the owner did not grant it, or roles are missing or disabled.
        """
        member = self._channels.find(name_or_id)
        if is_on:
            _check(member)
        channel_id = member.standing.channel_id
        known = self._kept.get(channel_id, KeptArchive(channel_id, DEFAULT_QUOTA, is_on))
        kept = replace(
            known,
            is_on=is_on,
            quota=known.quota if quota is None else quota,
            shelf=known.shelf if shelf is None else shelf,
        )
        if shelf:
            await self._threads.transfer(self._check_shelf, shelf)
        await self._threads.run(self._ledger.set, kept)
        self._kept[channel_id] = kept
        await self._room.make(kept)
        await self._count(channel_id)
        await self._listen()
        self._wake()
        return member

    def _check_shelf(self, url: str) -> None:
        self.shelves.shelf(url).check()

    def kept(self, channel_id: str) -> tuple[KeptArchive, Holding] | None:
        """What this node keeps for a channel; None if it never was an archive there."""
        kept = self._kept.get(channel_id)
        return None if kept is None else (kept, self._holding.get(channel_id, Holding()))

    def _wake(self) -> None:
        for event in self._changes:
            event.set()

    async def _repeat(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Do work again and again: at once if it says so, when something changes, or later."""
        event = asyncio.Event()
        self._changes.append(event)
        while True:
            event.clear()
            is_more = False
            try:
                is_more = await work()
            except KacheryError as problem:
                _log.warning("the archive rests for a moment: %s", problem)
            except Exception:  # noqa: BLE001 - a bug of ours must not end the archive for good
                _log.exception("the archive failed")
            if not is_more:
                seconds = _ROUND_SECONDS if self._is_needed else None
                with contextlib.suppress(asyncio.TimeoutError):
                    await within(event.wait(), seconds)

    @property
    def _is_needed(self) -> bool:
        return any(kept.is_on for kept in self._kept.values())

    def _members(self) -> list[tuple[Member, KeptArchive]]:
        """The channels for which this node is an archive now."""
        return [
            (member, kept)
            for member in self._channels.members
            if (kept := self._kept.get(member.standing.channel_id)) is not None
            and kept.is_on
            and member.standing.membership.is_archive
            and member.standing.problem() is None
        ]

    async def _listen(self) -> bool:
        """Listen where this node is an archive, nowhere else, and say so there."""
        async with self._listening:
            await self._match({member.standing.channel_id: member for member, _ in self._members()})
        return False

    async def _match(self, wanted: dict[str, Member]) -> None:
        for channel_id, (link, unsubscribe) in list(self._heard.items()):
            if channel_id not in wanted or wanted[channel_id].link is not link:
                del self._heard[channel_id]
                await unsubscribe()
        for member in self._channels.members:
            channel_id = member.standing.channel_id
            if channel_id in wanted and channel_id not in self._heard:
                await self._subscribe(member)
            await member.link.be_archive(is_archive=channel_id in wanted)

    async def _subscribe(self, member: Member) -> None:
        async def hear(sender: Membership, body: bytes) -> None:
            self._hearing.hear(member, sender, body)

        # Entered first: a second call must not subscribe once more.
        own = subjects.archive(member.standing.node_id)
        unsubscribe = await member.link.subscribe(own, None, hear)
        self._heard[member.standing.channel_id] = member.link, unsubscribe

    async def _fetch(self) -> bool:
        is_more = False
        for member, kept in self._members():
            is_more = await self._fetching.fetch(member.link, kept, self._room) or is_more
            await self._count(kept.channel_id)
        return is_more

    async def _follow(self) -> bool:
        for member, kept in self._members():
            await self._following.begin(member.link)
            await self._following.measure()
            await self._room.make(kept)
            await self._count(kept.channel_id)
        return False

    async def _count(self, channel_id: str) -> None:
        self._holding[channel_id] = await self._threads.run(self._ledger.holding, channel_id)


def _check(member: Member) -> None:
    """Make sure that this node may be an archive.

    Raises:
        RoleMissingError: it may not; the message says what is missing.
    """
    standing = member.standing
    if not standing.membership.is_archive:
        raise RoleMissingError(
            f"This node may not be told what passes in channel {standing.name!r}:"
            " its owner did not grant `archive`.",
            hint=f"Ask the owner: `kachery channel grant {standing.name} {standing.node_id}"
            " --archive --roles …`.",
            role="archive",
            channel=standing.name,
        )
    if not {Role.REQUEST_FEEDS, Role.PROVIDE_FEEDS} <= standing.own_roles:
        standing.check_role(Role.REQUEST_FILES)
        standing.check_role(Role.PROVIDE_FILES)
