"""Keeping one channel connected: connect, stay, and when that ends begin again.

nats-py gives a connection up for good when the server cuts it, so every connection is used until it
ends and is then replaced: after a moment if the hub is away, soon after a cut, and with what the
lobby knows that is newer if the hub does not let this node in.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from typing import TYPE_CHECKING

from kachery_core.errors import HubUnreachableError, KacheryError
from kachery_daemon.network.connections import HubRefusedError, unreachable
from kachery_daemon.network.ending import end_tasks, within

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from kachery_daemon.network.lines import Lines
    from kachery_daemon.network.refreshing import Refresher
    from kachery_daemon.network.standing import Standing

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
# Most outages are short. While one may be, the next attempt is never far.
_SHORT_OUTAGE_SECONDS = 30.0
_SHORT_PAUSE_SECONDS = 1.0
# An attempt whose first packet was lost waits for nothing: the first ones are given up soon.
_FIRST_ATTEMPT_SECONDS = 2.0
_LONGEST_ATTEMPT_SECONDS = 10.0
# Who is no member any more asks now and then whether that has changed.
_OUTSIDE_PAUSE_SECONDS = 15.0
# After that long without a connection nobody is kept waiting for the next.
_HOPE_SECONDS = 3.0
_log = logging.getLogger(__name__)


class Supervisor:
    """Keeps the connections of one channel open.

    Args:
        lines: the connections.
        refresher: asks the lobby for what is newer.
        secure: makes what TLS needs; None without TLS.
        begin: subscribes and greets on new connections.
        stay: what goes on while connected; it is cancelled when that ends.
    """

    def __init__(
        self,
        lines: Lines,
        refresher: Refresher,
        *,
        secure: Callable[[], Awaitable[ssl.SSLContext | None]],
        begin: Callable[[], Awaitable[None]],
        stay: Callable[[], Awaitable[None]],
    ) -> None:
        self._lines = lines
        self._refresher = refresher
        self._secure = secure
        self._begin = begin
        self._stay = stay
        self._changed = asyncio.Event()
        self._connected = asyncio.Event()
        self._idle = asyncio.Event()
        self._watches: list[Callable[[], None]] = []
        self._used: tuple[object, ...] | None = None
        self._alone_since = time.monotonic()
        self.failure: KacheryError | None = None

    @property
    def is_connected(self) -> bool:
        """Whether messages pass."""
        return self._connected.is_set()

    @property
    def is_hopeful(self) -> bool:
        """Whether it was connected, or began to connect, a moment ago: it may be worth waiting."""
        return time.monotonic() - self._alone_since < _HOPE_SECONDS

    async def run(self) -> None:
        """Connect again and again, until cancelled."""
        pause, patience = _FIRST_PAUSE_SECONDS, _FIRST_ATTEMPT_SECONDS
        while True:
            await self._wait_on()
            self._changed.clear()
            if self._lines.standing.problem() is not None:
                await self._refresher.now()
                await self._pause(min(_OUTSIDE_PAUSE_SECONDS, self._lines.standing.patience))
                continue
            try:
                if await self._connect(patience):
                    pause, patience = _FIRST_PAUSE_SECONDS, _FIRST_ATTEMPT_SECONDS
                    await self._remain()
                    self.failure = unreachable(self._lines.standing.hub_url, None)
            finally:
                await self._disconnect()
            await self._pause(pause * random.uniform(0.5, 1))  # noqa: S311 - not a secret
            is_short = time.monotonic() - self._alone_since < _SHORT_OUTAGE_SECONDS
            pause = min(2 * pause, _SHORT_PAUSE_SECONDS if is_short else _LONGEST_PAUSE_SECONDS)
            patience = min(1.5 * patience, _LONGEST_ATTEMPT_SECONDS)

    async def wait_connected(self, timeout: float) -> None:
        """Wait until it is connected, for some seconds at most."""
        with contextlib.suppress(asyncio.TimeoutError):
            await within(self._connected.wait(), timeout)

    async def wait_idle(self) -> None:
        """Wait until nothing is open because sharing is off."""
        await self._idle.wait()

    def follow(self) -> None:
        """The standing has changed: it may be time to connect, to connect anew, or to go."""
        self._changed.set()

    def watch(self, notice: Callable[[], None]) -> Callable[[], None]:
        """Be told when it connects, loses the connection, or `notify` is called; ends that."""
        self._watches.append(notice)

        def end() -> None:
            if notice in self._watches:
                self._watches.remove(notice)

        return end

    def notify(self) -> None:
        """Tell those who watch that something is different."""
        for notice in list(self._watches):
            notice()

    async def _wait_on(self) -> None:
        """While sharing is off, nothing is done at all."""
        self._idle.set()
        await self._lines.standing.switch.wait_on()
        self._idle.clear()

    async def _connect(self, patience: float) -> bool:
        """Connect and subscribe; whether that worked."""
        standing = self._lines.standing
        self._used = _terms(standing)
        try:
            await self._lines.open(await self._secure(), patience)
            await self._begin()
        except HubRefusedError as problem:
            self.failure = HubUnreachableError(
                f"The hub {standing.hub_url.server} does not let this node into channel"
                f" {standing.name!r}: {problem}.",
                hint="The node asks the hub for a newer membership by itself."
                " If this goes on, ask the channel's owner.",
                hub=standing.hub_url.server,
            )
            await self._refresher.now()
            return False
        except KacheryError as problem:
            self.failure = problem
            return False
        except Exception as problem:  # noqa: BLE001 - whatever a hub may answer, try again
            _log.debug("connecting failed", exc_info=problem)
            self.failure = unreachable(standing.hub_url, problem)
            return False
        self.failure = None
        self._connected.set()
        self.notify()
        return True

    async def _remain(self) -> None:
        """Until a connection ends, or this node's membership says something else."""
        ended = asyncio.ensure_future(self._lines.wait_ended())
        meanwhile = asyncio.ensure_future(self._stay())
        try:
            while not ended.done() and not self._is_outdated():
                changed = asyncio.ensure_future(self._changed.wait())
                try:
                    await asyncio.wait({ended, changed}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
                self._changed.clear()
        finally:
            await end_tasks([ended, meanwhile])

    def _is_outdated(self) -> bool:
        """Whether the connections were made with a membership that grants something else.

        One that was only renewed is used when the old one ends and the hub cuts the connection.
        """
        standing = self._lines.standing
        is_off = not standing.switch.is_on
        return is_off or standing.problem() is not None or _terms(standing) != self._used

    async def _disconnect(self) -> None:
        was_connected = self._connected.is_set()
        self._connected.clear()
        await self._lines.close()
        if was_connected:
            self._alone_since = time.monotonic()
            self.notify()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await within(self._changed.wait(), seconds)


def _terms(standing: Standing) -> tuple[object, ...]:
    """What a connection is made for."""
    membership = standing.membership
    granted = (membership.roles, membership.is_owner, membership.is_archive)
    return (str(standing.hub_url), *granted)
