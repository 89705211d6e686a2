"""Keeps copies of other nodes' subfeeds up to date while somebody here reads them.

Whom to ask for what is decided by `kachery_core.machines.replication`, one machine for each
subfeed. Here it is done: one question finds or checks many subfeeds, messages are joined to their
copies, news are heard live. The copies are what readers read; without any channel they stay.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_core.machines.replication import Check, Find, Read
from kachery_daemon.network.ending import end_tasks, within
from kachery_daemon.sharing.feed_asking import FIND_SECONDS
from kachery_daemon.sharing.feed_hearing import FeedHearing
from kachery_daemon.sharing.feed_joining import FeedJoiner
from kachery_daemon.sharing.following import Following

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from kachery_core.machines.replication import Source
    from kachery_core.messages import SubfeedKey
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.feed_asking import FeedAsker
    from kachery_daemon.sharing.feed_channels import FeedChannels
    from kachery_daemon.system.threads import Threads

_ROUND_SECONDS = 0.25
_LOOKED_AT_PER_SECOND = 5000
# Messages on their way are waited for as long as some of them come.
_STALLED_SECONDS = 12.0
_MOST_AT_ONCE = 500
_log = logging.getLogger(__name__)


class Followers:
    """Follows the subfeeds that somebody reads, and for a minute after that.

    Args:
        feeds: the copies.
        channels: where they may be looked for.
        asker: asks for them.
        threads: for checking signatures.

    Attributes:
        passed: told of each followed subfeed that somebody has, and on which channel.
    """

    passed: Callable[[SubfeedKey, str], None] | None = None

    def __init__(
        self, feeds: Feeds, channels: FeedChannels, asker: FeedAsker, threads: Threads
    ) -> None:
        self._feeds = feeds
        self._channels = channels
        self._asker = asker
        self._followed: dict[SubfeedKey, Following] = {}
        self._joiner = FeedJoiner(feeds, asker, threads, channels.connected, self._spawn)
        self._hearing = FeedHearing(self._joiner, threads, self._changed)
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reached: set[str] = set()

    def start(self) -> None:
        """Begin."""
        self._spawn(self._run())

    async def close(self) -> None:
        """Ask nobody any more."""
        await end_tasks(self._tasks)
        for followed in self._followed.values():
            await followed.close()
        self._followed.clear()

    async def catch_up(self, positions: Mapping[SubfeedKey, int], channel: str = "") -> None:
        """Bring what others have, as far as a reader needs it; see `Elsewhere.catch_up`."""
        foreign = [key for key in positions if self._is_foreign(key)]
        if foreign:
            self._channels.asked_for(channel)
            await asyncio.gather(*(self._catch_up(key, positions[key], channel) for key in foreign))

    async def _catch_up(self, key: SubfeedKey, position: int, channel: str) -> None:
        followed = await self._follow(key, channel)
        await followed.wait_looked(FIND_SECONDS)
        machine = followed.machine
        while machine.held <= position < machine.expected:
            is_ended = followed.is_over or followed.trouble is not None
            if is_ended or not await followed.change(_STALLED_SECONDS):
                break
        if followed.trouble is not None and machine.held <= position:
            raise followed.trouble

    @contextlib.contextmanager
    def following(self, keys: Iterable[SubfeedKey]) -> Iterator[None]:
        """Keep subfeeds that are followed up to date while somebody waits for them."""
        waited_for = [self._followed[key] for key in keys if key in self._followed]
        for followed in waited_for:
            followed.readers += 1
        try:
            yield
        finally:
            for followed in waited_for:
                followed.readers -= 1
                followed.read()

    def expected(self, key: SubfeedKey) -> int:
        """How many messages of a subfeed are here or on their way."""
        followed = self._followed.get(key)
        return 0 if followed is None or followed.is_over else followed.machine.expected

    def forget(self, feed: str) -> None:
        """Follow a feed no further, whoever reads it."""
        for key in [key for key in self._followed if key.feed == feed]:
            self._spawn(self._followed.pop(key).close())

    def may_tell(self, key: SubfeedKey, channel: str) -> bool:
        """Whether this node tells the news of a copy on a channel.

        Where the writer is, it does so itself; and what came by a channel is known there.
        """
        if not self._is_foreign(key):
            return True
        followed = self._followed.get(key)
        return (
            followed is not None
            and followed.origin != channel
            and not followed.machine.has_writer(channel)
        )

    def look_again(self) -> None:
        """Somebody came who may have something."""
        for followed in self._followed.values():
            followed.machine.look_again()
        self._wake.set()

    def _is_foreign(self, key: SubfeedKey) -> bool:
        return key.feed not in self._feeds.identities or self._feeds.get(key.feed).is_copy

    async def _follow(self, key: SubfeedKey, channel: str) -> Following:
        followed = self._followed.get(key)
        if followed is None:
            is_here = key.feed in self._feeds.identities
            held = (await self._feeds.copies.head(key)).length if is_here else 0
            followed = self._followed.setdefault(key, Following(key, held))
        followed.read()
        if channel not in followed.channels:
            followed.channels.add(channel)
            followed.look()
            self._wake.set()
        return followed

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._round()
            except KacheryError as problem:
                _log.warning("feeds could not be followed for a moment: %s", problem)
            except Exception:  # noqa: BLE001 - a bug of ours must not end the following of all
                _log.exception("feeds could not be followed for a moment")
            # Looking at each of them takes microseconds.
            pause = max(_ROUND_SECONDS, len(self._followed) / _LOOKED_AT_PER_SECOND)
            with contextlib.suppress(asyncio.TimeoutError):
                await within(self._wake.wait(), pause if self._followed else None)

    async def _round(self) -> None:
        """Let go what nobody reads, see which channels are there, and do what is due."""
        for key, followed in list(self._followed.items()):
            if not followed.is_wanted:
                del self._followed[key]
                await followed.close()
        links = self._channels.usable()
        reached = {link.channel_id for link in links}
        if reached - self._reached:
            self.look_again()
        if self._reached - reached:
            for followed in self._followed.values():
                followed.machine.gone(lambda source: source.channel not in reached)
        self._reached = reached
        await self._hearing.match(self._followed.values(), links)
        self._take_steps(self._followed.values())

    def _changed(self, followed: Following) -> None:
        followed.notify()
        self._take_steps([followed])

    def _take_steps(self, followings: Iterable[Following]) -> None:
        now = time.monotonic()
        finds: list[Following] = []
        checks: dict[Source, list[Following]] = {}
        for followed in followings:
            for step in followed.machine.steps(now):
                if isinstance(step, Find):
                    finds.append(followed)
                elif isinstance(step, Check):
                    checks.setdefault(step.source, []).append(followed)
                else:
                    self._spawn(self._read(followed, step))
        if finds:
            self._spawn(self._find(finds))
        for source, checked in checks.items():
            self._spawn(self._check(source, checked))

    async def _read(self, followed: Following, step: Read) -> None:
        try:
            await self._joiner.read(followed, step.source, step.position)
        finally:
            self._changed(followed)

    async def _find(self, followings: list[Following]) -> None:
        try:
            await asyncio.gather(
                *(self._find_on(link, followings) for link in self._channels.usable())
            )
        finally:
            for followed in followings:
                followed.machine.found(time.monotonic())
                followed.looked(is_over=True)
                self._changed(followed)

    async def _find_on(self, link: Link, followings: Sequence[Following]) -> None:
        accepted = {followed.key: followed for followed in followings if followed.accepts(link)}
        keys = list(accepted)
        for start in range(0, len(keys), _MOST_AT_ONCE):
            offers = self._asker.find(link, keys[start : start + _MOST_AT_ONCE])
            try:
                async with contextlib.aclosing(offers):
                    async for offer in offers:
                        followed = accepted[offer.what]  # type: ignore[index]
                        await self._joiner.offered(followed, offer)
                        if self.passed is not None and offer.head.length:
                            self.passed(followed.key, link.channel_id)
                        followed.looked(is_over=False)
                        self._changed(followed)
            except KacheryError as problem:
                _log.debug("nobody could be asked on %s: %s", link.name, problem)

    async def _check(self, source: Source, followings: list[Following]) -> None:
        """Ask one source which subfeeds go on."""
        link = self._channels.connected(source.channel)
        by_key = {followed.key: followed for followed in followings}
        offers = None
        try:
            if link is not None:
                lengths = {key: followed.machine.held for key, followed in by_key.items()}
                offers = await self._asker.heads(link, source, lengths)
                for offer in offers or []:
                    await self._joiner.offered(by_key[offer.what], offer)  # type: ignore[index]
        except KacheryError as problem:
            _log.debug("%s does not say how far it is: %s", source.node, problem)
        finally:
            for followed in followings:
                followed.machine.checked(
                    source, is_answered=offers is not None, now=time.monotonic()
                )
                self._changed(followed)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("following a feed failed", exc_info=task.exception())
