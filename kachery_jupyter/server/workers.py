"""Threads of this extension's own, so that hashing a large file keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_T = TypeVar("_T")
_THREADS = 8


class Workers:
    """Runs what blocks; its threads begin with the first work."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, "kachery-jupyter")

    async def run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a function in a thread, with this task's context."""
        context = contextvars.copy_context()
        call = functools.partial(context.run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        """Begin nothing new; what runs comes to its end by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
