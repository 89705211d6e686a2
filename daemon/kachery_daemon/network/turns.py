"""Whose turn it is: much is asked, a bounded part is done at a time, and nobody starves others."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING

from kachery_daemon.network.ending import end_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    Work = Callable[[], Coroutine[Any, Any, None]]

EACH = 8
TOTAL = 64
WAITING = 32


class Turns:
    """Work for many askers: some of it running, some waiting, each asker in turn.

    Args:
        each: how much may run for one asker.
        total: how much may run for all of them.
        waiting: how much may wait for one asker.
    """

    def __init__(self, each: int = EACH, total: int = TOTAL, waiting: int = WAITING) -> None:
        self._each = each
        self._total = total
        self._most_waiting = waiting
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def offer(self, asker: str, work: Work) -> bool:
        """Do work now, or when it is its asker's turn; False if too much of theirs waits."""
        if self._may_start(asker) and asker not in self._waiting:
            self._start(asker, work)
            return True
        queue = self._waiting.setdefault(asker, deque())
        if len(queue) >= self._most_waiting:
            return False
        queue.append(work)
        return True

    def forget(self) -> None:
        """Give up what runs and what waits; returns at once."""
        self._waiting.clear()
        for task in list(self._tasks):
            task.cancel()

    async def close(self) -> None:
        """Give up what runs and what waits, and see it end."""
        self._waiting.clear()
        await end_tasks(self._tasks)

    def _may_start(self, asker: str) -> bool:
        return len(self._tasks) < self._total and self._running[asker] < self._each

    def _start(self, asker: str, work: Work) -> None:
        self._running[asker] += 1
        task = asyncio.ensure_future(work())
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._end(asker, ended))

    def _end(self, asker: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._running[asker] -= 1
        if not self._running[asker]:
            del self._running[asker]
        if not task.cancelled():
            task.exception()  # work reports its own failures
        self._start_next()

    def _start_next(self) -> None:
        """Let those go on who wait, the one first who has waited longest for a turn."""
        for asker in list(self._waiting):
            if len(self._tasks) >= self._total:
                return
            if not self._may_start(asker):
                continue
            queue = self._waiting.pop(asker)
            self._start(asker, queue.popleft())
            if queue:
                self._waiting[asker] = queue  # at the end: the others come first
