"""Content of other nodes, as programs ask for it: have it here, or read a range of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.errors import ContentNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kachery_core.wire.loads import LoadProgress
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store


@dataclass(frozen=True)
class Wanted:
    """A content to have.

    Attributes:
        sha1: of the content.
        manifest: SHA-1 of the chunk table that its URI names, or ''.
        name: what it is called here.
    """

    sha1: str
    manifest: str = ""
    name: str = ""


@dataclass(frozen=True)
class Loaded:
    """What came of a load.

    Attributes:
        done: for each wanted content whether it is here now.
        asked: the names of the channels that were asked.
    """

    done: list[bool]
    asked: list[str] = field(default_factory=list)


class Loads:
    """Brings content of other nodes here; nothing unverified is ever visible."""

    def __init__(self, store: Store, threads: Threads) -> None:
        self._store = store
        self._threads = threads

    async def load(
        self,
        wanted: Sequence[Wanted],
        channels: Sequence[str] | None = None,
        timeout: float | None = None,
        report: Callable[[LoadProgress], None] | None = None,
    ) -> Loaded:
        """Have contents here. Cancelling it stops what nobody else waits for.

        Args:
            wanted: the contents.
            channels: names or ids of the only ones to ask; None for all.
            timeout: seconds for all of it; None for as long as bytes arrive.
            report: called several times a second.

        Raises:
            ChannelNotFoundError: this node is not in such a channel.
            RoleMissingError: there are channels, and this node may request files on none.
            HubUnreachableError: something was not found, and a channel could not be asked.
            NoProviderError, TransferStalledError, BadChunkError: it was found, and did not come.
            StorageFullError: there is no room for it.
        """
        held = await self._threads.run(self._held, [one.sha1 for one in wanted])
        return Loaded(held, [])

    async def read_range(
        self, wanted: Wanted, start: int, end: int, channel: str | None = None
    ) -> tuple[bytes, int]:
        """Bytes [start, end) of a content, verified, and the size of the content.

        Raises:
            ContentNotFoundError: nobody has it.
            InvalidRangeError: not within the content.
            KacheryError: see `load`.
        """
        found = await self._threads.transfer(self._local_range, wanted.sha1, start, end)
        if found is None:
            raise ContentNotFoundError(
                f"Nobody on the channels has the content {wanted.sha1}.",
                hint="`kc.explain(uri)` says where was looked.",
                sha1=wanted.sha1,
            )
        return found

    async def close(self) -> None:
        """Stop everything that is going on; what has arrived is kept for next time."""

    def _held(self, names: list[str]) -> list[bool]:
        return [self._store.objects.find(sha1) is not None for sha1 in names]

    def _local_range(self, sha1: str, start: int, end: int) -> tuple[bytes, int] | None:
        held = self._store.objects.find(sha1)
        if held is None:
            return None
        return self._store.objects.read(held, start, end), held.size
