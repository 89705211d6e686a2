"""The two connections of one channel, and what every message on them passes through.

Control and bulk are separate: a question must not wait behind megabytes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.errors import (
    HubUnreachableError,
    KacheryError,
    MembershipExpiredError,
    MembershipRevokedError,
)
from kachery_core.wire.node import LARGEST_ENVELOPE_EXTRA
from kachery_daemon.network.connections import Connection, unreachable
from kachery_daemon.network.ending import end_tasks
from kachery_daemon.network.envelopes import (
    Envelopes,
    UnknownEpochError,
    UnknownMembershipError,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Literal

    from kachery_core.wire.node import Kind
    from kachery_daemon.network.envelopes import Opened
    from kachery_daemon.network.standing import Standing

# After two heartbeats everybody who is there has seen this node's membership.
_KNOWN_SECONDS = 12.0
_COMPLAINTS_PER_SECOND = 10
_LARGEST_BODY = 4 << 20
_log = logging.getLogger(__name__)


class Lines:
    """The connections of one channel while they last; messages are sealed and opened here.

    Args:
        standing: of this node in the channel.
        instance: this run of the node.
        miss: called when messages come that need a newer record or key than this node has.
    """

    def __init__(self, standing: Standing, instance: str, miss: Callable[[], None]) -> None:
        self.standing = standing
        self.instance = instance
        self.envelopes = Envelopes(standing)
        self.control: Connection | None = None
        self.bulk: Connection | None = None
        self.counts: Counter[str] = Counter()
        self._miss = miss
        self._announced_at: float | None = None
        self._complaints = 0
        self._complaints_since = 0.0

    @property
    def are_open(self) -> bool:
        """Whether messages pass on both."""
        return all(line is not None and line.is_open for line in (self.control, self.bulk))

    @property
    def is_known(self) -> bool:
        """Whether everybody who is there has seen this node's membership."""
        announced = self._announced_at
        return announced is not None and time.monotonic() - announced > _KNOWN_SECONDS

    @property
    def largest_body(self) -> int:
        """The most bytes that fit into one control message."""
        line = self.control
        largest = _LARGEST_BODY if line is None else min(line.largest_message, _LARGEST_BODY)
        return largest - LARGEST_ENVELOPE_EXTRA

    def announced(self) -> None:
        """This node has just said that it is there."""
        if self._announced_at is None:
            self._announced_at = time.monotonic()

    def inbox(self, line: str, token: str) -> str:
        """Where answers to this run of this node go.

        Args:
            line: `c` for answers, `b` for bulk, `p` for greetings.
            token: of the question, or a wildcard.
        """
        return f"{subjects.inbox_prefix(self.standing.node_id)}.{self.instance}.{line}.{token}"

    async def open(self, context: ssl.SSLContext | None, seconds: float) -> None:
        """Connect both, within so many seconds.

        Raises:
            HubUnreachableError: nobody answers.
            HubRefusedError: this node is not let in.
        """
        made = [self._connection(label) for label in ("control", "bulk")]
        opening = [asyncio.ensure_future(one.open(context, seconds)) for one in made]
        try:
            await asyncio.gather(*opening)
        except BaseException:
            await end_tasks(opening)
            await asyncio.gather(*(one.close() for one in made))
            raise
        self.control, self.bulk = made

    async def close(self) -> None:
        """End both."""
        lines = [line for line in (self.control, self.bulk) if line is not None]
        self.counts = self.ignored()
        self.control = self.bulk = None
        self._announced_at = None
        await asyncio.gather(*(line.close() for line in lines))

    def ignored(self) -> Counter[str]:
        """What came and was not taken, by the reason, also what came faster than it was read."""
        counts = self.counts.copy()
        for line in (self.control, self.bulk):
            if line is not None:
                counts["dropped"] += line.dropped
                counts["refused-subject"] += line.refused_subjects
        return counts

    async def wait_ended(self) -> None:
        """Wait until one of them has ended."""
        lines = [line for line in (self.control, self.bulk) if line is not None]
        waiting = [asyncio.ensure_future(line.ended.wait()) for line in lines]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(waiting)

    def open_control(self) -> Connection:
        """The connection for control messages.

        Raises:
            HubUnreachableError: there is none now.
        """
        if self.control is None:
            raise unreachable(self.standing.hub_url, None)
        return self.control

    def open_bulk(self) -> Connection:
        """The connection for bulk.

        Raises:
            HubUnreachableError: there is none now.
        """
        if self.bulk is None:
            raise unreachable(self.standing.hub_url, None)
        return self.bulk

    def opened(self, data: bytes, subject: str) -> Opened | None:
        """A message that passed every check; None, and one more in the counts, if it did not.

        Raises:
            UnknownMembershipError: its sender is to be told that the whole membership is needed.
        """
        try:
            return self.envelopes.open(data, subject)
        except UnknownEpochError:
            self.counts["unknown-epoch"] += 1
            self._miss()
        except UnknownMembershipError:
            self.counts["unknown-membership"] += 1
            raise
        except (MembershipRevokedError, MembershipExpiredError) as problem:
            self.counts[problem.code] += 1
        except KacheryError as problem:
            self.counts[problem.code] += 1
            _log.debug("a message in channel %s was ignored: %s", self.standing.name, problem)
        return None

    async def reply(
        self, to: str, opened: Opened, kind: Kind, body: bytes = b"", *, as_asked: bool = False
    ) -> None:
        """Answer a question that came by the control connection.

        Args:
            to: the asker's inbox.
            opened: the question.
            kind: of answer.
            body: what it says.
            as_asked: seal with the key of the question, which may be an older one: for who has
                not got the newest yet.

        Raises:
            HubUnreachableError: it has ended meanwhile.
        """
        sealed = self.envelopes.seal(
            to,
            body,
            kind=kind,
            re=opened.id,
            in_full=opened.was_full or not self.is_known,
            epoch=opened.epoch if as_asked else None,
        )
        await self.open_control().publish(to, sealed)

    async def complain(self, kind: Literal["busy", "who"], message_id: bytes, to: str) -> None:
        """Say that a question was not taken, unless that is said too often already."""
        self.counts[kind] += 1
        if not to or not self.may_complain():
            return
        try:
            await self.open_control().publish(
                to, self.envelopes.seal(to, b"", kind=kind, re=message_id)
            )
        except HubUnreachableError:
            self.counts["answer-too-late"] += 1

    def may_complain(self) -> bool:
        """Whether somebody may be told once more that they are not understood; floods may not."""
        now = time.monotonic()
        if now - self._complaints_since > 1:
            self._complaints, self._complaints_since = 0, now
        self._complaints += 1
        return self._complaints <= _COMPLAINTS_PER_SECOND

    def _connection(self, label: str) -> Connection:
        standing = self.standing
        name = f"kachery {label} {self.instance}"
        return Connection(standing.hub_url, standing.membership.text, standing.signer, name)
