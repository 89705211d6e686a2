"""Saying that this node is there, and hearing it of others.

A node that comes greets everybody and is greeted back, so that nobody waits for a heartbeat. With
each greeting goes the version of the record that its sender knows: whoever has an older one
fetches the newer, also if the owner's own message never came.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.errors import HubUnreachableError, KacheryError
from kachery_core.wire.node import Presence, pack, unpack
from kachery_daemon.network.connections import is_nobody
from kachery_daemon.network.envelopes import UnknownMembershipError
from kachery_daemon.network.presence import HEARTBEAT_SECONDS, PresenceTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.msg import Msg

    from kachery_daemon.network.envelopes import Opened
    from kachery_daemon.network.lines import Lines

_GREETINGS = "hello"
_JITTER = 0.1
_log = logging.getLogger(__name__)


class Greeting:
    """The presence of one node in one channel, said and heard.

    Args:
        lines: the channel's connections.
        version: of kachery.
        miss: called when somebody knows a newer record.
        notice: called when it changes who is there.
    """

    def __init__(
        self,
        lines: Lines,
        version: str,
        miss: Callable[[], None],
        notice: Callable[[], None],
    ) -> None:
        self._lines = lines
        self._version = version
        self._miss = miss
        self._notice = notice
        self._was_doubled = False
        self.is_archive = False
        self.table = PresenceTable(lines.standing.node_id, lines.instance)

    @property
    def inbox(self) -> str:
        """Where greetings come back to."""
        return self._lines.inbox("p", _GREETINGS)

    async def hello(self) -> None:
        """Greet everybody, and ask them to greet back.

        Raises:
            HubUnreachableError: the connection has ended.
        """
        await self._say(self.inbox)
        self._lines.announced()

    async def farewell(self) -> None:
        """Say that this node is leaving, if that is still possible."""
        try:
            await self._say("", is_leaving=True)
            await self._lines.open_control().settle(1.0)
        except HubUnreachableError:
            _log.debug("left channel %s without a word", self._lines.standing.name)

    async def beat(self) -> None:
        """Say that this node is there, again and again; ends with the connection."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS * random.uniform(1 - _JITTER, 1))  # noqa: S311
            if self.table.sweep():
                self._notice()
            await self.say()

    async def say(self) -> None:
        """Say now that this node is there, and what has changed of it."""
        try:
            await self._say("")
        except HubUnreachableError:
            _log.debug("nobody hears in channel %s", self._lines.standing.name)

    async def receive(self, message: Msg) -> None:
        """Take what a node says of itself, as a heartbeat or as a greeting back."""
        await asyncio.sleep(0)
        heard = self._heard(message)
        if heard is None:
            return
        opened, said = heard
        if self.table.hear(opened.sender, said):
            self._notice()
        self._warn()
        standing = self._lines.standing
        if standing.hear_version(said.record_version):
            self._miss()
        is_asked = message.reply and subjects.is_inbox_of(opened.sender.node_id, message.reply)
        if is_asked and opened.sender.node_id != standing.node_id:
            await self._greet_back(opened, message.reply)

    def _heard(self, message: Msg) -> tuple[Opened, Presence] | None:
        """What a member says of itself, if that is what came."""
        lines = self._lines
        if is_nobody(message):
            return None
        try:
            opened = lines.opened(message.data, message.subject)
        except UnknownMembershipError:
            return None  # the next heartbeat comes in full
        if opened is None:
            return None
        expected = subjects.presence(opened.sender.node_id)
        if message.subject not in {expected, self.inbox}:
            lines.counts["misdirected"] += 1
            return None
        try:
            return opened, unpack(opened.body, Presence)
        except KacheryError as problem:
            lines.counts[problem.code] += 1
            return None

    async def _greet_back(self, opened: Opened, reply: str) -> None:
        try:
            await self._lines.reply(reply, opened, "last", self._presence())
        except HubUnreachableError:
            self._lines.counts["answer-too-late"] += 1

    async def _say(self, reply: str, *, is_leaving: bool = False) -> None:
        """Always with the whole membership: this is where the others learn it."""
        lines = self._lines
        to = subjects.presence(lines.standing.node_id)
        sealed = lines.envelopes.seal(to, self._presence(is_leaving=is_leaving))
        await lines.open_control().publish(to, sealed, reply)

    def _presence(self, *, is_leaving: bool = False) -> bytes:
        standing = self._lines.standing
        return pack(
            Presence(
                self._lines.instance,
                sorted(standing.own_roles),
                self.is_archive and standing.membership.is_archive,
                self._version,
                standing.record.version,
                is_leaving,
            )
        )

    def _warn(self) -> None:
        is_doubled = self._lines.standing.node_id in self.table.doubled()
        if is_doubled and not self._was_doubled:
            _log.warning(
                "Another node uses the key of this one in channel %s. Was the storage folder"
                " copied? Stop one of the two and give it a storage folder of its own.",
                self._lines.standing.name,
            )
        self._was_doubled = is_doubled
