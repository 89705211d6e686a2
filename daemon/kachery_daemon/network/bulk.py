"""Bulk over the hub: bytes as they are, on a connection of their own.

A question is sealed and signed like any other. An answer is a row of messages, each with four bytes
in front: its number (u24, from 0) and flags. Frames longer than a message of this hub are cut and
joined again. Nothing of it is authenticated here: whoever asked opens and verifies the frames.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import secrets
from collections import deque
from typing import TYPE_CHECKING

from kachery_core.errors import (
    HubUnreachableError,
    KacheryError,
    NoProviderError,
    TooBusyError,
    TransferStalledError,
)
from kachery_daemon.network.connections import is_nobody, unreachable
from kachery_daemon.network.ending import within
from kachery_daemon.network.envelopes import UnknownMembershipError, new_id
from kachery_daemon.network.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.msg import Msg

    from kachery_daemon.network.answering import Answerer
    from kachery_daemon.network.lines import Lines
    from kachery_daemon.network.link import BulkAnswering, Question, TakeFrame

_HEADER = 4
# What all answers together may have on their way. A hub cuts a connection that does not read fast
# enough, ours at twice this much.
_ON_THE_WAY = 16 << 20
# What frames may have around what they carry, and the parts of an answer.
_SLACK = 64 << 10
_log = logging.getLogger(__name__)


class _Flag(enum.IntFlag):
    """What is special about one message of an answer."""

    CONTINUED = 1  # the next message goes on with this frame
    OVER = 2  # there is no more
    BUSY = 4  # there is no answer now
    WHO = 8  # the membership is not known here: ask again with the whole of it


class _Awaited:
    """One answer on its way."""

    def __init__(self, inbox: str, largest: int, take_frame: TakeFrame) -> None:
        self.inbox = inbox
        self.largest = largest
        self.take_frame = take_frame
        self.size = 0
        self.came = asyncio.Event()
        self.ending: KacheryError | _Flag | None = None
        self._parts: list[bytes] = []
        self._number = 0

    def end(self, ending: KacheryError | _Flag) -> None:
        """Nothing more will come."""
        self.ending = ending
        self.came.set()

    def take(self, data: bytes) -> None:
        """Take the next message."""
        self.came.set()
        if self.ending is not None or len(data) < _HEADER:
            return
        number, flags = int.from_bytes(data[:3], "big"), data[3]
        self.size += len(data)
        if number != self._number or self.size > self.largest + _SLACK:
            self.ending = TransferStalledError(
                "An answer is longer than it may be, or a part of it was lost on the way."
            )
            return
        self._number += 1
        if flags & (_Flag.OVER | _Flag.BUSY | _Flag.WHO):
            self.ending = _Flag(flags & (_Flag.OVER | _Flag.BUSY | _Flag.WHO))
            return
        self._parts.append(data[_HEADER:])
        if not flags & _Flag.CONTINUED:
            frame = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts = []
            self.take_frame(frame)


class _Window:
    """Room for what is on its way; who waits longest comes first."""

    def __init__(self, room: int) -> None:
        self._room = self._left = room
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> int:
        """Wait for room; how much was taken, which is never more than there is at all."""
        size = min(size, self._room)
        if self._waiting or size > self._left:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.give(size)
                raise
        else:
            self._left -= size
        return size

    def give(self, size: int) -> None:
        """Give room back."""
        self._left += size
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= self._left):
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._left -= wanted
                turn.set_result(None)


class BulkAsking:
    """The questions of one link that are answered with bytes.

    Args:
        lines: its connections.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._awaited: dict[str, _Awaited] = {}
        self._window = _Window(_ON_THE_WAY)

    async def request(
        self, subject: str, body: bytes, timeout: float, largest: int, take: TakeFrame | None
    ) -> list[bytes]:
        """Ask, and take the frames of the answer as they come; see `Link.bulk_request`."""
        frames: list[bytes] = []
        taken = await self._window.take(largest)
        try:
            awaited = await self._request(subject, body, timeout, largest, take or frames.append)
        finally:
            self._window.give(taken)
        if isinstance(awaited.ending, KacheryError):
            raise awaited.ending
        if awaited.ending == _Flag.OVER:
            return frames
        raise TooBusyError(
            "The other node serves as much as it accepts.", hint="Try again in a moment."
        )

    async def receive(self, message: Msg) -> None:
        """Take what comes to the inbox of bulk."""
        awaited = self._awaited.get(message.subject.rpartition(".")[2])
        if awaited is None or awaited.inbox != message.subject:
            self._lines.counts["late-answer"] += 1
        elif is_nobody(message):
            awaited.end(NoProviderError("The other node does not answer there any more."))
        else:
            awaited.take(message.data)

    def fail(self) -> None:
        """The connection is lost: nothing more will come."""
        for awaited in self._awaited.values():
            awaited.end(unreachable(self._lines.standing.hub_url, None))

    async def _request(
        self, subject: str, body: bytes, timeout: float, largest: int, take_frame: TakeFrame
    ) -> _Awaited:
        message_id = new_id()
        in_full = not self._lines.is_known
        while True:
            awaited = _Awaited(self._lines.inbox("b", secrets.token_hex(8)), largest, take_frame)
            sealed = self._lines.envelopes.seal(
                subject, body, message_id=message_id, in_full=in_full
            )
            await self._send(subject, sealed, awaited, timeout)
            if awaited.ending != _Flag.WHO or in_full:
                return awaited
            in_full = True

    async def _send(self, subject: str, sealed: bytes, awaited: _Awaited, timeout: float) -> None:
        token = awaited.inbox.rpartition(".")[2]
        self._awaited[token] = awaited
        try:
            await self._lines.open_bulk().publish(subject, sealed, awaited.inbox)
            while awaited.ending is None:
                awaited.came.clear()
                await within(awaited.came.wait(), timeout)
        except asyncio.TimeoutError as problem:
            raise TransferStalledError(
                f"Nothing came from the other node for {timeout:g} seconds."
            ) from problem
        finally:
            del self._awaited[token]


