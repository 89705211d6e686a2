"""Whether this node is connected to its channels at all: one switch for all of them."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kachery_core.errors import SharingOffError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


class Switch:
    """On at first; who keeps connections waits here while it is off."""

    def __init__(self) -> None:
        self._on = asyncio.Event()
        self._on.set()
        self._cuts: list[Callable[[], Awaitable[None]]] = []

    @property
    def is_on(self) -> bool:
        """Whether hubs may be visited."""
        return self._on.is_set()

    @property
    def problem(self) -> SharingOffError | None:
        """Why nothing goes out; None while it is on."""
        if self.is_on:
            return None
        return SharingOffError(
            "Sharing is off on this node: it is connected to no channel.",
            hint="Turn it on in JupyterLab's Kachery sidebar, under Node.",
        )

    def check(self) -> None:
        """Refuse what needs a channel.

        Raises:
            SharingOffError: it is off.
        """
        problem = self.problem
        if problem is not None:
            raise problem

    def turn_on(self) -> None:
        """Let go whoever waits."""
        self._on.set()

    async def turn_off(self) -> None:
        """Cut what is guarded; who keeps other connections has to be told to look."""
        self._on.clear()
        await asyncio.gather(*(cut() for cut in list(self._cuts)))

    async def wait_on(self) -> None:
        """Wait until it is on."""
        await self._on.wait()

    @contextmanager
    def guarding(self, cut: Callable[[], Awaitable[None]]) -> Iterator[None]:
        """While the block runs, turning it off cuts this.

        Raises:
            SharingOffError: it is off already.
        """
        self.check()
        self._cuts.append(cut)
        try:
            yield
        finally:
            self._cuts.remove(cut)
