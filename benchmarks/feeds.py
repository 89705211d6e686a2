"""Feeds: appending, reading and following messages of 200 bytes, beside Redis and NATS."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.brokers import nats_server, redis_server
from benchmarks.feed_delays import delays
from benchmarks.feed_logs import MESSAGE_BYTES, decode, encode, messages
from benchmarks.feed_peers import Peers, against_redis
from benchmarks.feed_writers import many_writers
from benchmarks.measuring import Way
from benchmarks.report import Goal, timing_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.feed_logs import Log
    from benchmarks.measuring import Measuring, Timing
    from benchmarks.nodes import RunningNode
    from benchmarks.report import Table
    from benchmarks.scratch import Sizes

_FILE = "one write and fdatasync each into a file of zeros, no other process (limit)"
_SINGLE = "kachery `append_message` (durable, signed)"
_SINGLE_REDIS = "Redis `XADD`, appendfsync always"
_SINGLE_NATS = "NATS JetStream `publish`, sync always"
_FILE_BATCH = "1,000: one write and fdatasync into a file of zeros (limit)"
_BATCH = "1,000: kachery `append_messages` (durable, signed)"
_BATCH_REDIS = "1,000: Redis pipeline of `XADD`, appendfsync always"
_BATCH_NATS = "1,000: NATS JetStream `publish_async`, sync always"
_SMALL = "100: kachery `append_messages` (durable, signed)"
_SMALL_REDIS = "100: Redis pipeline of `XADD`, appendfsync always"
_LINES = "a file of JSON lines, decoded (limit; not verified)"
_READ = "kachery, appended 1,000 at a time (verified, decoded)"
_READ_SINGLES = "kachery, appended one by one (verified, decoded)"
_READ_REDIS = "Redis `XRANGE` by 1,000, hiredis (neither)"
_READ_NATS = "NATS JetStream, pull by 1,000 (neither)"
_READS_PER_SECOND = 300_000
_ZEROS = 64 << 20


def measure(measuring: Measuring, scratch: Path, node: RunningNode, sizes: Sizes) -> list[Table]:
    """The tables about feeds; the servers run only meanwhile."""
    folder = scratch / "feeds"
    folder.mkdir()
    with (
        redis_server(folder / "redis") as redis,
        nats_server(folder / "nats") as nats,
        contextlib.closing(Peers(node, redis, nats)) as peers,
    ):
        return [
            _singles(measuring, folder, peers, sizes.appends),
            _batches(measuring, folder, peers, sizes.messages),
            many_writers(measuring, peers, sizes.appends),
            _reading(measuring, folder, peers, sizes.messages),
            delays(measuring, peers, sizes.delays),
        ]


def _singles(measuring: Measuring, folder: Path, peers: Peers, count: int) -> Table:
    made = messages(count)

    def append(log: Log) -> None:
        log.append_each(made)

    ways = [
        Way(_FILE, partial(_append_to_file, _zeros(folder / "singles"), made, 1), operations=count),
        peers.way(_SINGLE, "kachery", append, count),
        peers.way(_SINGLE_REDIS, "redis", append, count),
        peers.way(_SINGLE_NATS, "nats", append, count),
    ]
    timings = measuring.compare(ways)
    note = f"{count:,} messages of {MESSAGE_BYTES} bytes, each on the disk before the next is sent."
    table = timing_table("Feeds: appending one at a time", timings, _FILE, note=note, rates=True)
    names = (_SINGLE, _SINGLE_REDIS)
    table.goals = against_redis("append_message, durable", timings, names, 0.5)
    return table


def _batches(measuring: Measuring, folder: Path, peers: Peers, count: int) -> Table:
    few = count // 20
    made = messages(count)

    def batches(size: int, of: list[Any]) -> Callable[[Log], object]:
        return lambda log: log.append_in_batches(of, size)

    zeros = _zeros(folder / "batches")
    ways = [
        Way(_FILE_BATCH, partial(_append_to_file, zeros, made, 1000), operations=count),
        peers.way(_BATCH, "kachery", batches(1000, made), count),
        peers.way(_BATCH_REDIS, "redis", batches(1000, made), count),
        peers.way(_BATCH_NATS, "nats", batches(1000, made[:few]), few),
        peers.way(_SMALL, "kachery", batches(100, made), count),
        peers.way(_SMALL_REDIS, "redis", batches(100, made), count),
    ]
    timings = measuring.compare(ways)
    note = (
        f"{count:,} messages of {MESSAGE_BYTES} bytes ({few:,} for NATS); each batch is on the disk"
        " before the next is sent."
    )
    table = timing_table("Feeds: appending in batches", timings, _FILE_BATCH, note=note, rates=True)
    names = (_BATCH, _BATCH_REDIS)
    table.goals = against_redis("append_messages, 1,000 durable", timings, names, 2)
    return table


def _reading(measuring: Measuring, folder: Path, peers: Peers, count: int) -> Table:
    singly = count // 5
    made = messages(count)
    lines = folder / "lines"
    lines.write_bytes(b"\n".join(map(encode, made)))
    logs = {kind: peers.new_log(kind) for kind in ("kachery", "redis", "nats")}
    counts = {"kachery": count, "redis": count, "nats": singly}
    for kind, log in logs.items():
        if log is not None:
            log.append_in_batches(made[: counts[kind]], 1000)
    one_by_one = peers.new_log("kachery")
    assert one_by_one is not None
    one_by_one.append_each(made[:singly])

    def way(name: str, kind: str) -> Way:
        return peers.way_of(logs[kind], name, kind, partial(_read, counts[kind]), counts[kind])

    ways = [
        Way(_LINES, partial(_read_lines, lines), operations=count),
        way(_READ, "kachery"),
        peers.way_of(one_by_one, _READ_SINGLES, "kachery", partial(_read, singly), singly),
        way(_READ_REDIS, "redis"),
        way(_READ_NATS, "nats"),
    ]
    timings = measuring.compare(ways)
    note = (
        f"{count:,} messages ({singly:,} if appended one by one, and of NATS), from the first."
        " kachery's rows check every message and the writer's signature, and give what was"
        " appended; Redis and NATS give bytes."
    )
    table = timing_table("Feeds: reading", timings, _LINES, note=note, rates=True)
    table.goals = [
        _fast("reading a feed appended in batches", timings[_READ]),
        _fast("reading a feed appended one by one", timings[_READ_SINGLES]),
    ]
    return table


def _fast(what: str, timing: Timing) -> Goal:
    wanted = f">= {_READS_PER_SECOND:,} /s"
    return Goal(what, wanted, f"{timing.rate:,.0f} /s", timing.rate >= _READS_PER_SECOND)


def _read(count: int, log: Log) -> None:
    found = log.read_all()
    if found != count:
        raise RuntimeError(f"{log.place[0]} gave {found} of {count} messages.")


def _read_lines(path: Path) -> list[Any]:
    return [decode(line) for line in path.read_bytes().split(b"\n")]


def _zeros(path: Path) -> Path:
    """A file in which an append changes no metadata that a sync would have to write."""
    with path.open("wb") as file:
        file.write(bytes(_ZEROS))
        file.flush()
        os.fsync(file.fileno())
    return path


def _append_to_file(path: Path, made: list[Any], size: int) -> None:
    """The least that makes messages durable: encode, write, wait for the disk."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        for start in range(0, len(made), size):
            os.write(descriptor, b"\n".join(map(encode, made[start : start + size])))
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