class BulkAnswerer:
    """Answers of one link that are bytes.

    Args:
        lines: its connections.
        answerer: checks the questions.
    """

    def __init__(self, lines: Lines, answerer: Answerer) -> None:
        self._lines = lines
        self._answerer = answerer
        self.turns = Turns()

    def questions(self, answer: BulkAnswering) -> Callable[[Msg], Awaitable[None]]:
        """What takes the messages of a subject whose questions are answered by a handler."""

        async def receive(message: Msg) -> None:
            await asyncio.sleep(0)
            try:
                opened = self._answerer.check(message)
            except UnknownMembershipError:
                await self._end(message.reply, _Flag.WHO)
                return
            if opened is None:
                return
            question = self._answerer.question(opened, message.subject)

            async def work() -> None:
                await self._answer(answer, question, message.reply)

            if not self.turns.offer(question.sender.node_id, work):
                await self._end(message.reply, _Flag.BUSY)

        return receive

    async def _answer(self, answer: BulkAnswering, question: Question, reply: str) -> None:
        lines = self._lines
        number = 0

        async def respond(frame: bytes | memoryview) -> None:
            nonlocal number
            line = lines.open_bulk()
            room = line.largest_message - _HEADER
            for start in range(0, max(len(frame), 1), room):
                part = frame[start : start + room]
                flags = _Flag.CONTINUED if start + room < len(frame) else 0
                await line.publish_pieces(reply, (_header(number, flags), part))
                number += 1

        try:
            await answer(question, respond)
            await lines.open_bulk().publish(reply, _header(number, _Flag.OVER))
        except HubUnreachableError:
            lines.counts["answer-too-late"] += 1
        except KacheryError as problem:
            lines.counts[problem.code] += 1
            _log.debug("bulk for %s was given up: %s", question.sender.node_id, problem)
        except Exception:  # noqa: BLE001 - a bug of ours must not end the link
            _log.exception("bulk for %s failed", question.sender.node_id)

    async def _end(self, reply: str, flag: _Flag) -> None:
        """Say that there is no answer, unless that is said too often already."""
        self._lines.counts[flag.name.lower() if flag.name else "busy"] += 1
        if not reply or not self._lines.may_complain():
            return
        try:
            await self._lines.open_bulk().publish(reply, _header(0, flag))
        except HubUnreachableError:
            self._lines.counts["answer-too-late"] += 1


def _header(number: int, flags: int) -> bytes:
    return number.to_bytes(3, "big") + bytes([flags])
