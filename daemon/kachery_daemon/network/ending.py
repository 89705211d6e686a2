"""Tasks that go on for as long as a link does: begun so that a failure shows, ended for certain."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterable

_PATIENCE_SECONDS = 0.2
_ORDER_SECONDS = 2.0
_log = logging.getLogger(__name__)

T = TypeVar("T")


def begin_task(work: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
    """Begin something that does not end by itself; if it fails, which is a bug, the log says so."""
    task = asyncio.ensure_future(work)

    def look(ended: asyncio.Task[None]) -> None:
        if not ended.cancelled() and ended.exception() is not None:
            _log.error("%s has ended", what, exc_info=ended.exception())

    task.add_done_callback(look)
    return task


async def end_tasks(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel tasks until all of them have ended; what they raised is of no interest any more.

    nats-py swallows a cancellation here and there, and its task goes on as if nothing was said.
    """
    every = set(tasks)
    running = {task for task in every if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_PATIENCE_SECONDS)
    for task in every:
        if not task.cancelled():
            task.exception()  # otherwise the log tells of it, and keeps all that it held


async def within(work: Awaitable[T], seconds: float | None) -> T:
    """What comes of work, if it comes in time; as `asyncio.wait_for`, which must not be used.

    Before Python 3.12 that one does not hear a cancellation if the work ends at the same moment,
    and whoever cancelled waits for a task that goes on.

    Raises:
        TimeoutError: of asyncio: it did not end in time. It was cancelled, and has ended.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        is_late = not task.done()
        if is_late:
            task.cancel()
            # It may have something to put in order.
            await asyncio.wait({task}, timeout=_ORDER_SECONDS)
            await end_tasks([task])
        if task.done() and not task.cancelled():
            task.exception()  # whoever is cancelled does not look at it
    if is_late and (task.cancelled() or task.exception() is not None):
        raise asyncio.TimeoutError
    return task.result()
