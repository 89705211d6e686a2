"""Many nodes on one hub, and many followers of one feed: what grows, and with what."""

from __future__ import annotations

import contextlib
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.cpu import memory_of, own_seconds
from benchmarks.feed_program import Program
from benchmarks.report import Table, duration, megabytes
from tests.support.hubs import running_hub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.scratch import Sizes
    from tests.support.hubs import RunningHub

_REST_SECONDS = 5.0
_APPENDS = 8
_LISTENING = 10
_BUDGET_SECONDS = 30.0
_STEPS = (0.25, 0.5, 1.0)


def crowd(folder: Path, sizes: Sizes) -> list[Table]:
    """The tables about many nodes; a hub of their own runs only meanwhile."""
    with running_hub(folder / "crowd-hub") as hub:
        with _light_nodes(hub, folder / "followers", sizes.followers + 1) as program:
            following = _followers(program, hub, sizes.followers)
        with _light_nodes(hub, folder / "members", _LISTENING) as program:
            members = _members(program, hub, sizes.members)
    return [following, members]


@contextlib.contextmanager
def _light_nodes(hub: RunningHub, folder: Path, listening: int) -> Iterator[Program]:
    program = Program(
        "benchmarks.remote_crowd_program", arguments=(hub.url, str(folder), str(listening))
    )
    try:
        yield program
    finally:
        program.end()


def _members(program: Program, hub: RunningHub, count: int) -> Table:
    table = Table(
        f"{count} nodes on one hub, in one channel",
        (
            "nodes",
            "joined in",
            "nats-server: memory",
            "its CPU",
            "hub process: memory",
            "memory of one more light node",
            "CPU of all light nodes",
        ),
        note=(
            "Light nodes, all in one process: key, membership, two connections each, a presence"
            " that is signed and sealed, without store and HTTP. Ten of them check what all others"
            " say, as a node does; the rest only speak. CPU in cores, in"
            f" {_REST_SECONDS:g} seconds in which nothing happens but heartbeats: each node"
            " tells all others every 5 seconds, so the hub's work grows with the square of the"
            " nodes, each node's with their number, and memory of the hub with their number."
        ),
    )
    before = 2
    end = time.monotonic() + _BUDGET_SECONDS
    _ask(program, "members", count=before)
    resident = memory_of(program.pid, "VmRSS") or 0
    for part in _STEPS:
        nodes = max(before + 1, int(count * part))
        began = time.monotonic()
        joined = _ask(program, "members", count=nodes, seconds=end - began)
        if time.monotonic() > end:
            table.rows.append((str(nodes), "not in time on this machine", "", "", "", "", ""))
            break
        server = own_seconds((hub.server_pid,)) - own_seconds()
        used = _ask(program, "rest", seconds=_REST_SECONDS)
        server = own_seconds((hub.server_pid,)) - own_seconds() - server
        grown = (memory_of(program.pid, "VmRSS") or 0) - resident
        resident += grown
        table.rows.append(
            (
                str(nodes),
                f"{joined / (nodes - before) * 1e3:.0f} ms each",
                megabytes(memory_of(hub.server_pid, "VmRSS") or 0),
                f"{server / _REST_SECONDS:.2f}",
                megabytes(memory_of(hub.process.pid, "VmRSS") or 0),
                f"{grown / (nodes - before) / 1e6:.1f} MB",
                f"{used / _REST_SECONDS:.2f}",
            )
        )
        before = nodes
    return table


def _followers(program: Program, hub: RunningHub, count: int) -> Table:
    table = Table(
        f"{count} nodes that follow one feed",
        (
            "followers",
            "first has it",
            "half have it",
            "last has it",
            "nats-server: memory",
            "CPU of one follower for a message",
            "memory of one more light node",
        ),
        note=(
            "From before the append at one node until as many light nodes of one other process have"
            f" the message verified and on the disk; medians of {_APPENDS} messages of 200 bytes."
            " The writer sends each message once, whatever the number; the hub sends it to each"
            " follower, and each of them verifies and writes it."
        ),
    )
    followed_by = 1
    _follow(program, followed_by)
    resident = memory_of(program.pid, "VmRSS") or 0
    for part in _STEPS:
        nodes = max(followed_by + 1, int(count * part))
        _follow(program, nodes)
        taken, spent = _ask(program, "append", count=_APPENDS)
        grown = (memory_of(program.pid, "VmRSS") or 0) - resident
        resident += grown
        places = (0, (nodes - 1) // 2, nodes - 1)
        table.rows.append(
            (
                str(nodes),
                *(duration(median(times[place] for times in taken)) for place in places),
                megabytes(memory_of(hub.server_pid, "VmRSS") or 0),
                duration(spent / _APPENDS / nodes),
                f"{grown / (nodes - followed_by) / 1e6:.1f} MB",
            )
        )
        followed_by = nodes
    return table


def _follow(program: Program, count: int) -> None:
    _ask(program, "members", count=count + 1)
    _ask(program, "follow", count=count)
    _ask(program, "append", count=1)


def _ask(program: Program, what: str, **more: Any) -> Any:
    program.tell(what, **more)
    return program.hear()
