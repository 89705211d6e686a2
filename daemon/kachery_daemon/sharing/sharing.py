"""What members of a channel share: both sides of it, started and stopped together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_daemon.sharing.loads import Loads

if TYPE_CHECKING:
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store


class Sharing:
    """Everything this node asks of others and answers to them."""

    def __init__(self, store: Store, threads: Threads) -> None:
        self.loads = Loads(store, threads)

    async def start(self) -> None:
        """Begin to answer."""

    async def stop(self) -> None:
        """Stop answering and asking."""
        await self.loads.close()
