"""A large file from another node, beside bytes that only move and beside other programs."""

from __future__ import annotations

import os
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.measuring import Elapsed, Way
from benchmarks.remote_lab import INDIRECT, PROVIDER, REQUESTER, SECOND
from benchmarks.remote_peers import peer_ways
from benchmarks.remote_raw import raw_sender
from benchmarks.report import Table, at_least, duration, shorter, timing_table
from benchmarks.scratch import change_file, write_file

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from benchmarks.measuring import Measuring, Timing
    from benchmarks.remote_lab import Lab
    from benchmarks.report import Goal
    from benchmarks.scratch import Sizes

_RAW = "one Python `sendall`, one `recv_into`, 1 MiB pieces, nothing kept (limit)"
_ONE = "`kc.load_file`, directly from one node (sealed, verified, durable)"
_TWO = "`kc.load_file`, directly from two nodes (the same)"
_HUB = "`kc.load_file`, through the hub (the same)"
_FIRST_BYTE_SECONDS = 0.1


def large(
    measuring: Measuring, folder: Path, lab: Lab, sizes: Sizes, stack: ExitStack
) -> list[Table]:
    """The table about a large file.

    Args:
        measuring: how.
        folder: for files outside of the nodes.
        lab: hub and nodes.
        sizes: how much.
        stack: ends what is started here.
    """
    source = folder / "large.bin"
    write_file(source, sizes.file)
    uris = {}
    for name, holders in ((_ONE, [PROVIDER]), (_TWO, [PROVIDER, SECOND]), (_HUB, [INDIRECT])):
        change_file(source)
        for number in holders:
            uris[name] = lab.ask(number, "store", path=str(source))
    raw = stack.enter_context(raw_sender())
    receive = partial(raw.receive, sizes.file)
    megabytes = max(1, sizes.file // 1_000_000)
    ways = [
        Way(_RAW, receive, operations=megabytes, touches=True, processes=(raw.pid,)),
        *(_loading(lab, name, uri, sizes.file) for name, uri in uris.items()),
        *peer_ways(source, folder, stack),
    ]
    timings = measuring.compare(ways)
    source.unlink()
    table = timing_table(
        f"A file of {sizes.file / 1e9:g} GB from another node of this machine: MB per second",
        timings,
        _RAW,
        note=(
            "Hub, nodes and programs are processes of their own that share the cores. kachery's"
            " rows find the file, read, seal, open, verify (SHA-1 and BLAKE3), write and wait for"
            " the disk; the others say what they do."
        ),
        rates=True,
    )
    table.goals = _goals(timings)
    return [table]


def first_byte(measuring: Measuring, folder: Path, lab: Lab, sizes: Sizes) -> list[Table]:
    """The table about a beginning: one kilobyte of a file that is not here."""
    source = folder / "sparse.bin"
    with source.open("wb") as file:
        os.truncate(file.fileno(), sizes.sparse)
        file.write(os.urandom(1024))
    uri = lab.ask(PROVIDER, "link", path=str(source))
    taken = []
    for _ in range(measuring.repeats):
        # A new one each time: a node keeps what it has fetched.
        number = lab.newcomer()
        lab.ask(number, "load_each", uris=lab.ask(PROVIDER, "store_texts", count=3))
        measuring.quiet()
        taken.append(lab.ask(number, "begin", uri=uri))
        taken_again = lab.ask(number, "begin", uri=uri)
        lab.node(number).terminate()
    source.unlink()
    size = f"{sizes.sparse / 1e9:g} GB"
    table = Table(
        f"The first kilobyte of a file of {size} at another node",
        ("what", "median", "least to most"),
        note=(
            "Each time asked for by a node that has never heard of the file, and has loaded three"
            f" small texts before. The file is linked (`link_file`), {size} of zeros."
        ),
    )
    row = (duration(median(taken)), f"{duration(min(taken))} to {duration(max(taken))}")
    table.rows = [
        ("`kc.open(uri).read(1024)`, verified", *row),
        ("the same again", duration(taken_again), ""),
    ]
    table.goals = [
        shorter(f"first byte of a remote file of {size}", median(taken), _FIRST_BYTE_SECONDS)
    ]
    return [table]


def _loading(lab: Lab, name: str, uri: str, size: int) -> Way:
    def load() -> Elapsed:
        return Elapsed(lab.ask(REQUESTER, "load", uri=uri))

    return Way(
        name,
        load,
        clear=partial(lab.forget, REQUESTER, uri, size),
        operations=max(1, size // 1_000_000),
        touches=True,
        processes=lab.pids,
    )


def _goals(timings: dict[str, Timing]) -> list[Goal]:
    raw, one = timings[_RAW].rate, timings[_ONE].rate
    return [
        at_least("remote load of 1 GB, direct", one / raw, 0.3, "raw"),
        at_least("the same from two nodes", timings[_TWO].rate / one, 1.0, "one node"),
        at_least("remote load of 1 GB, through the hub", timings[_HUB].rate / raw, 0.08, "raw"),
    ]
