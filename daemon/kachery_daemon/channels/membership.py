"""This node as a member of one channel: what it is told, keeps, and asks for.

Whatever comes - from the owner, from another member, from the hub's lobby - was signed by the
channel or is ignored. It is on the disk before it counts, and what is older never replaces it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.errors import KacheryError
from kachery_core.invitations import open_letter
from kachery_core.memberships import membership_hash, read_membership
from kachery_core.records import read_record
from kachery_core.wire.node import (
    AskRenewal,
    MembersAnswer,
    MembershipNews,
    RecordNews,
    pack,
    unpack,
)
from kachery_core.wire.node_archives import open_note
from kachery_daemon.network.lobby import Lobby

if TYPE_CHECKING:
    from kachery_core.invitations import Invitation
    from kachery_core.memberships import Membership
    from kachery_core.records import Record
    from kachery_core.roles import Role
    from kachery_core.wire.hub import Found
    from kachery_core.wire.node_archives import Passed
    from kachery_daemon.channels.registry import ChannelRegistry
    from kachery_daemon.network.hub_link import HubLink
    from kachery_daemon.network.standing import Standing
    from kachery_daemon.system.threads import Threads

_ASK_SECONDS = 5.0


@dataclass(frozen=True)
class _News:
    """What this node was told: each part may be missing."""

    record: Record | None = None
    membership: Membership | None = None
    key: tuple[int, bytes] | None = None


class Member:
    """This node as a member of one channel.

    Args:
        standing: in the channel, as it was kept.
        registry: where it is kept.
        threads: for the disk.
        node_seed: this node's private key, 32 bytes; opens letters.
    """

    link: HubLink

    def __init__(
        self,
        standing: Standing,
        registry: ChannelRegistry,
        threads: Threads,
        node_seed: bytes,
    ) -> None:
        self.standing = standing
        self.registry = registry
        self.threads = threads
        self.lobby = Lobby(standing.hub_url, standing.signer, threads, standing.switch)
        self._node_seed = node_seed
        self._turn = asyncio.Lock()

    async def begin(self, link: HubLink) -> None:
        """Listen to what concerns this membership, and connect."""
        self.link = link
        await link.subscribe(subjects.RECORD, None, self._hear_record)
        own = subjects.membership(self.standing.node_id)
        await link.subscribe(own, None, self._hear_membership)
        link.start()

    async def close(self) -> None:
        """Disconnect."""
        await self.link.close()

    async def refresh(self) -> None:
        """Ask the lobby, and if need be the owner, for what is newer; take it.

        Raises:
            KacheryError: the lobby cannot be asked, and there was nothing better to do.
        """
        problem = None
        try:
            await self.take_found(await self.lobby.lookup(self.standing.channel_id))
        except KacheryError as failure:
            problem = failure
        is_behind = self.standing.is_behind or problem is not None
        if (is_behind or self.needs_renewal) and self.link.state == "connected":
            # The hub may not have been told yet, or keep back what it knows.
            await self._ask_owner()
        if problem is not None:
            raise problem

    async def take(self, record: str = "", membership: str = "", letter: bytes = b"") -> None:
        """Take what is newer than what is here; it is durable before it counts.

        Args:
            record: of the channel, signed.
            membership: of this node, signed.
            letter: a key of the channel, sealed to this node.

        Raises:
            BadMembershipError, InvalidInvitationError: the channel did not sign it.
        """
        await self._take(self._read(record, membership, letter))

    async def accept(self, invitation: Invitation) -> None:
        """Take what an invitation to this channel has that is newer; the hub may have moved."""
        if str(invitation.hub_url) != str(self.standing.hub_url):
            url = str(invitation.hub_url)
            await self.threads.run(self.registry.take, self.standing.channel_id, hub_url=url)
            self.standing.hub_url = invitation.hub_url
            signer, switch = self.standing.signer, self.standing.switch
            self.lobby = Lobby(invitation.hub_url, signer, self.threads, switch)
        key = (invitation.epoch, invitation.channel_key)
        await self._take(_News(invitation.record, invitation.membership, key))

    async def disable(self, disabled: frozenset[Role]) -> None:
        """Do without some roles from now on, as this node's user wants it; with all others."""
        names = [str(role) for role in disabled]
        await self.threads.run(self.registry.disable, self.standing.channel_id, names)
        self.standing.disabled = disabled
        await self.link.standing_changed()

    def open_note(self, sender: Membership, body: bytes) -> Passed:
        """What a member tells this node as an archive (blocking).

        Raises:
            BadEnvelopeError: not sealed to this node by this member, for this channel.
        """
        return open_note(body, self._node_seed, self.standing.channel_id, sender.node_id)

    @property
    def needs_renewal(self) -> bool:
        """Whether half of the membership's time is over."""
        return is_half_over(self.standing.membership, self.standing.clock())

    async def take_found(self, found: Found, *, as_theirs: bool = False) -> None:
        """Take what the lobby has, as far as it is newer.

        Args:
            found: in the lobby.
            as_theirs: take its key also instead of another one of the same epoch.
        """
        deposit = found.deposit
        if deposit is None:
            await self.take(found.record)
            return
        news = self._read(found.record, deposit.membership, deposit.letter)
        if as_theirs and news.key is not None:
            await self.threads.run(self.registry.replace_key, self.standing.channel_id, news.key)
            self.standing.take_key(*news.key)
        await self._take(news)

    async def _ask_owner(self) -> None:
        """Ask the owner itself, who may be there while the lobby is not up to date."""
        standing = self.standing
        question = pack(
            AskRenewal(membership_hash(standing.membership.text), max(standing.epoch, 1))
        )
        asking = self.link.ask(subjects.ASK, question, role=None, timeout=_ASK_SECONDS, expect=1)
        async for answer in asking:
            if answer.sender.is_owner:
                news = unpack(answer.body, MembersAnswer)
                await self.take(news.record, news.membership, news.letter)
                return

    async def _hear_record(self, _: Membership, body: bytes) -> None:
        await self.take(unpack(body, RecordNews).record)

    async def _hear_membership(self, _: Membership, body: bytes) -> None:
        news = unpack(body, MembershipNews)
        await self.take("", news.membership, news.letter)

    async def _take(self, told: _News) -> None:
        async with self._turn:
            news = self._only_newer(told)
            if news == _News():
                return
            await self.threads.run(
                self.registry.take,
                self.standing.channel_id,
                membership=news.membership,
                record=news.record,
                key=news.key,
            )
            if news.key is not None:
                self.standing.take_key(*news.key)
            if news.record is not None:
                self.standing.take_record(news.record)
            if news.membership is not None:
                self.standing.take_membership(news.membership)
        await self.link.standing_changed()

    def _read(self, record: str, membership: str, letter: bytes) -> _News:
        """What was signed by this channel, for this node."""
        channel_id = self.standing.channel_id
        found = open_letter(letter, self._node_seed, channel_id) if letter else None
        return _News(
            read_record(record) if record else None,
            read_membership(membership, channel_id) if membership else None,
            (found.epoch, found.channel_key) if found else None,
        )

    def _only_newer(self, told: _News) -> _News:
        """What of it is newer than what is here."""
        standing = self.standing
        record, membership, key = told.record, told.membership, told.key
        if record is not None and not standing.is_newer_record(record):
            record = None
        if membership is not None and not standing.is_newer_membership(membership):
            membership = None
        if key is not None and standing.control_key(key[0]) is not None:
            key = None
        return _News(record, membership, key)


def is_half_over(membership: Membership, now: float) -> bool:
    """Whether half of the time of a membership is over."""
    half = (membership.expires_at - membership.issued_at) / 2
    return now > membership.issued_at + half
