"""Tasks that go on for as long as a link does: begun so that a failure shows, ended for certain."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

_PATIENCE_SECONDS = 0.2
_log = logging.getLogger(__name__)


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
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_PATIENCE_SECONDS)
