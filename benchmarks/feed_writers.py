"""Many processes that append to feeds at the same time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.feed_logs import KacheryLog
from benchmarks.feed_peers import new_subfeed
from benchmarks.feed_program import programs
from benchmarks.measuring import Way
from benchmarks.report import at_least, timing_table

if TYPE_CHECKING:
    from benchmarks.feed_logs import Log
    from benchmarks.feed_peers import Peers
    from benchmarks.feed_program import Program
    from benchmarks.measuring import Measuring
    from benchmarks.report import Table

_MANY = 16
_ONE = "kachery, 1 process (what the others are compared with)"
_TOGETHER = f"kachery, {_MANY} processes, one subfeed"
_APART = f"kachery, {_MANY} processes, a feed each"


def many_writers(measuring: Measuring, peers: Peers, count: int) -> Table:
    """The table about writers that share a server."""
    with programs(_MANY) as writers:
        ways = [
            _way(peers, writers[:1], (_ONE, "kachery"), count),
            _way(peers, writers, (_TOGETHER, "kachery"), count),
            _way(peers, writers, (_APART, "kachery"), count, apart=True),
            _way(peers, writers[:1], ("Redis, 1 process", "redis"), count),
            _way(peers, writers, (f"Redis, {_MANY} processes, one stream", "redis"), count),
            _way(peers, writers[:1], ("NATS, 1 process", "nats"), count),
            _way(peers, writers, (f"NATS, {_MANY} processes, one stream", "nats"), count),
        ]
        timings = measuring.compare(ways)
    note = (
        f"{count:,} messages in all, each writer one after the other, each on the disk before it"
        " is acknowledged. Those that wait for the disk together can share one wait."
    )
    table = timing_table("Feeds: many writers", timings, _ONE, note=note, rates=True)
    ratio = timings[_TOGETHER].rate / timings[_ONE].rate
    table.goals = [at_least(f"{_MANY} writers of one subfeed", ratio, 1.2, "one writer's rate")]
    return table


def _way(
    peers: Peers,
    writers: list[Program],
    row: tuple[str, str],
    count: int,
    *,
    apart: bool = False,
) -> Way:
    name, kind = row
    first = peers.new_log(kind)
    if first is None:
        return Way(name, _nothing, absent=peers.absent[kind])
    logs = [KacheryLog(new_subfeed()) if apart else first for _ in writers]
    each = count // len(writers)
    return Way(
        name,
        partial(_append, writers, each),
        prepare=partial(_prepare, writers, logs),
        operations=each * len(writers),
        processes=(*peers.processes[kind], *(writer.pid for writer in writers)),
    )


def _prepare(writers: list[Program], logs: list[Log]) -> None:
    """Open each writer's log; connections and names of new subfeeds belong to a first append."""
    for writer, log in zip(writers, logs, strict=True):
        writer.tell("open", place=log.place)
        writer.hear()
    _append(writers, 1)


def _append(writers: list[Program], each: int) -> None:
    for writer in writers:
        writer.tell("append", count=each)
    for writer in writers:
        writer.hear()


def _nothing() -> None:
    """What a row without figures does."""
