"""The logs that the tables about feeds compare, and whose CPU time counts for which."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.feed_logs import KacheryLog, NatsLog, RedisLog
from benchmarks.measuring import Way
from benchmarks.report import at_least

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.brokers import Broker
    from benchmarks.feed_logs import Log
    from benchmarks.measuring import Timing
    from benchmarks.nodes import RunningNode
    from benchmarks.report import Goal


class Peers:
    """The servers that run, and new logs in them.

    Attributes:
        absent: why a kind of log cannot be measured, or "".
        processes: of the servers, by kind of log.
    """

    def __init__(self, node: RunningNode, redis: Broker, nats: Broker) -> None:
        self._addresses = {"redis": redis.address, "nats": nats.address}
        self.absent = {"kachery": "", "redis": redis.absent, "nats": nats.absent}
        self.processes = {"kachery": (node.pid,), "redis": redis.pids, "nats": nats.pids}
        self._made: list[Log] = []

    def new_log(self, kind: str) -> Log | None:
        """A new, empty log, or None where that kind is absent."""
        if self.absent[kind]:
            return None
        log: Log
        if kind == "kachery":
            log = KacheryLog(new_subfeed())
        else:
            log = {"redis": RedisLog, "nats": NatsLog}[kind](
                self._addresses[kind], secrets.token_hex(8)
            )
        self._made.append(log)
        return log

    def way(self, name: str, kind: str, run: Callable[[Log], object], count: int) -> Way:
        """A row about a new log; it says so where there is none."""
        return self.way_of(self.new_log(kind), name, kind, run, count)

    def way_of(
        self, log: Log | None, name: str, kind: str, run: Callable[[Log], object], count: int
    ) -> Way:
        """A row about a log."""
        return Way(
            name,
            partial(_run, run, log),
            operations=count,
            processes=self.processes[kind],
            absent=self.absent[kind],
        )

    def close(self) -> None:
        """Let go of all logs."""
        for log in self._made:
            log.close()


def new_subfeed() -> str:
    """The URI of a subfeed in a new feed."""
    import kachery_jupyter as kc

    return kc.create_feed().load_subfeed("messages").uri


def against_redis(
    what: str, timings: dict[str, Timing], names: Sequence[str], least: float
) -> list[Goal]:
    """A goal as a multiple of Redis, where there is one.

    Args:
        what: of the goal.
        timings: of the table.
        names: of our row and that of Redis.
        least: the multiple.
    """
    ours, theirs = (timings[name] for name in names)
    if theirs.absent:
        return []
    return [at_least(what, ours.rate / theirs.rate, least, "Redis, appendfsync always")]


def _run(run: Callable[[Log], object], log: Log | None) -> object:
    assert log is not None
    return run(log)
