"""Reading one subfeed through the node: every message verified, what is read ahead kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from kachery_core.errors import BrokenChainError, FeedForkedError
from kachery_core.messages import ENTRY_SIZE, Batch, Head, SubfeedKey, chain, check_run
from kachery_core.one_pass import read_run
from kachery_core.wire.feeds import BEFORE_HEADER, LENGTH_HEADER
from kachery_jupyter.client.line import ask_patiently
from kachery_jupyter.client.payloads import decode_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kachery_core.one_pass import Run
    from kachery_jupyter.client.replies import Reply

# Twice as much took a third longer for each message: it is touched for the first time everywhere.
_READ_BYTES = 2 << 20
_LONGEST_WAIT_MSEC = 600_000


class Reader(Protocol):
    """Where a subfeed's messages come from."""

    def length(self) -> int:
        """How many messages there are."""

    def read(self, start: int, end: int | None, wait_msec: int) -> list[bytes]:
        """Verified messages [start, end) as far as they exist; waits only for the first."""

    def signed(self, start: int, count: int) -> list[dict[str, Any]]:
        """Messages with what proves them."""


class VerifiedReader:
    """Reads batches from the node and checks them against the feed's key.

    Args:
        key: which subfeed.
        channel: the only channel on which the node looks for it; '' for all.
    """

    def __init__(self, key: SubfeedKey, channel: str = "") -> None:
        self._key = key
        self._channel = channel
        self._buffer: list[bytes] = []
        self._buffer_first = 0
        self._length = 0
        self._verified = Head()

    def length(self) -> int:
        """How many messages there are."""
        return int(self._ask(0, 1, 0).headers[LENGTH_HEADER.lower()])

    def read(self, start: int, end: int | None, wait_msec: int) -> list[bytes]:
        """Verified messages [start, end) as far as they exist; waits only for the first."""
        found: list[bytes] = []
        while end is None or start + len(found) < end:
            at = start + len(found)
            offset = at - self._buffer_first
            if not 0 <= offset < len(self._buffer):
                try:
                    self._fetch(at, 0 if found else wait_msec)
                except FeedForkedError:
                    # What both histories share is given first; whoever goes on is told.
                    if found:
                        break
                    raise
                offset = at - self._buffer_first
                if not 0 <= offset < len(self._buffer):
                    break
            found += self._buffer[offset : None if end is None else offset + end - at]
            if end is None and self._is_at_end():
                break
        return found

    def _fetch(self, position: int, wait_msec: int) -> None:
        """Fill the buffer from the batch that holds a position on."""
        reply = self._ask(position, _READ_BYTES, wait_msec)
        self._length = int(reply.headers[LENGTH_HEADER.lower()])
        before = _head_before(reply, position)
        run = read_run(self._key, before, reply.body, self._verified.length)
        # Of a forked feed the node sends whole batches, and counts what both histories share.
        self._buffer = run.payloads[: max(self._length - before.length, 0)]
        self._buffer_first = before.length
        if run.payloads:
            self._remember(run)

    def _is_at_end(self) -> bool:
        return self._buffer_first + len(self._buffer) >= self._length

    def signed(self, start: int, count: int) -> list[dict[str, Any]]:
        """Messages with what proves them: index, the writer's time and the entry of the chain."""
        signed: list[dict[str, Any]] = []
        position = start
        while position < start + count:
            reply = self._ask(position, _READ_BYTES, 0)
            before, batches = self._some(reply, position)
            for batch in batches:
                for payload, message in zip(
                    batch.payloads, decode_messages(batch.payloads), strict=True
                ):
                    before = chain(self._key, before, batch.time_us, [payload])
                    if start < before.length <= start + count:
                        body = {
                            "message": message,
                            "messageNumber": before.length - 1,
                            "timestamp": batch.time_us // 1000,
                        }
                        signed.append({"body": body, "entry": before.entry.hex()})
            position = before.length
        return signed

    def runs(self, end: int) -> Iterator[bytes]:
        """The batches of messages [0, end) as the writer signed them, for an export."""
        position = 0
        while position < end:
            reply = self._ask(position, _READ_BYTES, 0)
            _, batches = self._some(reply, position)
            position = batches[-1].head.length
            if position > int(reply.headers[LENGTH_HEADER.lower()]):
                raise FeedForkedError(
                    f"The feed {self._key.feed} has two histories and cannot be exported.",
                    hint="Its messages before that can still be read.",
                    feed=self._key.feed,
                    index=end,
                )
            yield reply.body

    def _ask(self, position: int, max_bytes: int, wait_msec: int) -> Reply:
        body = json.dumps(
            {
                "feed": self._key.feed,
                "subfeed": self._key.subfeed,
                "position": position,
                "max_bytes": max_bytes,
                "wait_msec": min(wait_msec, _LONGEST_WAIT_MSEC),
                "channel": self._channel,
            }
        )
        return ask_patiently("/messages/read", body.encode(), wait_msec / 1000)

    def _some(self, reply: Reply, position: int) -> tuple[Head, list[Batch]]:
        """Checked batches where there must be some."""
        before = _head_before(reply, position)
        batches = check_run(self._key, before, reply.body)
        if not batches:
            raise BrokenChainError(f"The node has message {position} and did not send it.")
        return before, batches

    def _remember(self, run: Run) -> None:
        """Two different signed entries at one place are two histories: say so at once."""
        if self._verified.length and run.crossed not in (None, self._verified.entry):
            raise FeedForkedError(
                f"The feed {self._key.feed} has two histories:"
                f" message {self._verified.length - 1} was another one.",
                hint="Its writer's key is in use twice. Read up to there, and ask its owner.",
                feed=self._key.feed,
                index=self._verified.length - 1,
            )
        if run.head.length > self._verified.length:
            self._verified = run.head


def _head_before(reply: Reply, position: int) -> Head:
    """The head before the batches of an answer, as the node claims it."""
    length, _, entry = reply.headers[BEFORE_HEADER.lower()].partition(" ")
    before = Head(int(length), bytes.fromhex(entry))
    if before.length > position or len(before.entry) != ENTRY_SIZE:
        raise BrokenChainError("The node sent other messages than those asked for.")
    return before
