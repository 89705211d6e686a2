"""Takes what other nodes offer and send of a followed subfeed, and judges it.

What its writer signed and what continues the copy is joined to it. What contradicts it is looked
into until there is a proof of two histories. Everything else is held against whoever sent it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING

from kachery_core.errors import (
    FeedForkedError,
    KacheryError,
    NotFoundError,
    UnavailableError,
    UntrustworthyError,
)
from kachery_daemon.feeds.copying import DividedError, GapError
from kachery_daemon.sharing.fork_search import find_split

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from kachery_core.machines.replication import Outcome, Source
    from kachery_core.messages import Head
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.feed_asking import FeedAsker
    from kachery_daemon.sharing.feed_offers import Offer
    from kachery_daemon.sharing.following import Following
    from kachery_daemon.system.threads import Threads

_AT_ONCE = 8
_NO_ROOM_SECONDS = 5.0
_log = logging.getLogger(__name__)


class FeedJoiner:
    """Joins messages to copies.

    Args:
        feeds: the copies.
        asker: asks for messages.
        threads: for checking signatures.
        link: the link of a channel, if it is connected.
        spawn: lets work go on by itself.
    """

    def __init__(
        self,
        feeds: Feeds,
        asker: FeedAsker,
        threads: Threads,
        link: Callable[[str], Link | None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._feeds = feeds
        self._asker = asker
        self._threads = threads
        self._link = link
        self._spawn = spawn
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def read(self, followed: Following, source: Source, position: int) -> None:
        """Ask a source for messages and join them; tell the machine what came of it."""
        outcome: Outcome = "silent"
        try:
            async with self._turns:
                outcome = await self._read(followed, source, position)
            if outcome == "joined" and followed.machine.held <= position:
                outcome = "nothing"
        finally:
            followed.machine.read_ended(source, outcome, time.monotonic())

    async def join(self, followed: Following, source: Source, before: Head, data: bytes) -> Outcome:
        """Join a run that a source sent."""
        await self._enter(followed)
        try:
            head = await self._feeds.copies.take(followed.key, before, data)
        except GapError:
            return "nothing"
        except DividedError:
            self._prove_soon(followed, source, min(before.length, followed.machine.held))
            return "nothing"
        except (FeedForkedError, NotFoundError) as problem:
            self._stop(followed, problem)
            return "no room"
        except UntrustworthyError as problem:
            _log.warning("%s sent what its writer did not sign: %s", source.node, problem)
            return "false"
        except KacheryError as problem:
            followed.trouble = problem
            followed.machine.pause(time.monotonic() + _NO_ROOM_SECONDS)
            return "no room"
        followed.trouble = None
        followed.origin = source.channel
        followed.machine.grown(head.length)
        await self._compare(followed)
        return "joined"

    async def offered(self, followed: Following, offer: Offer) -> None:
        """A source has the subfeed; the head's signature was checked."""
        await self._enter(followed)
        if offer.is_forked and await self._feeds.copies.fork(followed.key) is None:
            self._spawn(self._fetch_proof(followed, offer.source))
        if offer.head.length:
            followed.claims[offer.source] = offer.head
        followed.machine.offered(
            offer.source, offer.head.length, is_writer=offer.is_writer, now=time.monotonic()
        )
        await self._compare(followed)

    async def _enter(self, followed: Following) -> None:
        """Keep a copy from now on; once, for whoever deletes it means it."""
        if followed.entered is None:
            followed.entered = asyncio.ensure_future(self._feeds.copies.add(followed.key.feed))
        await asyncio.shield(followed.entered)

    async def _read(self, followed: Following, source: Source, position: int) -> Outcome:
        link = self._link(source.channel)
        if link is None:
            return "silent"
        try:
            before, data = await self._asker.run(link, source, followed.key, position)
        except UntrustworthyError as problem:
            _log.warning("%s sent something else than messages: %s", source.node, problem)
            return "false"
        except KacheryError as problem:
            _log.debug("%s does not send messages: %s", source.node, problem)
            return "silent"
        return await self.join(followed, source, before, data) if data else "nothing"

    async def _compare(self, followed: Following) -> None:
        """Compare what others said with what is here by now."""
        for source, head in list(followed.claims.items()):
            if head.length > followed.machine.held:
                continue
            followed.claims.pop(source, None)
            if await self._feeds.copies.head(followed.key, head.length) != head:
                self._prove_soon(followed, source, head.length)

    def _prove_soon(self, followed: Following, source: Source, differs_at: int) -> None:
        if not followed.is_proving:
            followed.is_proving = True
            self._spawn(self._prove(followed, source, differs_at))

    async def _prove(self, followed: Following, source: Source, differs_at: int) -> None:
        """Two signed heads contradict each other: find and keep what proves it."""

        async def ask(position: int) -> tuple[Head, bytes]:
            link = self._link(source.channel)
            if link is None:
                raise UnavailableError("The channel is gone.")
            return await self._asker.run(link, source, followed.key, position)

        copies = self._feeds.copies
        try:
            proof = await find_split(copies, self._threads, followed.key, differs_at, ask)
            if proof is not None:
                await copies.keep_fork(proof)
                self._stop(followed, None)
        except UntrustworthyError as problem:
            _log.warning("%s sent a false history: %s", source.node, problem)
            followed.machine.read_ended(source, "false", time.monotonic())
        except KacheryError as problem:
            _log.debug("the other history at %s is out of reach: %s", source.node, problem)
        finally:
            followed.is_proving = False

    async def _fetch_proof(self, followed: Following, source: Source) -> None:
        link = self._link(source.channel)
        if link is None:
            return
        try:
            proof = await self._asker.proof(link, source, followed.key)
            if proof is not None:
                await self._feeds.copies.keep_fork(proof)
                self._stop(followed, None)
        except UntrustworthyError as problem:
            _log.warning("%s sent a false proof: %s", source.node, problem)
            followed.machine.read_ended(source, "false", time.monotonic())
        except KacheryError as problem:
            _log.debug("the proof at %s is out of reach: %s", source.node, problem)

    def _stop(self, followed: Following, problem: KacheryError | None) -> None:
        """There is nothing more to join."""
        if not followed.is_over:
            _log.info("%s is followed no further: %s", followed.key, problem or "two histories")
        followed.is_over = True
        followed.machine.pause(math.inf)
        followed.notify()
