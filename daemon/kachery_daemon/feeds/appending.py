"""What an append needs besides its messages: an open log, the feed's key, nobody who objects."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kachery_core.digests import blake3_hex, json_bytes
from kachery_core.messages import APPEND_ID_SIZE
from kachery_daemon.feeds.refusals import check_witness, forked
from kachery_daemon.keyring import feed_signer

if TYPE_CHECKING:
    from concurrent.futures import Future

    from kachery_core.keys import Signer
    from kachery_core.messages import SubfeedKey
    from kachery_daemon.feeds.committer import Committer
    from kachery_daemon.feeds.heads import Heads
    from kachery_daemon.feeds.logs import Logs
    from kachery_daemon.feeds.served import Served
    from kachery_daemon.system.threads import Threads
    from kachery_store.folder import Folder


class Appending:
    """Hands appends to the committer, once everything they need is in memory.

    Args:
        folder: the storage folder; the keys are in its state folder.
        threads: for the disk.
        logs: the logs in use.
        committer: makes appends durable.
        witness: how far each subfeed went, as noted outside the storage folder.
        served: which subfeeds others are asked about first.
    """

    def __init__(
        self,
        folder: Folder,
        threads: Threads,
        logs: Logs,
        committer: Committer,
        witness: Heads,
        served: Served,
    ) -> None:
        self._folder = folder
        self._threads = threads
        self._logs = logs
        self._committer = committer
        self._witness = witness
        self._served = served
        self._signers: dict[str, Signer] = {}

    def begin(
        self, key: SubfeedKey, append_id: bytes, payloads: list[bytes]
    ) -> Future[tuple[int, int]] | None:
        """Begin an append; None if something it needs is still on the disk, or elsewhere.

        Raises:
            FeedForkedError: the subfeed has two histories.
        """
        opened = self._logs.get(key)
        signer = self._signers.get(key.feed)
        if opened is None or signer is None or opened.is_old or self._served.is_due(key):
            return None
        if opened.fork is not None:
            raise forked(opened.fork)
        return self._committer.append(opened.log, signer, append_id, payloads)

    async def prepare(self, key: SubfeedKey) -> None:
        """Have everything that appends to a subfeed need.

        Raises:
            FeedRollbackError, FeedForkedError: this is an older or another copy of the feed.
        """
        opened = await self._logs.open(key)
        if opened.fork is not None:
            raise forked(opened.fork)
        if opened.is_old:
            check_witness(opened.log, await self._threads.run(self._witness.find, key))
            opened.is_old = False
        if self._served.is_due(key):
            await self._served.compare(opened)
        if key.feed not in self._signers:
            signer = await self._threads.run(feed_signer, self._folder, key.feed)
            self._logs.find(key.feed)
            self._signers[key.feed] = signer

    async def end(self, key: SubfeedKey, successor: str | None, reason: str) -> None:
        """Append the last message of a feed, after all that were let in before."""
        await asyncio.wrap_future(self._committer.run(lambda: None))
        last = json_bytes({"retired": True, "successor": successor, "reason": reason})
        # The same id each time: retiring again after a crash does not say it twice.
        append_id = bytes.fromhex(blake3_hex(last))[:APPEND_ID_SIZE]
        while (done := self.begin(key, append_id, [last])) is None:
            await self.prepare(key)
        await asyncio.wrap_future(done)

    def forget(self, feed: str) -> None:
        """A feed is gone, and its key."""
        self._signers.pop(feed, None)
