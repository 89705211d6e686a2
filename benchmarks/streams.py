"""Arrays from a publisher process to a subscriber process: kachery, xdas, and bare ZeroMQ."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.measuring import Elapsed, Way
from benchmarks.report import Table, at_least, timing_table

if TYPE_CHECKING:
    from benchmarks.measuring import Measuring

# Rows, columns, dtype; how many times as many packets as xdas; packets in one run: ours, theirs.
_SIZES = {
    "8 KB": ((10, 100, "f8"), 4.0, (3000, 60)),
    "400 KB": ((100, 1000, "f4"), 4.0, (1000, 60)),
    "8 MB": ((1000, 2000, "f4"), 2.5, (100, 40)),
}
_NAMES = {
    "raw": "bare pyzmq: the bytes of the values, copied",
    "kachery": "kachery `ZMQPublisher`, `ZMQSubscriber` (signed, verified)",
    "xdas": "xdas `ZMQPublisher`, `ZMQSubscriber`",
}
_PATIENCE = 120


def measure(measuring: Measuring, *, is_quick: bool) -> list[Table]:
    """One table for each size of packet."""
    return [_table(measuring, size, is_quick=is_quick) for size in _SIZES]


def _table(measuring: Measuring, size: str, *, is_quick: bool) -> Table:
    shape, least, (many, few) = _SIZES[size]
    absent = _absent()
    ways = []
    for library, name in _NAMES.items():
        count = few if library == "xdas" or is_quick else many

        def run(library: str = library, count: int = count) -> Elapsed:
            return _run(library, count, shape)

        missing = absent if library == "xdas" else ""
        ways.append(Way(name, run, operations=count, absent=missing))
    timings = measuring.compare(ways)
    table = timing_table(
        f"Streams: packets of {size}",
        timings,
        _NAMES["raw"],
        note="Packets per second that a subscriber has as arrays, publisher and subscriber in"
        " processes of their own on this machine, over TCP; the first few are not counted."
        " The publisher waits for the subscriber where it can.",
        rates=True,
    )
    if not absent:
        ratio = timings[_NAMES["kachery"]].rate / timings[_NAMES["xdas"]].rate
        table.goals = [at_least(f"stream of {size} packets", ratio, least, "xdas")]
    return table


def _absent() -> str:
    return "" if importlib.util.find_spec("xdas") else "xdas is not installed"


def _run(library: str, count: int, shape: tuple[int, int, str]) -> Elapsed:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    said = [library, address, str(count), *map(str, shape)]
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.stream_program"]
    with (
        subprocess.Popen([*command, "publish", *said]) as publisher,
        subprocess.Popen(
            [*command, "receive", *said], stdout=subprocess.PIPE, text=True
        ) as subscriber,
    ):
        try:
            seconds, _ = subscriber.communicate(timeout=_PATIENCE)
        finally:
            for program in (publisher, subscriber):
                program.kill()
    return Elapsed(float(seconds))
