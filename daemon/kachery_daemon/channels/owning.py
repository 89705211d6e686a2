"""This node as the owner of a channel: who belongs to it, and what they may do.

A decision is on the disk before anybody hears of it; `telling` sees to it that everybody does.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from typing_extensions import override

from kachery_core import subjects
from kachery_core.errors import (
    ChannelNotFoundError,
    InvalidInputError,
    KacheryError,
    MemberNotFoundError,
)
from kachery_core.invitations import Invitation, make_letter, seal_invitation
from kachery_core.memberships import membership_hash, read_membership
from kachery_core.records import read_record
from kachery_core.wire.node import AskMembers, AskRecord, MembersAnswer, pack, unpack_any
from kachery_daemon.channels import decisions
from kachery_daemon.channels.decisions import Wish
from kachery_daemon.channels.membership import Member, is_half_over
from kachery_daemon.channels.recovering import recover
from kachery_daemon.channels.telling import Telling
from kachery_daemon.network.ending import begin_task, end_tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kachery_core.keys import Signer
    from kachery_core.memberships import Membership
    from kachery_core.records import Record
    from kachery_core.roles import Role
    from kachery_daemon.network.hub_link import HubLink
    from kachery_daemon.network.link import Question

_LONGEST_RENEWAL_PAUSE_SECONDS = 3600.0
# How often in its time a membership is looked at.
_LOOKS = 20
_log = logging.getLogger(__name__)


class Owner(Member):
    """This node as the owner of one channel; `own` is called before anything else.

    Attributes:
        channel: holds the channel's key.
        lifetime: of memberships, in seconds.
        telling: tells what is decided.
    """

    channel: Signer
    lifetime: float
    telling: Telling

    def own(self, channel: Signer, lifetime: float) -> None:
        """Take the channel's key, and how long memberships last, in seconds."""
        self.channel = channel
        self.lifetime = lifetime
        self.telling = Telling(self, channel, self.members)
        self._deciding = asyncio.Lock()
        self._known_members: dict[str, Membership] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @override
    async def begin(self, link: HubLink) -> None:
        """Answer who asks for what is new, and tell the hub what it does not know yet."""
        await link.serve(subjects.ASK, None, self._answer)
        await super().begin(link)
        self._tasks = [
            begin_task(self.telling.run(), "telling the hub"),
            begin_task(self._renew_again_and_again(), "renewing memberships"),
        ]

    @override
    async def close(self) -> None:
        """Disconnect; what the hub was not told is told when the node starts again."""
        await end_tasks(self._tasks)
        await super().close()

    @override
    async def refresh(self) -> None:
        """Find out whether the hub is up to date, and tell it if not.

        Raises:
            HubUnreachableError, HubNotTrustedError: it cannot be asked.
        """
        ours = self.standing.record
        try:
            found = await self.lobby.lookup(self.standing.channel_id)
        except ChannelNotFoundError:
            await self._tell_everything()
            return
        theirs = read_record(found.record)
        if theirs.version < ours.version:
            await self._tell_everything()
        elif theirs.text != ours.text:
            async with self._deciding:
                await recover(self, found)
            await self._tell_everything()

    async def members(self) -> list[Membership]:
        """The newest membership of everybody who belongs to the channel."""
        return await self.threads.run(self._read_members)

    async def invite(self, wish: Wish) -> str:
        """An invitation for a node, which is a member from now on.

        Raises:
            InvalidInputError: not a node id, not a name, or the owner itself.
        """
        # What is no key shows when something is sealed to it; nothing is decided then.
        await self.threads.run(self.telling.letter, wish.node_id)
        async with self._deciding:
            known = await self._find(wish.node_id)
            if known is not None and known.is_owner:
                raise InvalidInputError("This node owns the channel; it needs no invitation.")
            if known is None:
                membership = self._issue(wish)
                await self._decide(memberships=[membership])
            elif (known.roles, known.is_archive) == (wish.roles, wish.is_archive):
                membership = self._issue(wish, known)
                await self._decide(memberships=[membership])
            else:
                membership = await self._replace(known, wish)
        return await self.threads.run(self._invitation, membership)

    async def grant(self, node_id: str, roles: frozenset[Role], *, is_archive: bool | None) -> None:
        """Give a member other roles; what it had before does not count any more.

        Raises:
            MemberNotFoundError: there is no such member.
        """
        async with self._deciding:
            known = await self._member(node_id)
            await self._replace(known, Wish.of(known).but(roles, is_archive=is_archive))

    async def revoke(self, node_id: str) -> None:
        """Put a node out of the channel, and give everybody else a new key.

        Raises:
            MemberNotFoundError: there is no such member.
            InvalidInputError: it is the owner.
        """
        async with self._deciding:
            known = await self._member(node_id)
            if known.is_owner:
                raise InvalidInputError(
                    "The owner cannot be put out of its own channel.",
                    hint="`kachery channel leave --abandon` ends your part in it.",
                )
            record = decisions.put_out(self.channel, self.standing.record, known, self._now())
            key = decisions.new_key()
            await self.keep(record=record, key=(record.epoch, key), revoked=node_id)
            await self.change_key(record, key)

    async def renew(self) -> None:
        """Make the memberships last longer that are half over."""
        async with self._deciding:
            now = self._now()
            renewed = [
                self._issue(Wish.of(one), one)
                for one in await self.members()
                if is_half_over(one, now)
            ]
            if renewed:
                await self._decide(memberships=renewed)

    async def _answer(self, question: Question) -> bytes:
        """Answer a member who asks for what is new."""
        asked = unpack_any(question.body, AskMembers)
        record = self.standing.record
        if isinstance(asked, AskRecord):
            return pack(MembersAnswer(record.text if record.version > asked.version else ""))
        async with self._deciding:
            newest = await self._find(question.sender.node_id)
            if newest is None or newest.issued_at < question.sender.issued_at:
                # Issued by this node, which has forgotten it: see `recovering`.
                newest = question.sender
                await self.keep(memberships=[newest])
            if is_half_over(newest, self._now()):
                newest = self._issue(Wish.of(newest), newest)
                await self._decide(memberships=[newest])
        is_new = membership_hash(newest.text) != asked.membership_hash
        letter = b""
        if asked.epoch < self.standing.epoch:
            letter = await self.threads.run(self.telling.letter, newest.node_id)
        return pack(MembersAnswer(record.text, newest.text if is_new else "", letter))

    async def change_key(self, record: Record, key: bytes) -> None:
        """Go on with a new key, given to everybody who is there under the one that they have."""
        await self.telling.new_key(record.epoch, key)
        await self.telling.record(record)
        self.standing.take_key(record.epoch, key)
        await self._follow(record)

    async def _replace(self, known: Membership, wish: Wish) -> Membership:
        """Another membership instead of one that is revoked with it."""
        record = decisions.revoke(self.channel, self.standing.record, known, self._now())
        membership = self._issue(wish, known, record)
        await self.keep(record=record, memberships=[membership])
        await self.telling.member(membership)
        await self.telling.record(record)
        await self._follow(record)
        await self._take_own([membership])
        return membership

    async def _decide(self, memberships: Sequence[Membership]) -> None:
        """Issue memberships."""
        await self.keep(memberships=memberships)
        await self._take_own(memberships)
        for membership in memberships:
            if membership.node_id != self.standing.node_id:
                await self.telling.member(membership)

    async def keep(
        self,
        *,
        record: Record | None = None,
        key: tuple[int, bytes] | None = None,
        memberships: Sequence[Membership] = (),
        revoked: str | None = None,
    ) -> None:
        """Make a decision durable; from now on the hub is to be told."""
        await self.threads.run(
            self.registry.ledger.decide,
            self.standing.channel_id,
            record=record,
            key=key,
            memberships=memberships,
            revoked=revoked,
        )
        self.telling.wake()

    async def _follow(self, record: Record) -> None:
        self.standing.take_record(record)
        await self.link.standing_changed()
        self.telling.wake()

    async def _take_own(self, memberships: Sequence[Membership]) -> None:
        for membership in memberships:
            if membership.node_id == self.standing.node_id:
                await self.take(membership=membership.text)

    async def _tell_everything(self) -> None:
        await self.threads.run(self.registry.ledger.tell_again, self.standing.channel_id)
        self.telling.wake()

    async def _renew_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(min(self.lifetime / _LOOKS, _LONGEST_RENEWAL_PAUSE_SECONDS))
            try:
                await self.renew()
            except KacheryError as problem:
                _log.warning("memberships of %s were not renewed: %s", self.standing.name, problem)

    def _issue(
        self, wish: Wish, known: Membership | None = None, record: Record | None = None
    ) -> Membership:
        after = 0 if known is None else known.issued_at
        return decisions.issue(
            self.channel, record or self.standing.record, wish, self._now(), self.lifetime, after
        )

    async def _find(self, node_id: str) -> Membership | None:
        return next((one for one in await self.members() if one.node_id == node_id), None)

    async def _member(self, node_id: str) -> Membership:
        found = await self._find(node_id)
        if found is None:
            raise MemberNotFoundError(
                f"{node_id} is not a member of channel {self.standing.name!r}.",
                hint="`kachery channel members` lists them.",
            )
        return found

    def _now(self) -> float:
        return self.standing.clock()

    def _read_members(self) -> list[Membership]:
        known, channel_id = self._known_members, self.standing.channel_id
        texts = [
            kept.membership
            for kept in self.registry.ledger.members(channel_id)
            if not kept.is_revoked
        ]
        self._known_members = {
            text: known.get(text) or read_membership(text, channel_id) for text in texts
        }
        return list(self._known_members.values())

    def _invitation(self, membership: Membership) -> str:
        standing = self.standing
        letter = make_letter(self.channel, membership.node_id, standing.newest_key, standing.epoch)
        return seal_invitation(Invitation(standing.hub_url, membership, standing.record, letter))
