"""How long a message takes from its append to a reader in another process that waits for it."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.feed_logs import messages
from benchmarks.feed_program import programs
from benchmarks.report import Table, duration, shorter

if TYPE_CHECKING:
    from benchmarks.feed_logs import Log
    from benchmarks.feed_peers import Peers
    from benchmarks.feed_program import Program
    from benchmarks.measuring import Measuring

_NAMES = {
    "kachery": "kachery `append_message`, `get_next_messages` (signed, verified)",
    "redis": "Redis `XADD`, blocking `XREAD`",
    "nats": "NATS JetStream `publish`, ordered consumer",
}
_PAUSE = 0.005
_MOST_SECONDS = 0.003


def delays(measuring: Measuring, peers: Peers, count: int) -> Table:
    """The table about waiting readers."""
    logs = {kind: peers.new_log(kind) for kind in _NAMES}
    measured: dict[str, list[float]] = {kind: [] for kind in _NAMES}
    with programs(len(_NAMES)) as readers:
        for turn in range(-measuring.warm_ups, measuring.repeats):
            for (kind, log), reader in zip(logs.items(), readers, strict=True):
                if log is not None:
                    measuring.quiet()
                    found = _follow(reader, log, count)
                    measured[kind] += found if turn >= 0 else []
    table = Table(
        "Feeds: from append to a waiting reader",
        ("what", "messages", "p50", "p99", "max"),
        note=(
            f"From before the call that appends to the moment another process has the message"
            f" decoded; one message every {duration(_PAUSE)}, each durable. All runs together."
        ),
    )
    for kind, name in _NAMES.items():
        if peers.absent[kind]:
            table.rows.append((name, peers.absent[kind], "", "", ""))
            continue
        ordered = sorted(measured[kind])
        figures = [ordered[int(part * (len(ordered) - 1))] for part in (0.5, 0.99, 1.0)]
        table.rows.append((name, str(len(ordered)), *map(duration, figures)))
    table.goals = [
        shorter("append to a waiting reader, p50", median(measured["kachery"]), _MOST_SECONDS)
    ]
    return table


def _follow(reader: Program, log: Log, count: int) -> list[float]:
    """Seconds on the way, of each message."""
    reader.tell("open", place=log.place)
    reader.hear()
    log.append_each(messages(1))
    reader.tell("follow", count=count)
    reader.hear()
    sent = []
    for message in messages(count):
        time.sleep(_PAUSE)
        sent.append(time.monotonic())
        log.append_each([message])
    return [arrived - left for left, arrived in zip(sent, reader.hear(), strict=True)]
