"""Wakes a thread that waits for sockets; from any thread, any number of times, also too late."""

from __future__ import annotations

import os
import threading


class Waker:
    """A pipe to wait for. Its numbers are given to other files once it is closed: then no writing.

    Attributes:
        source: what to wait for.
    """

    def __init__(self) -> None:
        self.source, self._end = os.pipe()
        self._lock = threading.RLock()
        self._is_open = True

    def wake(self) -> None:
        """Wake whoever waits, now and from now on."""
        with self._lock:
            if self._is_open:
                os.write(self._end, b"x")

    def close(self) -> None:
        """Free the pipe; nobody waits any more."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                os.close(self.source)
                os.close(self._end)
