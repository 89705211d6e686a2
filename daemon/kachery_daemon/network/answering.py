"""The answering side of a link: questions and news come in, are checked, and find their handlers.

What comes may be anything from anybody: garbage is counted and ignored, floods are bounded, and a
handler is only called with what passed every check.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.errors import HubUnreachableError, KacheryError
from kachery_core.roles import may_send
from kachery_daemon.network.envelopes import UnknownMembershipError
from kachery_daemon.network.link import Question
from kachery_daemon.network.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nats.aio.msg import Msg

    from kachery_core.roles import Role
    from kachery_core.wire.node import Kind
    from kachery_daemon.network.envelopes import Opened
    from kachery_daemon.network.lines import Lines
    from kachery_daemon.network.link import Answering, Hearing

    Reply = Callable[[str, bytes, bytes], Awaitable[None]]

_log = logging.getLogger(__name__)


class Answerer:
    """Takes what others say in one channel.

    Args:
        lines: its connections.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.turns = Turns()

    def questions(
        self, answer: Answering, *, as_asked: bool = False
    ) -> Callable[[Msg], Awaitable[None]]:
        """What takes the messages of a subject whose questions are answered by a handler.

        Args:
            answer: the handler.
            as_asked: seal answers with the key of the question: see `Lines.reply`.
        """

        async def receive(message: Msg) -> None:
            # Between two messages everybody else gets a turn, however many wait.
            await asyncio.sleep(0)
            try:
                opened = self.check(message)
            except UnknownMembershipError as unknown:
                await self._lines.complain("who", unknown.id, message.reply)
                return
            if opened is None:
                return
            question, reply = self.question(opened, message.subject), message.reply

            async def work() -> None:
                await self._answer(answer, question, opened, reply, as_asked=as_asked)

            if not self.turns.offer(question.sender.node_id, work):
                await self._lines.complain("busy", question.id, reply)

        return receive

    def news(self, role: Role | None, hear: Hearing) -> Callable[[Msg], Awaitable[None]]:
        """What takes the messages of a subject whose news go to a handler, in their order."""

        async def receive(message: Msg) -> None:
            await asyncio.sleep(0)
            try:
                opened = self._lines.opened(message.data, message.subject)
            except UnknownMembershipError:
                return
            if opened is None or opened.kind != "say":
                return
            if not _may_say(opened, message.subject, role):
                self._lines.counts["news-without-role"] += 1
                return
            try:
                await hear(opened.sender, opened.body)
            except KacheryError as problem:
                self._lines.counts[problem.code] += 1
                _log.debug("news from %s were of no use: %s", opened.sender.node_id, problem)
            except Exception:  # noqa: BLE001 - a bug of ours must not end the link
                _log.exception("news from %s could not be taken", opened.sender.node_id)

        return receive

    def check(self, message: Msg) -> Opened | None:
        """A question of a member that may be answered.

        Raises:
            UnknownMembershipError: the asker has to send its whole membership.
        """
        opened = self._lines.opened(message.data, message.subject)
        if opened is None or opened.kind != "say":
            return None
        sender = opened.sender
        if sender.node_id == self._lines.standing.node_id:
            return None  # of a second node with this node's key; presence has noticed it
        if not subjects.is_inbox_of(sender.node_id, message.reply):
            self._lines.counts["misdirected"] += 1
            return None
        return opened

    def question(self, opened: Opened, subject: str) -> Question:
        """A question as handlers get it."""
        is_allowed = may_send(opened.sender, subject)
        return Question(opened.sender, opened.body, opened.id, is_allowed)

    async def _answer(
        self, answer: Answering, question: Question, opened: Opened, reply: str, *, as_asked: bool
    ) -> None:
        lines = self._lines
        try:
            bodies = _listed(await answer(question))
            for number, body in enumerate(bodies, 1):
                kind: Kind = "last" if number == len(bodies) else "answer"
                await lines.reply(reply, opened, kind, body, as_asked=as_asked)
        except HubUnreachableError:
            lines.counts["answer-too-late"] += 1
        except KacheryError as problem:
            lines.counts[problem.code] += 1
            _log.debug("a question of %s has no answer: %s", question.sender.node_id, problem)
        except Exception:  # noqa: BLE001 - a bug of ours must not end the link
            _log.exception("a question of %s could not be answered", question.sender.node_id)


def _listed(result: Sequence[bytes] | bytes | None) -> Sequence[bytes]:
    if result is None:
        return ()
    return (result,) if isinstance(result, bytes) else result


def _may_say(opened: Opened, subject: str, role: Role | None) -> bool:
    return may_send(opened.sender, subject) and (role is None or role in opened.sender.roles)
