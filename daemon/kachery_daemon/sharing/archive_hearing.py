"""Takes the notes that members send to this node as an archive; a flood of them is bounded.

A note that cannot be opened, or that was copied from somebody else's, does nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_core.wire.node_archives import LARGEST_BOX
from kachery_daemon.network.ending import end_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_core.memberships import Membership
    from kachery_daemon.channels.membership import Member
    from kachery_daemon.sharing.archive_ledger import ArchiveLedger
    from kachery_daemon.system.threads import Threads

_MOST_NOTES = 128
_MOST_NOTES_OF_ONE = 32
_MORE_THAN_A_BOX = 64
_log = logging.getLogger(__name__)


class ArchiveHearing:
    """Notes on their way into the ledger.

    Args:
        ledger: where what they tell is entered.
        threads: for opening them, and for the disk.
        taken: called when something new was entered.
    """

    def __init__(self, ledger: ArchiveLedger, threads: Threads, taken: Callable[[], None]) -> None:
        self._ledger = ledger
        self._threads = threads
        self._taken = taken
        self._notes: deque[tuple[Member, Membership, bytes]] = deque()
        self._work: asyncio.Task[None] | None = None
        self.counts: Counter[str] = Counter()

    def hear(self, member: Member, sender: Membership, body: bytes) -> None:
        """Take a note; or do not, if there are too many, from all or from this sender."""
        of_one = sum(1 for _, who, _ in self._notes if who.node_id == sender.node_id)
        if (
            len(self._notes) >= _MOST_NOTES
            or of_one >= _MOST_NOTES_OF_ONE
            or len(body) > LARGEST_BOX + _MORE_THAN_A_BOX
        ):
            self.counts["too-many"] += 1
            return
        self._notes.append((member, sender, body))
        if self._work is None or self._work.done():
            self._work = asyncio.ensure_future(self._take())

    async def close(self) -> None:
        """Take nothing more."""
        if self._work is not None:
            await end_tasks([self._work])

    async def _take(self) -> None:
        while self._notes:
            member, sender, body = self._notes.popleft()
            try:
                passed = await self._threads.run(member.open_note, sender, body)
                channel_id = member.standing.channel_id
                await self._threads.run(self._ledger.take, channel_id, sender.node_id, passed)
            except KacheryError as problem:
                self.counts[problem.code] += 1
                _log.debug("a note of %s was of no use: %s", sender.node_id, problem)
                continue
            self.counts["taken"] += 1
            self._taken()
