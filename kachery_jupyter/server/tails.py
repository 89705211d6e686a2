"""Feeds that pages follow: each message read once and verified, then told to all who follow it.

One question to the node waits for all feeds together. What comes is read by
`kachery_jupyter.client`, which checks every message against the feed's key.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from kachery_core.errors import (
    DaemonNotRunningError,
    InternalError,
    KacheryError,
    WrongDaemonError,
    error_to_wire,
)
from kachery_core.wire.feeds import Ready
from kachery_jupyter.client.feeds import load_subfeed
from kachery_jupyter.client.legacy_readers import LegacyReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kachery_jupyter.client.subfeeds import Subfeed
    from kachery_jupyter.server.upstream import Upstream
    from kachery_jupyter.server.workers import Workers

# The messages before the newest that a page may have; a program reads the others.
_MOST_HISTORY = 10_000
_PART_BYTES = 256 << 10
_PART_MESSAGES = 500
_LARGEST_MESSAGE = 256 << 10
# After each wait it is noticed, too, that a feed is gone.
_WAIT_MSEC = 5_000
_PAUSE_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Follower(Protocol):
    """Who follows feeds."""

    def tell(self, facts: dict[str, Any]) -> None:
        """Take something that is not left out."""

    def tell_text(self, text: bytes) -> bool:
        """Take JSON; False if it was left out."""


@dataclass
class _Tail:
    """One feed that is followed.

    Attributes:
        uri: of the subfeed.
        subfeed: once it was found; its position is behind what was told.
        wanted: who follows it, and by which wish: the newest counts.
        followers: those of them who were told what was there before; from which message on.
        turn: keeps what is told to a follower in order.
        is_over: an old kachery daemon wrote it: nothing is added any more.
    """

    uri: str
    subfeed: Subfeed | None = None
    wanted: dict[Follower, object] = field(default_factory=dict)
    followers: dict[Follower, int] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_over: bool = False


class Tails:
    """All feeds that are followed.

    Args:
        upstream: the way to the node.
        workers: for reading and verifying.
    """

    def __init__(self, upstream: Callable[[], Upstream], workers: Workers) -> None:
        self._upstream = upstream
        self._workers = workers
        self._tails: dict[str, _Tail] = {}
        self._entering: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self.count = 0

    def follow(self, uri: str, start: int, follower: Follower) -> None:
        """Tell somebody the messages of a feed from one on, or from the last -start ones on."""
        tail = self._tails.setdefault(uri, _Tail(uri))
        tail.followers.pop(follower, None)
        wish = tail.wanted[follower] = object()
        task = asyncio.ensure_future(self._enter(tail, start, follower, wish))
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)

    def leave(self, uri: str, follower: Follower) -> None:
        """Tell somebody no more."""
        tail = self._tails.get(uri)
        if tail is None:
            return
        tail.wanted.pop(follower, None)
        if tail.followers.pop(follower, None) is not None:
            self._watch_anew()
        if not tail.wanted:
            del self._tails[uri]

    async def close(self) -> None:
        """End all."""
        self._tails.clear()
        tasks = [*self._entering, *([self._watching] if self._watching else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watching = None

    async def _enter(self, tail: _Tail, start: int, follower: Follower, wish: object) -> None:
        """Tell what is there already; what comes later is told to it in turn."""
        async with tail.turn:
            if tail.wanted.get(follower) is not wish:
                return
            try:
                await self._begin(tail)
                first = await self._told_history(tail, start, follower)
            except KacheryError as error:
                self._refuse(tail, follower, error)
                return
            except Exception:  # noqa: BLE001 - told, and logged
                _log.exception("kachery: following %s failed", tail.uri)
                self._refuse(tail, follower, InternalError("This feed cannot be followed."))
                return
            if tail.wanted.get(follower) is not wish:
                return
            tail.followers[follower] = first
        self._watch_anew()

    def _refuse(self, tail: _Tail, follower: Follower, error: KacheryError) -> None:
        follower.tell(_ended(tail.uri, error))
        self.leave(tail.uri, follower)

    async def _begin(self, tail: _Tail) -> None:
        if tail.subfeed is None:
            subfeed = await self._workers.run(load_subfeed, tail.uri)
            subfeed.position = await self._workers.run(subfeed.get_num_messages)
            tail.is_over = isinstance(subfeed._reader, LegacyReader)  # noqa: SLF001 - by its reader
            tail.subfeed = subfeed

    async def _told_history(self, tail: _Tail, start: int, follower: Follower) -> int:
        """Tell the messages before the tail's position; the first one that is to come."""
        if tail.subfeed is None:
            return start
        end = tail.subfeed.position
        first = max(start if start >= 0 else end + start, end - _MOST_HISTORY, 0)
        while first < end:
            some = await self._workers.run(tail.subfeed.payloads, first, end)
            if not some:
                break
            _tell_messages([follower], tail.uri, first, some)
            first += len(some)
        return max(first, end) if start < 0 else max(first, start)

    def _watch_anew(self) -> None:
        """Wait for those that are followed now, and no others."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self._growing():
            self._watching = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        """Wait for messages and tell them, until cancelled."""
        while tails := self._growing():
            try:
                ready = await self._wait(tails)
            except (DaemonNotRunningError, WrongDaemonError) as problem:
                _log.debug("kachery: feeds are not followed at the moment: %s", problem)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            except KacheryError:
                # One of them is gone; reading tells which.
                ready = tails
                await asyncio.sleep(_PAUSE_SECONDS)
            for tail in ready:
                await asyncio.shield(self._advance(tail))

    def _growing(self) -> list[_Tail]:
        """The feeds that somebody follows and that may go on."""
        return [tail for tail in self._tails.values() if tail.followers and not tail.is_over]

    async def _wait(self, tails: Sequence[_Tail]) -> list[_Tail]:
        """Those that have messages at their position, once there is one."""
        positions = [
            {
                "feed": tail.subfeed.feed_id,
                "subfeed": tail.subfeed.subfeed_hash,
                "position": tail.subfeed.position,
            }
            for tail in tails
            if tail.subfeed is not None
        ]
        body = msgspec.json.encode({"positions": positions, "wait_msec": _WAIT_MSEC})
        self.count += 1
        try:
            answer = await self._upstream().ask("POST", "/messages/watch", body)
        finally:
            self.count -= 1
        return [tails[place] for place in msgspec.json.decode(answer, type=Ready).ready]

    async def _advance(self, tail: _Tail) -> None:
        """Read what is new of one feed, and tell it."""
        async with tail.turn:
            subfeed = tail.subfeed
            if subfeed is None:
                return
            first = subfeed.position
            try:
                some = await self._workers.run(subfeed.payloads, first, first + _MOST_HISTORY)
            except (DaemonNotRunningError, WrongDaemonError):
                return  # the next wait will notice
            except KacheryError as error:
                self._end(tail, error)
                return
            subfeed.position = first + len(some)
            _tell_messages(list(tail.followers), tail.uri, first, some, tail.followers)

    def _end(self, tail: _Tail, error: KacheryError) -> None:
        for follower in list(tail.wanted):
            self._refuse(tail, follower, error)


def _tell_messages(
    followers: Sequence[Follower],
    uri: str,
    first: int,
    payloads: Sequence[bytes],
    starts: dict[Follower, int] | None = None,
) -> None:
    """Tell messages in parts that are not too large; to each those from its start on."""
    for start, part in _parts(first, payloads):
        text = _text(uri, start, part)
        for follower in followers:
            wanted = (starts or {}).get(follower, start)
            if wanted >= start + len(part):
                continue
            own = text if wanted <= start else _text(uri, wanted, part[wanted - start :])
            follower.tell_text(own)


def _parts(first: int, payloads: Sequence[bytes]) -> list[tuple[int, list[bytes]]]:
    parts: list[tuple[int, list[bytes]]] = []
    size = _PART_BYTES
    for index, payload in enumerate(payloads, first):
        if size + len(payload) > _PART_BYTES or len(parts[-1][1]) >= _PART_MESSAGES:
            parts.append((index, []))
            size = 0
        too_large = len(payload) > _LARGEST_MESSAGE
        parts[-1][1].append(b'{"too_large":%d}' % len(payload) if too_large else payload)
        size += len(parts[-1][1][-1])
    return parts


def _text(uri: str, first: int, payloads: Sequence[bytes]) -> bytes:
    """The JSON for some messages, which are JSON already."""
    return b'{"type":"messages","uri":%b,"first":%d,"messages":[%b]}' % (
        msgspec.json.encode(uri),
        first,
        b",".join(payloads),
    )


def _ended(uri: str, error: KacheryError) -> dict[str, Any]:
    return {"type": "tail_error", "uri": uri, "error": error_to_wire(error)}
