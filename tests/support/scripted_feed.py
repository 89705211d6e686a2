"""A node that answers as a test says: truthfully from a chain, or with lies."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kachery_core.errors import FeedForkedError
from kachery_core.messages import Head, encode_batch
from kachery_core.wire.feeds import BEFORE_HEADER, LENGTH_HEADER
from kachery_jupyter.client.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.feed_samples import Chain


@dataclass
class ScriptedNode:
    """Takes the place of `ask_patiently`.

    Attributes:
        chain: what the feed has.
        lie: changes an honest answer (head before, run, length) into another.
        fork: from this position on there are two histories.
        asked: every question.
    """

    chain: Chain
    lie: Callable[[Head, bytes, int], tuple[Head, bytes, int]] | None = None
    fork: int | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, path: str, body: bytes, wait_seconds: float = 0.0) -> Reply:
        request = json.loads(body)
        self.asked.append({"path": path, "wait_seconds": wait_seconds, **request})
        if path == "/messages/append":
            return self._append(request)
        assert path == "/messages/read"
        assert request["feed"] == self.chain.key.feed
        assert request["subfeed"] == self.chain.key.subfeed
        return self._read(request["position"], request["max_bytes"])

    def _read(self, position: int, max_bytes: int) -> Reply:
        length = self.chain.head.length
        if self.fork is not None:
            length = min(length, self.fork)
            if position >= self.fork:
                raise FeedForkedError("two histories", index=self.fork)
        before, run = self._run_at(position, max_bytes)
        if self.lie is not None:
            before, run, length = self.lie(before, run, length)
        headers = {
            BEFORE_HEADER.lower(): f"{before.length} {before.entry.hex()}",
            LENGTH_HEADER.lower(): str(length),
        }
        return Reply(headers, run)

    def _run_at(self, position: int, max_bytes: int) -> tuple[Head, bytes]:
        before, run = Head(), b""
        for batch in self.chain.batches:
            if batch.head.length <= position:
                before = batch.head
            else:
                run += encode_batch(batch)
                if len(run) >= max_bytes and batch.signature:
                    break
        return before, run

    def _append(self, request: dict[str, Any]) -> Reply:
        payloads = [json.dumps(message).encode() for message in request["messages"]]
        first = self.chain.head.length
        self.chain.append(payloads, append_id=bytes.fromhex(request["append_id"]))
        return Reply({}, json.dumps({"first": first, "count": len(payloads)}).encode())
