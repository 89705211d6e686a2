"""The asking side of a link: questions go out, their answers come back to this node's inbox."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from kachery_core.errors import TooBusyError
from kachery_core.nkeys import node_id_of
from kachery_daemon.network.connections import is_nobody, unreachable
from kachery_daemon.network.ending import within
from kachery_daemon.network.envelopes import UnknownMembershipError, new_id
from kachery_daemon.network.link import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.msg import Msg

    from kachery_core.roles import Role
    from kachery_daemon.network.envelopes import Opened
    from kachery_daemon.network.lines import Lines

_MOST_ANSWERS = 4096
_ANSWER_KINDS = ("answer", "last")


class _Asked:
    """One question on its way, and what came back."""

    def __init__(self, subject: str, body: bytes, role: Role | None, inbox: str) -> None:
        self.subject = subject
        self.body = body
        self.role = role
        self.inbox = inbox
        self.ids = [new_id()]
        self.only_from = _addressee(subject)
        self.answers: asyncio.Queue[Answer | None] = asyncio.Queue(_MOST_ANSWERS)
        self.following: dict[str, bytes] = {}
        self.done: set[str] = set()
        self.busy: set[str] = set()
        self.is_in_full = False
        self.is_over = False
        self.is_lost = False

    def end(self) -> None:
        """Nothing more will come."""
        self.is_over = True
        self.nudge()

    def nudge(self) -> None:
        """Let the asker see whether it still waits for anything."""
        if not self.answers.full():
            self.answers.put_nowait(None)

    def is_awaited(self, node_id: str, re: bytes) -> bool:
        """Whether this is for us: an answer that is not over, and not the same one once more."""
        if re not in self.ids or node_id in self.done | self.busy:
            return False
        return self.following.setdefault(node_id, re) == re

    def is_complete(self, expect: int | None) -> bool:
        """Whether everybody has said all they have to say."""
        if expect is None and self.only_from is not None:
            expect = 1
        return expect is not None and len(self.done | self.busy) >= expect


class Asking:
    """The questions of one link.

    Args:
        lines: its connections.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._asked: dict[str, _Asked] = {}

    async def ask(
        self, subject: str, body: bytes, role: Role | None, timeout: float, expect: int | None
    ) -> AsyncIterator[Answer]:
        """Ask, and yield the answers; see `Link.ask`."""
        token = secrets.token_hex(8)
        asked = _Asked(subject, body, role, self._lines.inbox("c", token))
        self._asked[token] = asked
        end = asyncio.get_running_loop().time() + timeout
        count = 0
        try:
            await self._send(asked, in_full=not self._lines.is_known)
            while (answer := await self._next(asked, end, expect)) is not None:
                count += 1
                yield answer
        finally:
            self._asked.pop(token, None)
        if asked.is_lost:
            raise unreachable(self._lines.standing.hub_url, None)
        if asked.busy and not count:
            raise TooBusyError(
                "The other node has more to do than it accepts.", hint="Try again in a moment."
            )

    async def tell(self, subject: str, body: bytes, reply: str = "") -> None:
        """Say something to whoever listens; see `Link.publish`."""
        lines = self._lines
        sealed = lines.envelopes.seal(subject, body, in_full=not lines.is_known)
        await lines.open_control().publish(subject, sealed, reply)

    async def receive(self, message: Msg) -> None:
        """Take what comes to the inbox."""
        asked = self._asked.get(message.subject.rpartition(".")[2])
        if asked is None or message.subject != asked.inbox:
            self._lines.counts["late-answer"] += 1
            return
        if is_nobody(message):
            asked.end()
            return
        try:
            opened = self._lines.opened(message.data, message.subject)
        except UnknownMembershipError:
            # Answers come with as much of a membership as the question did. This one was
            # answered already, so it is another question now.
            if not asked.is_in_full:
                asked.ids.append(new_id())
            await self._send_in_full(asked)
            return
        if opened is not None:
            await self._take(asked, opened)

    def fail(self) -> None:
        """The connection is lost: nobody will answer any more."""
        for asked in self._asked.values():
            asked.is_lost = True
            asked.end()

    async def _send(self, asked: _Asked, *, in_full: bool) -> None:
        asked.is_in_full = in_full
        sealed = self._lines.envelopes.seal(
            asked.subject, asked.body, message_id=asked.ids[-1], in_full=in_full
        )
        await self._lines.open_control().publish(asked.subject, sealed, asked.inbox)

    async def _send_in_full(self, asked: _Asked) -> None:
        """Ask once more, for those who did not know who asks; the others have seen this id."""
        if not asked.is_in_full and self._lines.control is not None:
            await self._send(asked, in_full=True)

    async def _take(self, asked: _Asked, opened: Opened) -> None:
        sender = opened.sender
        if not asked.is_awaited(sender.node_id, opened.re):
            self._lines.counts["unasked-answer"] += 1
        elif asked.only_from not in {None, sender.node_id} or not _may_answer(asked, opened):
            self._lines.counts["answer-without-role"] += 1
        elif opened.kind == "who":
            del asked.following[sender.node_id]
            await self._send_in_full(asked)
        elif opened.kind == "busy":
            asked.busy.add(sender.node_id)
            asked.nudge()
        elif opened.kind in _ANSWER_KINDS and not asked.answers.full():
            is_last = opened.kind == "last"
            asked.answers.put_nowait(Answer(sender, opened.body, is_last))
            if is_last:
                asked.done.add(sender.node_id)
        else:
            self._lines.counts["unasked-answer"] += 1

    async def _next(self, asked: _Asked, end: float, expect: int | None) -> Answer | None:
        """The next answer; None when there will be none."""
        while True:
            if not asked.answers.empty():
                answer = asked.answers.get_nowait()
            elif asked.is_complete(expect):
                return None
            else:
                left = end - asyncio.get_running_loop().time()
                try:
                    answer = await within(asked.answers.get(), left)
                except asyncio.TimeoutError:
                    return None
            if answer is not None:
                return answer
            if asked.is_over:
                return None


def _may_answer(asked: _Asked, opened: Opened) -> bool:
    return asked.role is None or asked.role in opened.sender.roles


def _addressee(subject: str) -> str | None:
    """The only node that may answer, if a question is for one node."""
    parts = subject.split(".")
    if len(parts) >= 3 and parts[1] == "get":  # noqa: PLR2004 - TOPIC.get.NODE
        return node_id_of(parts[2])
    return None
