"""The only way off the event loop: bounded pools of threads; some of them are polite.

Everything that opens, reads, writes, hashes or asks SQLite runs here. Where there are few cores,
the threads of uploads run only when nobody else wants the processor, so the loop (and with it the
Jupyter server around it) answers as if nothing were going on; what is sent to other nodes gets less
of it. What comes from them has the priority of any program: somebody waits for it.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

# Transfers between nodes wait for each other's networks: more threads, which mostly sleep.
_BETWEEN_NODES = 16
# Getting ready for a transfer, and ending it: somebody waits, and it is not much.
_AROUND_TRANSFERS = 4
_FEW_CORES = 2
_NICE = 10
# What is sent is for others. Whoever sent only while everybody else rests would stop them as well.
_NICE_TO_SEND = 5
_log = logging.getLogger(__name__)


class Threads:
    """The threads of one node.

    Args:
        workers: threads for short work.
        transfers: threads for the bytes of uploads and downloads.
    """

    def __init__(self, workers: int, transfers: int) -> None:
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="kachery-work")
        self.transfers = ThreadPoolExecutor(
            transfers, thread_name_prefix="kachery-transfer", initializer=_be_polite
        )

        # Threads are only made when they are needed.
        self._sends = ThreadPoolExecutor(
            _BETWEEN_NODES, thread_name_prefix="kachery-send", initializer=_be_modest
        )
        self._receives = ThreadPoolExecutor(_BETWEEN_NODES, thread_name_prefix="kachery-receive")
        self._landings = ThreadPoolExecutor(_AROUND_TRANSFERS, thread_name_prefix="kachery-land")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do short blocking work; its result."""
        call = functools.partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._workers, call)

    async def transfer(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work on many bytes; its result."""
        call = functools.partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self.transfers, call)

    async def send(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Send bytes to another node; the result."""
        call = functools.partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._sends, call)

    async def receive(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Receive bytes from another node; the result."""
        call = functools.partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._receives, call)

    async def land(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Get ready for bytes of another node, or end with them; the result."""
        call = functools.partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._landings, call)

    def close(self) -> None:
        """Let the work in hand end, and start no more; may be called twice."""
        pools = (self._receives, self._sends, self._landings, self.transfers, self._workers)
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)


def _be_polite() -> None:
    """Let everybody else go first, where the system can say that of one thread."""
    if not _are_cores_few():
        return
    if os.getloadavg()[0] > 2 * _FEW_CORES:
        # On a crowded machine an idle thread might never run again while it holds the GIL.
        _be_nice(_NICE)
        return
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError as problem:
        _log.debug("transfers run at normal priority: %s", problem)


def _be_modest() -> None:
    """Let others have more of the processor, and go on all the same."""
    if _are_cores_few():
        _be_nice(_NICE_TO_SEND)


def _are_cores_few() -> bool:
    return sys.platform == "linux" and (os.cpu_count() or 1) <= _FEW_CORES


def _be_nice(steps: int) -> None:
    try:
        os.nice(steps)
    except OSError as problem:
        _log.debug("transfers run at normal priority: %s", problem)
