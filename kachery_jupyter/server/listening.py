"""Listening to the node: one stream of events for all pages of this Jupyter server."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_core.wire.events import NOUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kachery_core.wire.events import Noun
    from kachery_jupyter.server.upstream import Upstream

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 3.0
# The node says every few seconds that it is there.
_SILENCE_SECONDS = 30.0
_log = logging.getLogger(__name__)


class Listening:
    """Hears what is different at the node.

    Args:
        upstream: the way to it.
    """

    def __init__(self, upstream: Callable[[], Upstream]) -> None:
        self._upstream = upstream
        self._task: asyncio.Task[None] | None = None

    def start(self, tell: Callable[[Iterable[Noun]], None]) -> None:
        """Begin, unless it has begun."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._run(tell))

    def stop(self) -> None:
        """End: nobody listens."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """End, and wait for that."""
        task = self._task
        self.stop()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self, tell: Callable[[Iterable[Noun]], None]) -> None:
        """Listen, again and again: the node may end and come back."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._listen(tell)
                pause = _FIRST_PAUSE_SECONDS
            except (KacheryError, asyncio.TimeoutError, ValueError) as problem:
                _log.debug("kachery: no events of the node: %s", problem)
            # Whoever looks now is told by the answer what is wrong.
            tell(("status",))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _listen(self, tell: Callable[[Iterable[Noun]], None]) -> None:
        async with self._upstream().asking("GET", "/events") as exchange:
            lines = (await exchange.answer()).lines()
            tell(NOUNS)
            with suppress(StopAsyncIteration):
                while True:
                    line = await asyncio.wait_for(anext(lines), _SILENCE_SECONDS)
                    if changed := line.get("changed"):
                        tell([noun for noun in NOUNS if noun in changed])
