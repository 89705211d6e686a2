"""Storing and loading texts of 1 KB: what a loop over small results feels like."""

from __future__ import annotations

import contextlib
import itertools
import os
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measuring import Way
from benchmarks.nodes import UnixConnection, post
from benchmarks.peers import kachery_cloud, missing, temporary_files_in_memory
from benchmarks.report import Goal, at_least, timing_table

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Measuring, Timing
    from benchmarks.nodes import RunningNode
    from benchmarks.report import Table
    from benchmarks.scratch import Sizes

_PLAIN = "a plain file: write, fsync, rename, fsync of one flat folder (limit)"
_LAID_OUT = "the same into kachery's three levels of folders, each new one synced"
_OWNER = "`kc.store_text`, written by the owner's program (durable)"
_HTTP = "`POST /api/v1/files` to the node's UNIX socket (durable)"
_MANY = "`kc.store_many` (durable)"
_CLOUD = "kachery_cloud `store_text_local` (not synced)"
_READ = "`open().read()` of a plain file (limit)"
_LOAD = "`kc.load_text` (verified)"
_LOAD_CLOUD = "kachery_cloud `load_text` (not verified)"
_LENGTH = 1000
_LOADS_PER_SECOND = 15_000
_numbers = itertools.count(1)


def measure(measuring: Measuring, scratch: Path, node: RunningNode, sizes: Sizes) -> list[Table]:
    """The tables about small texts; nothing is deleted meanwhile."""
    folder = scratch / "texts"
    folder.mkdir()
    with temporary_files_in_memory(), contextlib.closing(UnixConnection(node.socket)) as door:
        return [
            _storing(measuring, folder, node, door, sizes.texts),
            _loading(measuring, folder, sizes.loads),
        ]


def _storing(
    measuring: Measuring, folder: Path, node: RunningNode, door: UnixConnection, count: int
) -> Table:
    import kachery_jupyter as kc

    def store_each() -> None:
        for text in _texts(count):
            kc.store_text(text)

    def post_each() -> None:
        for text in _texts(count):
            post(door, text.encode())

    def store_with_cloud() -> None:
        for text in _texts(count):
            kachery_cloud("store_text_local", text)

    ways = [
        Way(_PLAIN, partial(_store_plain, folder, count), operations=count),
        Way(_LAID_OUT, partial(_store_laid_out, folder, count), operations=count),
        Way(_OWNER, store_each, operations=count),
        Way(_HTTP, post_each, operations=count, processes=(node.pid,)),
        Way(_MANY, lambda: kc.store_many(_texts(count)), operations=count),
        Way(_CLOUD, store_with_cloud, operations=count, absent=missing("kachery_cloud")),
    ]
    timings = measuring.compare(ways)
    note = (
        f"{count} new texts in each run, into folders that are new when the table begins."
        " kachery_cloud's temporary files are on a disk in memory."
    )
    table = timing_table("Storing texts of 1 KB", timings, _PLAIN, note=note, rates=True)
    table.goals = _storing_goals(timings)
    return table


def _storing_goals(timings: dict[str, Timing]) -> list[Goal]:
    plain, single = timings[_PLAIN].rate, timings[_OWNER].rate
    return [
        at_least("store_text, 1 KB, durable", single / plain, 0.5, "a plain durable file"),
        at_least(
            "1 KB through the node's HTTP", timings[_HTTP].rate / plain, 0.5, "a plain durable file"
        ),
        at_least("store_many, 1 KB", timings[_MANY].rate / single, 3, "store_text's rate"),
    ]


def _loading(measuring: Measuring, folder: Path, count: int) -> Table:
    import kachery_jupyter as kc

    uris = kc.store_many(_texts(count))
    texts = _texts(count)
    paths = []
    for index, text in enumerate(texts):
        paths.append(folder / f"plain-{index}")
        paths[-1].write_text(text, encoding="utf-8")
    absent = missing("kachery_cloud")
    cloud_uris = [] if absent else [kachery_cloud("store_text_local", text) for text in texts[:100]]
    ways = [
        Way(_READ, lambda: list(map(_read_plain, paths)), operations=count),
        Way(_LOAD, lambda: [kc.load_text(uri) for uri in uris], operations=count),
        Way(
            _LOAD_CLOUD,
            lambda: [kachery_cloud("load_text", uri, local_only=True) for uri in cloud_uris],
            operations=len(cloud_uris),
            absent=absent,
        ),
    ]
    timings = measuring.compare(ways)
    table = timing_table("Loading texts of 1 KB", timings, _READ, rates=True)
    rate = timings[_LOAD].rate
    wanted = f">= {_LOADS_PER_SECOND:,} /s"
    table.goals = [Goal("load_text, 1 KB", wanted, f"{rate:,.0f} /s", rate >= _LOADS_PER_SECOND)]
    return table


def _texts(count: int) -> list[str]:
    """Texts that were never stored."""
    return [f"{next(_numbers)} ".ljust(_LENGTH, "x") for _ in range(count)]


def _read_plain(path: Path) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _store_plain(folder: Path, count: int) -> None:
    target = folder / f"flat-{next(_numbers)}"
    target.mkdir()
    for index, text in enumerate(_texts(count)):
        _write_durably(target / f"{index}.tmp", target / str(index), text)
        _sync(target)


def _store_laid_out(folder: Path, count: int) -> None:
    """The least that a new object in kachery's layout needs to survive a power cut."""
    from hashlib import sha1

    target = folder / "laid-out"
    target.mkdir(exist_ok=True)
    for index, text in enumerate(_texts(count)):
        name = sha1(text.encode()).hexdigest()
        parents = [target, target / name[:2], target / name[:2] / name[2:4]]
        parents.append(parents[-1] / name[4:6])
        for parent, child in itertools.pairwise(parents):
            if not child.exists():
                child.mkdir()
                _sync(parent)
        _write_durably(target / f"{index}.tmp", parents[-1] / name, text)
        _sync(parents[-1])


def _write_durably(temporary: Path, final: Path, text: str) -> None:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(temporary, final)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
