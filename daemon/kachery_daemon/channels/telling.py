"""Telling what a channel's owner decided: the members who are there, and the hub until it knows.

Members are told at once, so that a decision counts everywhere within moments even if the hub is
slow; who is not there finds it in the hub's lobby. What the hub has not confirmed is kept, and told
again and again, also after a crash.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.errors import BadMembershipError, KacheryError
from kachery_core.wire.hub import Deposit
from kachery_core.wire.node import MembershipNews, RecordNews, pack
from kachery_daemon.channels.decisions import letter_to

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kachery_core.keys import Signer
    from kachery_core.memberships import Membership
    from kachery_core.records import Record
    from kachery_core.wire.node import Packet
    from kachery_daemon.channels.membership import Member

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_log = logging.getLogger(__name__)


class Telling:
    """Tells what was decided in one channel.

    Args:
        owner: this node as a member, with what is kept of the channel.
        channel: holds the channel's key.
        members: the newest membership of everybody.
    """

    def __init__(
        self, owner: Member, channel: Signer, members: Callable[[], Awaitable[list[Membership]]]
    ) -> None:
        self._owner = owner
        self._channel = channel
        self._members = members
        self._turn = asyncio.Lock()
        self._untold = asyncio.Event()
        self._untold.set()
        self.problem: KacheryError | None = None

    def wake(self) -> None:
        """There is something the hub does not know."""
        self._untold.set()

    async def run(self) -> None:
        """Tell the hub whenever there is something to tell, until cancelled."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            await self._untold.wait()
            self._untold.clear()
            try:
                await self.hub()
                pause, self.problem = _FIRST_PAUSE_SECONDS, None
            except KacheryError as problem:
                self.problem = problem
                _log.info("the hub of channel %s was not told: %s", self._name, problem)
                if isinstance(problem, BadMembershipError):
                    # It knows something newer than this node.
                    await self._owner.link.refresher.now()
                self._untold.set()
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def hub(self) -> None:
        """Tell the hub everything that it has not confirmed.

        Raises:
            HubUnreachableError, HubNotTrustedError: it cannot be told now.
            BadMembershipError: it knows more than this node.
        """
        owner = self._owner
        channel_id, run = owner.standing.channel_id, owner.threads.run
        async with self._turn:
            untold = await run(owner.registry.ledger.untold, channel_id)
            if not untold:
                return
            record = owner.standing.record
            memberships = [one for one in await self._members() if one.node_id in untold.nodes]
            deposits = await run(self._deposits, memberships)
            await owner.lobby.register(self._channel, record.text, deposits)
            issued = [(one.node_id, one.issued_at) for one in memberships]
            await run(owner.registry.ledger.told, channel_id, record.version, issued)

    async def record(self, record: Record) -> None:
        """Tell everybody who is there what the record says now."""
        await self._say(subjects.RECORD, RecordNews(record.text))

    async def member(self, membership: Membership) -> None:
        """Tell a member what it may do now."""
        to = subjects.membership(membership.node_id)
        await self._say(to, MembershipNews(membership.text))

    async def new_key(self, epoch: int, key: bytes) -> None:
        """Give everybody who is there a new key of the channel."""
        there = {peer.node_id for peer in self._owner.link.present()}
        memberships = [one for one in await self._members() if one.node_id in there]
        letters = await self._owner.threads.run(self._letters, memberships, epoch, key)
        for membership, letter in zip(memberships, letters, strict=True):
            to = subjects.membership(membership.node_id)
            await self._say(to, MembershipNews(membership.text, letter))

    def letter(self, node_id: str) -> bytes:
        """The channel's newest key for a member; takes a moment."""
        standing = self._owner.standing
        return letter_to(self._channel, node_id, standing.newest_key, standing.epoch)

    @property
    def _name(self) -> str:
        return self._owner.standing.name

    async def _say(self, subject: str, packet: Packet) -> None:
        """Say something; who does not hear it finds out by itself."""
        try:
            await self._owner.link.publish(subject, pack(packet))
        except KacheryError as problem:
            _log.debug("channel %s was not told: %s", self._name, problem)

    def _deposits(self, memberships: Sequence[Membership]) -> list[Deposit]:
        return [Deposit(one.text, self.letter(one.node_id)) for one in memberships]

    def _letters(self, memberships: Sequence[Membership], epoch: int, key: bytes) -> list[bytes]:
        return [letter_to(self._channel, one.node_id, key, epoch) for one in memberships]
