"""Chunks that a thread receives, told to the event loop: the first ones at once, others together.

To wake the event loop for each of a thousand chunks a second takes longer than to open one.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_daemon.sharing.sinks import Sink

_PAUSE_SECONDS = 0.02
# Somebody may wait for these: whoever asks for a few chunks asks for what is read next.
_AT_ONCE = 4


@dataclass(frozen=True)
class Run:
    """Some chunks to fetch from one source.

    Attributes:
        first: index of the first chunk.
        count: how many.
        sink: where they go.
        took: called in the event loop for each chunk: its index, whether it was right.
        heard: called in the event loop while bytes arrive.
    """

    first: int
    count: int
    sink: Sink
    took: Callable[[int, bool], None]
    heard: Callable[[], None]


class Arrivals:
    """What came of one request. Made in the event loop; a thread brings what comes.

    Args:
        took: called in the event loop for each chunk: its index, whether it was right.
    """

    def __init__(self, took: Callable[[int, bool], None]) -> None:
        self._took = took
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._came: list[tuple[int, bool]] = []
        self._is_told = False
        self._count = 0

    def bring(self, index: int, *, is_right: bool) -> None:
        """A chunk came; from a thread."""
        with self._lock:
            self._came.append((index, is_right))
            is_told, self._is_told = self._is_told, True
        self._count += 1
        if not is_told:
            self._loop.call_soon_threadsafe(self._look)

    def tell(self) -> None:
        """Say now what has come; in the event loop."""
        with self._lock:
            came, self._came = self._came, []
            self._is_told = False
        for index, is_right in came:
            self._took(index, is_right)

    def call(self, notice: Callable[[], None]) -> None:
        """Have something called in the event loop; from a thread."""
        self._loop.call_soon_threadsafe(notice)

    def _look(self) -> None:
        if self._count <= _AT_ONCE:
            self.tell()
        else:
            self._loop.call_later(_PAUSE_SECONDS, self.tell)
