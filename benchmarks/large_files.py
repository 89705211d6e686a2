"""Storing a file of 1 GB, beside SHA-1 over the same bytes and beside other tools."""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measuring import Way
from benchmarks.peers import file_ways, kachery_cloud, missing
from benchmarks.report import at_most, shorter, timing_table
from benchmarks.scratch import change_file, remove_large_files, write_file
from benchmarks.unsynced import without_syncs

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Measuring, Timing
    from benchmarks.report import Goal, Table
    from benchmarks.scratch import Sizes

_LIMIT = "SHA-1 over the same bytes in memory (limit)"
_STORE = "`kc.store_file` (durable)"
_UNSYNCED = "`kc.store_file`, the store's sync functions replaced by nothing"
_AGAIN = "`kc.store_file` of the unchanged file"
_AGAIN_CLOUD = "kachery_cloud `store_file_local` of the unchanged file"
_STAT = "`os.stat` of the file (limit)"
_AGAIN_TIMES = 200
_RACY_SECONDS = 2.2


def measure(measuring: Measuring, scratch: Path, storage: Path, sizes: Sizes) -> list[Table]:
    """The tables about large files; a node must be running on the storage folder."""
    source = scratch / "large.bin"
    write_file(source, sizes.file)
    refresh = partial(change_file, source)
    tables = [
        _storing(measuring, source, storage, scratch / "peers", refresh),
        _again(measuring, source),
    ]
    remove_large_files(storage, sizes.file)
    remove_large_files(scratch / "kachery-cloud", sizes.file)
    source.unlink()
    return tables


def _storing(
    measuring: Measuring, source: Path, storage: Path, peers: Path, refresh: partial[None]
) -> Table:
    import kachery_jupyter as kc

    peers.mkdir()
    memory = source.read_bytes()
    size = len(memory)
    clear = partial(remove_large_files, storage, size)

    def store_unsynced() -> None:
        with without_syncs():
            kc.store_file(str(source))

    ways = [
        Way(_LIMIT, lambda: hashlib.sha1(memory).digest()),
        Way(_STORE, partial(kc.store_file, str(source)), refresh, clear, touches=True),
        Way(_UNSYNCED, store_unsynced, refresh, clear, touches=True),
        *file_ways(source, peers, refresh),
    ]
    timings = measuring.compare(ways)
    table = timing_table(
        f"Storing a file of {size / 1e9:g} GB that is in the page cache",
        timings,
        _LIMIT,
        note="kachery's rows hash with SHA-1 and BLAKE3 and copy; each run stores new content.",
    )
    table.goals = _storing_goals(timings)
    return table


def _storing_goals(timings: dict[str, Timing]) -> list[Goal]:
    limit = timings[_LIMIT].median
    what = "store_file, 1 GB"
    return [
        at_most(f"{what}, not synced", timings[_UNSYNCED].median / limit, 1.2, "SHA-1 in memory"),
        at_most(f"{what}, durable", timings[_STORE].median / limit, 1.4, "SHA-1 in memory"),
    ]


def _again(measuring: Measuring, source: Path) -> Table:
    import kachery_jupyter as kc

    # A file changed a moment ago is hashed again: its times might not tell of the next change.
    time.sleep(_RACY_SECONDS)
    kc.store_file(str(source))
    ways = [
        Way(_STAT, partial(_often, source.stat), operations=_AGAIN_TIMES),
        Way(_AGAIN, partial(_often, partial(kc.store_file, str(source))), operations=_AGAIN_TIMES),
        Way(
            _AGAIN_CLOUD,
            partial(_often, partial(kachery_cloud, "store_file_local", str(source))),
            operations=_AGAIN_TIMES,
            absent=missing("kachery_cloud"),
        ),
    ]
    timings = measuring.compare(ways)
    table = timing_table("Storing the unchanged file again", timings, _STAT, rates=True)
    each = timings[_AGAIN].median / _AGAIN_TIMES
    table.goals = [shorter("store_file of the unchanged file", each, 0.001)]
    return table


def _often(action: partial[object]) -> None:
    for _ in range(_AGAIN_TIMES):
        action()
