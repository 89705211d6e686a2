"""Programs that store things until something happens to them.

    python -m tests.support.writers kill ROOT KILLS SEED  kill -9 at random moments; print figures
    python -m tests.support.writers sweep OPERATION  store in each folder named, once continued

Children are forked, so that a thousand of them take seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from kachery_core.digests import sha1_hex
from kachery_core.errors import KacheryError
from kachery_store.seen import Seen
from kachery_store.store import Label, Store

if TYPE_CHECKING:
    from collections.abc import Callable

LABEL = Label(name="file.dat")
_MEGABYTE = 1 << 20
_SIZES = (0, 1, 100, 5_000, 60_000, _MEGABYTE, _MEGABYTE + 1, 3 * _MEGABYTE)
# So many kills go to one storage folder before it is looked through and a new one is begun.
_KILLS_PER_FOLDER = 50
_LONGEST_LIFE = 0.06
_sources: set[Path] = set()


def store_at(root: Path) -> Store:
    """The store of a folder, with a memory of what was verified beside it."""
    return Store(root, seen=Seen(root.parent / "seen.sqlite"))


def store_forever(root: Path, acknowledge: Callable[[str], None], seed: int) -> None:
    """Store in all ways and all sizes; say each SHA-1 once it is promised to be kept."""
    rnd = random.Random(seed)
    store = store_at(root)
    while True:
        data = rnd.randbytes(rnd.choice(_SIZES[: rnd.randrange(1, len(_SIZES) + 1)]))
        for sha1 in store_once(store, rnd.choice(sorted(OPERATIONS)), data):
            acknowledge(sha1)


def store_once(store: Store, operation: str, data: bytes) -> list[str]:
    """Store bytes in one way; the SHA-1 of everything that can be loaded now."""
    return OPERATIONS[operation](store, data)


def _add_bytes(store: Store, data: bytes) -> list[str]:
    return [store.add_bytes(data, LABEL).sha1]


def _add_file(store: Store, data: bytes) -> list[str]:
    return [store.add_file(_source(store, data), LABEL).sha1]


def _link_file(store: Store, data: bytes) -> list[str]:
    return [store.link_file(_source(store, data), LABEL).sha1]


def _add_many(store: Store, data: bytes) -> list[str]:
    items = [(data[:length], LABEL) for length in (len(data) // 3, len(data) // 2, len(data))]
    return [content.sha1 for content in store.add_many(items)]


OPERATIONS: dict[str, Callable[[Store, bytes], list[str]]] = {
    "add_bytes": _add_bytes,
    "add_file": _add_file,
    "add_many": _add_many,
    "link_file": _link_file,
}


def _source(store: Store, data: bytes) -> Path:
    path = store.folder.root.parent / f"source-{sha1_hex(data)}"
    if path not in _sources:
        # Whole or absent: what a killed writer half wrote would later seem to be a changed link.
        new = path.with_name(f"{path.name}-{os.getpid()}")
        new.write_bytes(data)
        new.replace(path)
        _sources.add(path)
    return path


def _kill_often(root: Path, kills: int, seed: int) -> dict[str, object]:
    """Kill writers at random moments, and look at what they left."""
    figures = {"kills": 0, "promised": 0, "lost": 0, "wrong": 0, "left_behind": 0, "unusable": 0}
    for number in range(0, kills, _KILLS_PER_FOLDER):
        folder = root / str(number)
        folder.mkdir()
        promised: set[str] = set()
        reader = _fork(lambda folder=folder: _read_forever(folder / "storage"))
        for kill in range(number, min(number + _KILLS_PER_FOLDER, kills)):
            promised |= _killed_writer(folder / "storage", seed + kill)
            figures["kills"] += 1
        os.kill(reader, signal.SIGTERM)
        figures["wrong"] += os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]) > 0
        _look(folder / "storage", promised, figures)
        shutil.rmtree(folder)
    return figures


def _killed_writer(root: Path, seed: int) -> set[str]:
    read_end, write_end = os.pipe()

    def write() -> None:
        store_forever(root, lambda sha1: os.write(write_end, f"{sha1}\n".encode()), seed)

    child = _fork(write)
    os.close(write_end)
    time.sleep(random.Random(seed).uniform(0, _LONGEST_LIFE))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(read_end, "rb") as file:
        return set(file.read().decode().split())


def _fork(run: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        run()
    finally:
        os._exit(1)


def _read_forever(root: Path) -> None:
    """Read every name that appears, as another program would, until told to stop."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    while not stopped:
        for path in (root / "sha1").glob("*/*/*/*"):
            if len(path.name) == 40 and sha1_hex(path.read_bytes()) != path.name:
                os._exit(2)
        select.select([], [], [], 0.001)
    os._exit(0)


def _look(root: Path, promised: set[str], figures: dict[str, int]) -> None:
    store = store_at(root)
    figures["promised"] += len(promised)
    for sha1 in promised:
        _look_for(store, sha1, figures)
    for path in (root / "sha1").glob("*/*/*/*"):
        if len(path.name) == 40:
            figures["wrong"] += sha1_hex(path.read_bytes()) != path.name
    store.folder.sweep()
    figures["left_behind"] += len(os.listdir(root / "tmp"))
    for operation in OPERATIONS:
        for sha1 in store_once(store, operation, f"after {operation}".encode()):
            figures["unusable"] += sha1_hex(store.objects.read(store.objects.get(sha1))) != sha1
    store.close()


def _look_for(store: Store, sha1: str, figures: dict[str, int]) -> None:
    try:
        data = store.objects.read(store.objects.get(sha1))
    except KacheryError as problem:
        print(sha1, problem, file=sys.stderr)
        figures["lost"] += 1
    else:
        figures["wrong"] += sha1_hex(data) != sha1


def _serve_sweeps(operation: str) -> None:
    """For each folder named on a line: fork, stop, store once continued, and say how it ended."""
    data = random.Random(operation).randbytes(2 * _MEGABYTE + 5)
    for line in sys.stdin:
        root = Path(line.strip())
        child = os.fork()
        if child == 0:
            _sweep_once(root, operation, data)
        os.waitpid(child, os.WUNTRACED)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _sweep_once(root: Path, operation: str, data: bytes) -> None:
    """Stop; once continued, store and note what came of it as JSON."""
    # Whatever Python loads when it is first used is none of our calls.
    store_once(store_at(root / "warm" / "storage"), operation, data)
    store = store_at(root / "storage")
    for each in (data[:777], data):
        _source(store, each)
    os.kill(os.getpid(), signal.SIGSTOP)
    try:
        stored = [
            sha1 for each in (data[:777], data) for sha1 in store_once(store, operation, each)
        ]
        outcome: dict[str, object] = {"stored": stored}
    except KacheryError as problem:
        outcome = {"refused": f"{type(problem).__name__}: {problem}"}
    except BaseException as problem:  # noqa: BLE001 - it is what the test is looking for
        outcome = {"crashed": repr(problem), "at": traceback.format_exc()[-900:]}
    with contextlib.suppress(OSError):
        (root / "outcome").write_text(json.dumps(outcome))
    # Once more: what was to fail may have been the note itself.
    (root / "outcome").write_text(json.dumps(outcome))
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "kill":
        print(json.dumps(_kill_often(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
    else:
        _serve_sweeps(sys.argv[2])
