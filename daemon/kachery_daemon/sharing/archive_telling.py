"""Tells the archives of a channel what this node has loaded there, or follows.

Whoever asked knows the URI and where it came from; nobody else can tell. It costs the load nothing:
what passed is put on a list, and the list is sent a moment later, to the archives that are there
then. A note that is lost is no error; the next load of the same thing tells it again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, TypeAlias

from kachery_core import subjects
from kachery_core.errors import KacheryError
from kachery_core.nkeys import account_key_of
from kachery_core.wire.node_archives import (
    LONGEST_LABEL,
    MOST_PASSED,
    Passed,
    PassedContent,
    PassedSubfeed,
    seal_note,
)
from kachery_daemon.network.ending import end_tasks

if TYPE_CHECKING:
    from kachery_core.messages import SubfeedKey
    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.network.link import Link, Peer
    from kachery_daemon.system.threads import Threads

_What: TypeAlias = "PassedContent | PassedSubfeed"
_Thing: TypeAlias = "str | SubfeedKey"

_GATHERED_SECONDS = 0.2
# Who loads the same thing again within this time says nothing new.
_REPEATED_SECONDS = 600.0
_MOST_WAITING = 2000
_MOST_REMEMBERED = 20_000


class ArchiveTelling:
    """Notes to archives.

    Args:
        channels: of this node.
        threads: for sealing.
    """

    def __init__(self, channels: Channels, threads: Threads) -> None:
        self._channels = channels
        self._threads = threads
        self._waiting: OrderedDict[tuple[str, _Thing], _What] = OrderedDict()
        self._told: OrderedDict[tuple[str, str, _Thing], float] = OrderedDict()
        self._sending: asyncio.Task[None] | None = None
        self._quiet: set[_Thing] = set()
        self.dropped = 0

    def passed(self, sha1: str, manifest: str, label: str, channel_id: str) -> None:
        """This node has loaded a content over a channel; returns at once.

        Args:
            sha1: of the content.
            manifest: SHA-1 of the chunk table that its URI named, or ''.
            label: what it was called.
            channel_id: where it came from.
        """
        text = label.encode("utf-8", "replace").decode()[:LONGEST_LABEL]
        what = PassedContent(bytes.fromhex(sha1), bytes.fromhex(manifest), text)
        self._add(channel_id, sha1, what)

    def followed(self, key: SubfeedKey, channel_id: str) -> None:
        """This node follows a subfeed of another node on a channel; returns at once."""
        what = PassedSubfeed(bytes.fromhex(key.feed), bytes.fromhex(key.subfeed))
        self._add(channel_id, key, what)

    def keep_quiet(self, thing: _Thing, *, quiet: bool = True) -> None:
        """Tell nobody of what this node fetches as an archive itself."""
        if quiet:
            self._quiet.add(thing)
        else:
            self._quiet.discard(thing)

    async def close(self) -> None:
        """Tell nothing more."""
        if self._sending is not None:
            await end_tasks([self._sending])

    def _add(self, channel_id: str, thing: _Thing, what: _What) -> None:
        if thing in self._quiet or not self._archives(channel_id):
            return
        self._waiting[channel_id, thing] = what
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.popitem(last=False)
            self.dropped += 1
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._send())

    def _link(self, channel_id: str) -> Link | None:
        links = (link for link in self._channels.links if link.channel_id == channel_id)
        return next(links, None)

    def _archives(self, channel_id: str) -> list[Peer]:
        link = self._link(channel_id)
        return [] if link is None else [peer for peer in link.present() if peer.is_archive]

    async def _send(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHERED_SECONDS)
            gathered: dict[str, deque[tuple[_Thing, _What]]] = {}
            for (channel_id, thing), what in self._waiting.items():
                gathered.setdefault(channel_id, deque()).append((thing, what))
            self._waiting.clear()
            for channel_id, things in gathered.items():
                while things:
                    some = [things.popleft() for _ in range(min(len(things), MOST_PASSED))]
                    await self._tell(channel_id, some)

    async def _tell(self, channel_id: str, things: list[tuple[_Thing, _What]]) -> None:
        link = self._link(channel_id)
        if link is None:
            return
        for archive in self._archives(channel_id):
            name = f"{archive.node_id} {archive.instance}"
            news = [what for thing, what in things if self._is_news(channel_id, name, thing)]
            if not news:
                continue
            passed = Passed(
                bytes.fromhex(account_key_of(channel_id)),
                bytes.fromhex(link.node_id),
                [what for what in news if isinstance(what, PassedContent)],
                [what for what in news if isinstance(what, PassedSubfeed)],
            )
            try:
                body = await self._threads.run(seal_note, archive.node_id, passed)
                await link.publish(subjects.archive(archive.node_id), body)
            except KacheryError as problem:
                _log.debug("archive %s was not told: %s", archive.node_id, problem)

    def _is_news(self, channel_id: str, archive: str, thing: _Thing) -> bool:
        """Whether this archive was not told of this thing a short while ago."""
        now, place = time.monotonic(), (channel_id, archive, thing)
        if now - self._told.get(place, -_REPEATED_SECONDS) < _REPEATED_SECONDS:
            return False
        self._told[place] = now
        self._told.move_to_end(place)
        if len(self._told) > _MOST_REMEMBERED:
            self._told.popitem(last=False)
        return True


_log = logging.getLogger(__name__)
