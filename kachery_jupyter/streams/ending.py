"""When a program is over although one of its threads still waits for packets.

Python ends when its last thread ends, and a thread that waits for the next packet never does. So
waiting ends once the main thread has ended and every other thread only waits in the same way.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_waiting: set[threading.Thread] = set()


@contextmanager
def waiting_here() -> Iterator[None]:
    """This thread does nothing but wait for a packet."""
    thread = threading.current_thread()
    _waiting.add(thread)
    try:
        yield
    finally:
        _waiting.discard(thread)


def program_is_over() -> bool:
    """Whether nothing is left that could do anything but wait."""
    if threading.main_thread().is_alive():
        return False
    main = threading.main_thread()
    return all(
        thread.daemon or thread is main or thread in _waiting for thread in threading.enumerate()
    )
