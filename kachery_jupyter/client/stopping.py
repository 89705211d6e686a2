"""Stopping what waits in another thread: its conversations are cut, so that it ends at once.

Ctrl-C needs none of this, it raises where the program waits. A coroutine that is cancelled does:
the thread it waits for would go on until the node has everything.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopper:
    """Everything one call is waiting for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[socket.socket] = set()
        self._is_stopped = False

    def stop(self) -> None:
        """Cut all conversations, and each that begins from now on; from any thread."""
        with self._lock:
            self._is_stopped = True
            for connection in self._waiting:
                _cut(connection)

    @contextmanager
    def watching(self, connection: socket.socket) -> Iterator[None]:
        """While the block runs, `stop` cuts this conversation."""
        with self._lock:
            self._waiting.add(connection)
            if self._is_stopped:
                _cut(connection)
        try:
            yield
        finally:
            with self._lock:
                self._waiting.discard(connection)


_current: ContextVar[Stopper | None] = ContextVar("kachery_stopper", default=None)


@contextmanager
def stopped_by(stopper: Stopper) -> Iterator[None]:
    """Calls in this block, and in threads that are given its context, can be stopped."""
    token = _current.set(stopper)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def stoppable(connection: socket.socket) -> Iterator[None]:
    """While the block runs, whoever may stop this call cuts this conversation."""
    stopper = _current.get()
    if stopper is None:
        yield
        return
    with stopper.watching(connection):
        yield


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
