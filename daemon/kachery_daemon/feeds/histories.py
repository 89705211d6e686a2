"""What a log says of its chain: any head of it, a run from any message, the writer's last word.

Blocking: used in the node's pools and by the thread that commits copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.keys import SIGNATURE_SIZE
from kachery_core.messages import Head, decode_batches, outline_batches
from kachery_core.runs import cut_run, head_at

if TYPE_CHECKING:
    from kachery_daemon.feeds.log import SubfeedLog


def head_of(log: SubfeedLog, length: int) -> Head:
    """The log's head as it was after `length` messages, which it must have.

    Batches of a copy may be cut otherwise than the writer cut them, so the place may be inside one.
    """
    if length == 0:
        return Head()
    before, run = log.read(length - 1, 1)
    return head_at(log.key, before, [batch for batch, _ in decode_batches(run)], length)


def goes_through(log: SubfeedLog, head: Head) -> bool:
    """Whether the log's chain has this head; if the log is shorter, it may have it one day."""
    return head.length > log.head.length or head_of(log, head.length) == head


def run_from(log: SubfeedLog, length: int, max_bytes: int) -> tuple[Head, bytes]:
    """The head after `length` messages, and a signed run that begins exactly there.

    The run is empty if the log has no more.
    """
    before, run = log.read(length, max_bytes)
    return cut_run(log.key, before, run, length) if run else (before, run)


def signed_head(log: SubfeedLog) -> tuple[Head, bytes]:
    """The log's newest head and its writer's signature; an empty one has none."""
    length = log.head.length
    if length == 0:
        return Head(), b""
    _, run = log.read(length - 1, 1)
    *_, last = outline_batches(run)
    return last.head, run[last.end - SIGNATURE_SIZE : last.end]
