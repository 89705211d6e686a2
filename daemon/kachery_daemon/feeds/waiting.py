"""Readers that wait for the next message of a subfeed, woken when it is committed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from kachery_core.messages import SubfeedKey


class Waiters:
    """Who waits for what, in one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: dict[SubfeedKey, set[asyncio.Event]] = {}
        self._listeners: list[Callable[[SubfeedKey], None]] = []

    def listen(self, listener: Callable[[SubfeedKey], None]) -> None:
        """Call somebody at every commit, in the thread that made it; it must not wait."""
        self._listeners.append(listener)

    async def wait(
        self,
        keys: Iterable[SubfeedKey],
        find_ready: Callable[[], Awaitable[list[SubfeedKey]]],
        timeout_seconds: float,
    ) -> list[SubfeedKey]:
        """Ask at every wake-up which subfeeds are ready, until some are or the time is over."""
        event = asyncio.Event()
        watched = set(keys)
        for key in watched:
            self._events.setdefault(key, set()).add(event)
        deadline = time.monotonic() + timeout_seconds
        try:
            # Cleared before asking: what is committed meanwhile wakes us again.
            while not (ready := await find_ready()) and time.monotonic() < deadline:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(event.wait(), deadline - time.monotonic())
                event.clear()
            return ready
        finally:
            for key in watched:
                self._events[key].discard(event)
                if not self._events[key]:
                    del self._events[key]

    def wake_from_thread(self, key: SubfeedKey) -> None:
        """Tell who listens, and wake whoever waits for a subfeed; called in another thread."""
        for listener in self._listeners:
            listener(key)
        if key in self._events:
            self._loop.call_soon_threadsafe(self._wake, key)

    def _wake(self, key: SubfeedKey) -> None:
        for event in self._events.get(key, ()):
            event.set()
