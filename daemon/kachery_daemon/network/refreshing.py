"""Asking the hub's lobby for what is new of a channel: now and then, and when something is missed.

The messages that announce a new record or membership may be dropped on the way; this finds out.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_daemon.network.ending import end_tasks, within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kachery_daemon.network.standing import Standing


# However much is missed, the lobby is not asked more often than this; and less and less often
# while there is nothing new, as when a member only claims that there is.
_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_JITTER = 0.25
_log = logging.getLogger(__name__)


class Refresher:
    """Keeps what is known of one channel up to date.

    Args:
        refresh: asks, and takes what is newer.
        standing: what is kept up to date.
    """

    def __init__(self, refresh: Callable[[], Awaitable[None]], standing: Standing) -> None:
        self._refresh = refresh
        self._standing = standing
        self._wanted = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.problem: KacheryError | None = None

    def soon(self) -> None:
        """Something was missed: ask at the next opportunity."""
        self._wanted.set()

    async def now(self) -> None:
        """Ask now, or wait for the answer to the question that is on its way; never raises."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._ask())
        await asyncio.shield(self._running)

    async def run(self) -> None:
        """Ask now and then, and soon after something was missed; until cancelled."""
        least = _PAUSE_SECONDS
        while True:
            pause = self._standing.patience * random.uniform(1 - _JITTER, 1)  # noqa: S311 - not a secret
            try:
                await within(self._wanted.wait(), pause)
            except asyncio.TimeoutError:
                least = _PAUSE_SECONDS
            self._wanted.clear()
            before = self._standing.version()
            await self.now()
            is_new = self._standing.version() != before
            least = _PAUSE_SECONDS if is_new else min(2 * least, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(least)

    async def close(self) -> None:
        """Give up the question that is on its way."""
        if self._running is not None:
            await end_tasks([self._running])

    async def _ask(self) -> None:
        try:
            await self._refresh()
        except KacheryError as problem:
            self.problem = problem
            _log.debug("nothing new from the lobby: %s", problem)
        except Exception:  # noqa: BLE001 - a bug of ours must not end the link
            _log.exception("asking the lobby failed")
        else:
            self.problem = None
