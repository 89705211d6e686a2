"""What is new in feeds, told live to those who asked for it lately.

Nothing is published that nobody wants. Whoever asks for a subfeed, or looks how far it goes, wants
its news for 90 seconds; a commit tells them at once. News are a convenience: each can get lost, and
whoever follows finds out and asks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec

from kachery_core.capabilities import subfeed_key_of
from kachery_core.errors import KacheryError
from kachery_core.messages import outline_batches
from kachery_core.roles import Role
from kachery_core.sealing import NONCE_SIZE
from kachery_core.wire.node import pack
from kachery_core.wire.node_feeds import (
    LARGEST_LIVE,
    HeadFacts,
    LiveHead,
    LiveRun,
    RunPiece,
    seal_facts,
)
from kachery_daemon.network.ending import end_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_core.messages import SubfeedKey
    from kachery_core.wire.node_feeds import Sealable
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.feed_index import FeedIndex

    # Whether a copy's news should be told on a channel.
    MayTell = Callable[[SubfeedKey, str], bool]

WANTED_SECONDS = 90.0
_MOST_WANTED = 20_000
_log = logging.getLogger(__name__)


class _Wanted(msgspec.Struct):
    """News of one subfeed that are wanted on one channel."""

    link: Link
    until: float
    told: int
    is_telling: bool = False


class FeedNews:
    """Tells what is new.

    Args:
        feeds: what is here.
        index: what it is looked for by.
        may_tell: whether this node tells the news of a copy on a channel.
    """

    def __init__(self, feeds: Feeds, index: FeedIndex, may_tell: MayTell) -> None:
        self._feeds = feeds
        self._index = index
        self._may_tell = may_tell
        self._loop = asyncio.get_running_loop()
        self._wanted: dict[str, OrderedDict[bytes, _Wanted]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Listen to commits."""
        self._feeds.waiters.listen(self._committed)

    async def close(self) -> None:
        """Tell nobody any more."""
        self._wanted.clear()
        await end_tasks(self._tasks)

    def want(self, link: Link, discovery: bytes, length: int) -> None:
        """Somebody on a channel knows that a subfeed has so many messages, and wants to know more.

        Also of a subfeed that is not here yet: its first message is news.
        """
        channel = self._wanted.setdefault(link.channel_id, OrderedDict())
        now = time.monotonic()
        wanted = channel.get(discovery)
        if wanted is None or wanted.until < now:
            channel[discovery] = _Wanted(link, now + WANTED_SECONDS, length)
        else:
            wanted.link, wanted.until = link, now + WANTED_SECONDS
        channel.move_to_end(discovery)
        if len(channel) > _MOST_WANTED:
            channel.popitem(last=False)

    def _committed(self, key: SubfeedKey) -> None:
        """Called in the thread that commits."""
        self._loop.call_soon_threadsafe(self._tell_all, key)

    def _tell_all(self, key: SubfeedKey) -> None:
        discovery = self._index.add(key)
        now = time.monotonic()
        for channel_id, channel in self._wanted.items():
            wanted = channel.get(discovery)
            if wanted is None or wanted.is_telling or wanted.until < now:
                continue
            if self._may_tell(key, channel_id):
                wanted.is_telling = True
                task = self._loop.create_task(self._tell(wanted, key, discovery))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _tell(self, wanted: _Wanted, key: SubfeedKey, discovery: bytes) -> None:
        """Tell what was not told yet, until nothing is left."""
        link = wanted.link
        try:
            subject = link.live_subject(discovery)
            while Role.PROVIDE_FEEDS in link.own_roles:
                length = (await self._feeds.copies.head(key)).length
                if length <= wanted.told:
                    break
                news, wanted.told = await self._news(wanted, key, discovery)
                await link.publish(subject, pack(news))
        except KacheryError as problem:
            # Whoever follows asks by themselves, and asking is wanting.
            wanted.until = 0.0
            _log.debug("news of %s were not told: %s", key.feed, problem)
        finally:
            wanted.is_telling = False

    async def _news(
        self, wanted: _Wanted, key: SubfeedKey, discovery: bytes
    ) -> tuple[LiveRun | LiveHead, int]:
        """The new messages, or if they are many how many, and how far that is."""
        copies, instance = self._feeds.copies, wanted.link.instance
        before, run = await copies.run_from(key, wanted.told, LARGEST_LIVE)
        if 0 < len(run) <= LARGEST_LIVE:
            *_, last = outline_batches(run)
            piece = RunPiece(before.length, before.entry, run, len(run), last.head.length)
            return LiveRun(instance, _sealed(key, discovery, piece)), last.head.length
        head, signature = await copies.signed_head(key)
        facts = HeadFacts(
            head.length,
            head.entry,
            signature,
            is_writer=not self._feeds.get(key.feed).is_copy,
            is_forked=False,
        )
        return LiveHead(instance, _sealed(key, discovery, facts)), head.length


def _sealed(key: SubfeedKey, discovery: bytes, facts: Sealable) -> bytes:
    return seal_facts(subfeed_key_of(key), os.urandom(NONCE_SIZE), discovery, facts)
