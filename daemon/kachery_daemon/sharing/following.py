"""One subfeed of another node while somebody reads it: what is known, who waits, what is heard."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from kachery_core.capabilities import subfeed_discovery
from kachery_core.machines.replication import Replication
from kachery_daemon.network.ending import within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kachery_core.errors import KacheryError
    from kachery_core.machines.replication import Source
    from kachery_core.messages import Head, SubfeedKey
    from kachery_daemon.network.link import Link, Unsubscribe

FOLLOWED_SECONDS = 60.0
# After the first offer, so much more patience for better ones.
_GRACE_SECONDS = 0.05


class Following:
    """What is known of a followed subfeed.

    Args:
        key: which one.
        held: how many messages are here.

    Attributes:
        machine: decides whom to ask for what.
        channels: the only channels to look on; '' among them for all.
        readers: how many wait for its messages now.
        claims: signed heads that others offered and that are not yet here to be compared.
        live: where news are heard: subject and how to end it, by channel.
        origin: on which channel the newest messages came.
        trouble: why messages cannot be kept here.
        is_proving: whether a second history is being looked for.
        is_over: whether there is nothing more to join: two histories, or deleted here.
        matched: the channels on which its news are heard, as they were then.
        entered: enters the feed among those that are kept here, once.
    """

    def __init__(self, key: SubfeedKey, held: int) -> None:
        self.key = key
        self.discovery = subfeed_discovery(key)
        self.machine = Replication(held)
        self.channels: set[str] = set()
        self.readers = 0
        self.claims: dict[Source, Head] = {}
        self.live: dict[str, tuple[str, Unsubscribe]] = {}
        self.origin = ""
        self._looked_at: float | None = None
        self.trouble: KacheryError | None = None
        self.is_proving = False
        self.is_over = False
        self.matched: Sequence[str] = ()
        self.entered: asyncio.Future[None] | None = None
        self._last_read = time.monotonic()
        self._changed = asyncio.Event()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody reads it, or did so a short while ago."""
        return self.readers > 0 or time.monotonic() - self._last_read < FOLLOWED_SECONDS

    @property
    def has_looked(self) -> bool:
        """Whether those who have it had the time to say so."""
        return self._looked_at is not None and time.monotonic() >= self._looked_at

    def look(self) -> None:
        """It is looked for from now on, once more."""
        self._looked_at = None
        self.matched = ()
        self.machine.look_again()

    def looked(self, *, is_over: bool) -> None:
        """Everybody had their say, or the first who has it."""
        if is_over:
            self._looked_at = 0.0
        elif self._looked_at is None:
            self._looked_at = time.monotonic() + _GRACE_SECONDS
        self.notify()

    async def wait_looked(self, seconds: float) -> None:
        """Wait until it is known who has it, for some time at most."""
        end = time.monotonic() + seconds
        while not self.has_looked and time.monotonic() < end:
            await self.change(_GRACE_SECONDS)

    def read(self) -> None:
        """Somebody reads."""
        self._last_read = time.monotonic()

    def accepts(self, link: Link) -> bool:
        """Whether it may be looked for on a channel."""
        return bool(self.channels & {"", link.name, link.channel_id})

    def notify(self) -> None:
        """Tell who waits that something is different."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def change(self, seconds: float) -> bool:
        """Wait until something is different; False if nothing was for so long."""
        changed = self._changed
        try:
            await within(changed.wait(), max(seconds, 0.0))
        except asyncio.TimeoutError:
            return changed.is_set()
        return True

    async def close(self) -> None:
        """Hear no more news."""
        while self.live:
            _, (_, unsubscribe) = self.live.popitem()
            await unsubscribe()
