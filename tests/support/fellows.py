"""Members of a channel inside the test's own process: real hub and connections, no node around."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kachery_core.keys import SeedSigner
from kachery_core.roles import ALL_ROLES
from kachery_daemon.channels.channels import Channels
from kachery_daemon.channels.decisions import MEMBERSHIP_SECONDS, Wish
from kachery_daemon.channels.opening import Opening
from kachery_daemon.system.threads import Threads
from kachery_store.folder import Folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from kachery_core.roles import Role
    from kachery_daemon.channels.membership import Member
    from kachery_daemon.network.hub_link import HubLink

PATIENCE_SECONDS = 30.0


@dataclass
class Fellow:
    """One node's part in channels."""

    seed: bytes
    folder: Folder
    lifetime: float = MEMBERSHIP_SECONDS
    clock: Callable[[], float] = time.time
    threads: Threads = field(default_factory=lambda: Threads(2, 1))
    channels: Channels = field(init=False)

    async def start(self) -> Fellow:
        """Begin, or begin again after `stop`."""
        opening = Opening(
            self.folder, self.seed, self.threads, "1", lifetime=self.lifetime, clock=self.clock
        )
        self.channels = Channels(opening)
        await self.channels.start()
        return self

    async def stop(self) -> None:
        await self.channels.close()

    @property
    def node_id(self) -> str:
        return SeedSigner(self.seed).public_key

    @property
    def member(self) -> Member:
        """In the only channel, or the first."""
        return self.channels.members[0]

    @property
    def link(self) -> HubLink:
        return self.member.link

    @property
    def counts(self) -> dict[str, int]:
        return self.link.counts

    async def invite(self, other: Fellow, roles: frozenset[Role] = ALL_ROLES, **more: Any) -> str:
        """An invitation to this fellow's own channel."""
        wish = Wish(other.node_id, roles, **more)
        return await self.channels.owned(self.member.standing.name).invite(wish)


def new_fellow(folder: Path, number: int, **more: Any) -> Fellow:
    """A node with a storage folder of its own, not started."""
    state = folder / f"fellow-{number}" / ".state"
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    return Fellow(bytes([number + 1]) * 32, Folder(state.parent), **more)


@contextlib.asynccontextmanager
async def fellowship(
    folder: Path, url: str, count: int, roles: frozenset[Role] = ALL_ROLES, **more: Any
) -> AsyncIterator[list[Fellow]]:
    """Members of one channel named `lab`; the first owns it.

    Args:
        folder: everything they write is in there.
        url: of the hub.
        count: how many.
        roles: granted to those who are not the owner.
        more: `lifetime` and `clock` of each.
    """
    fellows = [new_fellow(folder, number, **more) for number in range(count)]
    try:
        for fellow in fellows:
            await fellow.start()
        await fellows[0].channels.create("lab", url)
        for fellow in fellows[1:]:
            await fellow.channels.join(await fellows[0].invite(fellow, roles))
        await everybody_present(fellows)
        yield fellows
    finally:
        for fellow in fellows:
            await fellow.stop()
            fellow.threads.close()


async def everybody_present(fellows: list[Fellow]) -> None:
    """Wait until each sees all others."""
    await until(
        lambda: all(len(one.link.present()) == len(fellows) - 1 for one in fellows),
        "everybody sees everybody",
    )


async def until(
    condition: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS
) -> float:
    """Wait for something that happens by itself; how many seconds it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + seconds, f"never happened: {what}"
        await asyncio.sleep(0.005)
    return time.monotonic() - start
