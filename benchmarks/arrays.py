"""Storing and loading an array of 800 MB, beside SHA-1, numpy and joblib."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from blake3 import blake3

from benchmarks.measuring import Way
from benchmarks.peers import kachery_cloud, missing, temporary_files_in_memory
from benchmarks.report import at_most, shorter, timing_table
from benchmarks.scratch import remove_large_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measuring import Measuring
    from benchmarks.report import Table
    from benchmarks.scratch import Sizes

_SHA1 = "SHA-1 over the array's memory (limit)"
_STORE = "`kc.store_npy` (durable)"
_MAP = "`np.load(mmap_mode='r')` (limit)"
_LOAD = "`kc.load_npy`"
_BLAKE3 = "reading the file and BLAKE3, one thread (limit)"
_VERIFIED = "`kc.load_npy` of an object that must be verified again"
_SEED = 2
_PIECE = 1 << 20


def measure(measuring: Measuring, scratch: Path, storage: Path, sizes: Sizes) -> list[Table]:
    """The tables about arrays; a node must be running on the storage folder."""
    folder = scratch / "arrays"
    folder.mkdir()
    array = np.random.default_rng(_SEED).random(sizes.array)
    tables = [_storing(measuring, array, folder, storage), *_loading(measuring, array, folder)]
    remove_large_files(storage, array.nbytes)
    remove_large_files(folder, array.nbytes)
    return tables


def _storing(measuring: Measuring, array: Any, folder: Path, storage: Path) -> Table:
    import kachery_jupyter as kc

    cloud = Path(os.environ["KACHERY_CLOUD_DIR"])

    def change() -> None:
        array[0] += 1.0

    def store_with_cloud() -> None:
        with temporary_files_in_memory():
            kachery_cloud("store_npy_local", array)

    ways = [
        Way(_SHA1, lambda: hashlib.sha1(memoryview(array).cast("B")).digest()),
        Way(
            _STORE,
            lambda: kc.store_npy(array),
            change,
            partial(remove_large_files, storage, array.nbytes),
            touches=True,
        ),
        _saving("`np.save`", partial(np.save, arr=array), folder / "saved.npy"),
        _joblib_dump(folder, array),
        Way(
            "kachery_cloud `store_npy_local` (not synced)",
            store_with_cloud,
            change,
            partial(remove_large_files, cloud, array.nbytes),
            touches=True,
            absent=missing("kachery_cloud"),
        ),
    ]
    timings = measuring.compare(ways)
    table = timing_table(f"Storing an array of {array.nbytes / 1e6:g} MB", timings, _SHA1)
    ratio = timings[_STORE].median / timings[_SHA1].median
    table.goals = [at_most("store_npy, 800 MB, durable", ratio, 1.2, "SHA-1 of the memory")]
    return table


def _saving(what: str, save: Callable[[str], object], path: Path) -> Way:
    name = f"{what} (no hash, not synced)"
    return Way(name, partial(save, str(path)), clear=path.unlink, touches=True)


def _joblib_dump(folder: Path, array: Any) -> Way:
    absent = missing("joblib")
    if absent:
        return Way("`joblib.dump`", lambda: None, absent=absent)
    import joblib

    return _saving("`joblib.dump`", partial(joblib.dump, array), folder / "saved.joblib")


def _loading(measuring: Measuring, array: Any, folder: Path) -> list[Table]:
    import kachery_jupyter as kc

    uri = kc.store_npy(array)
    stored = Path(kc.load_file(uri))
    saved = folder / "array.npy"
    np.save(saved, array)
    map_saved = partial(np.load, saved, mmap_mode="r")
    load = partial(kc.load_npy, uri)
    handles = [
        Way(_MAP, map_saved),
        Way(_LOAD, load),
        Way("`np.load` (a copy)", partial(np.load, saved), touches=True),
        *_joblib_load(folder, array),
        Way("sum of the array in memory", array.sum),
        Way("`kc.load_npy`, then sum", lambda: load().sum()),
        Way("`np.load(mmap_mode='r')`, then sum", lambda: map_saved().sum()),
    ]
    timings = measuring.compare(handles)
    table = timing_table("Loading it", timings, _MAP, note="kachery's array is a memory map.")
    table.goals = [shorter("load_npy, 800 MB", timings[_LOAD].median, 0.002)]
    return [table, _verifying(measuring, stored, load)]


def _joblib_load(folder: Path, array: Any) -> list[Way]:
    absent = missing("joblib")
    path = folder / "array.joblib"
    names = ("`joblib.load` (a copy)", "`joblib.load(mmap_mode='r')`")
    if absent:
        return [Way(name, lambda: None, absent=absent) for name in names]
    import joblib

    joblib.dump(array, path)
    return [
        Way(names[0], partial(joblib.load, path), touches=True),
        Way(names[1], partial(joblib.load, path, mmap_mode="r")),
    ]


def _verifying(measuring: Measuring, stored: Path, load: partial[Any]) -> Table:
    ways = [
        Way(_BLAKE3, partial(_read, stored, blake3)),
        # Another time on the file: what was verified before may have changed.
        Way(_VERIFIED, load, partial(os.utime, stored)),
        Way("reading the file and SHA-1", partial(_read, stored, hashlib.sha1)),
    ]
    timings = measuring.compare(ways)
    table = timing_table("Loading it with verification", timings, _BLAKE3)
    ratio = timings[_VERIFIED].median / timings[_BLAKE3].median
    table.goals = [at_most("verified load, 800 MB", ratio, 1.5, "reading it with BLAKE3")]
    return table


def _read(path: Path, make_hasher: Callable[[], Any]) -> str:
    hasher = make_hasher()
    buffer = memoryview(bytearray(_PIECE))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
    return str(hasher.hexdigest())
