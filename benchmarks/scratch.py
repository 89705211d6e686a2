"""The folder a benchmark works in, and what it puts there."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEED = 1
_PIECE = 1 << 24
_changes = itertools.count(1)


@dataclass(frozen=True)
class Sizes:
    """How much each table stores.

    Attributes:
        file: bytes of the large file.
        array: numbers in the large array.
        texts: small texts stored in one run.
        loads: small texts loaded in one run.
        idle_seconds: how long the idle Jupyter server is asked.
        appends: messages appended one by one in one run.
        messages: messages appended in batches, and read, in one run.
        delays: messages that a waiting reader gets, and texts loaded from another node one
            after the other, in one run.
        remote_many: texts loaded from another node at once.
        sparse: bytes of the file of which a kilobyte is read at another node.
        followers: of one feed, in one process.
        members: nodes on one hub, in one process.
    """

    file: int = 1_000_000_000
    array: int = 100_000_000
    texts: int = 300
    loads: int = 3000
    idle_seconds: float = 1.0
    appends: int = 1600
    messages: int = 100_000
    delays: int = 200
    remote_many: int = 1000
    sparse: int = 10_000_000_000
    followers: int = 50
    members: int = 200


QUICK = Sizes(
    file=4_000_000,
    array=500_000,
    texts=20,
    loads=50,
    idle_seconds=0.1,
    appends=32,
    messages=2000,
    delays=10,
    remote_many=50,
    sparse=50_000_000,
    followers=5,
    members=12,
)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder on the disk of the system's temporary files, gone afterwards.

    Nothing in it is removed earlier, except large files: ext4 takes many times longer to make
    small files while it steps over those just deleted. HOME and the caches are moved into it.
    """
    folder = Path(tempfile.mkdtemp(prefix="kachery-bench-"))
    before = dict(os.environ)
    try:
        home = folder / "home"
        home.mkdir()
        os.environ.update(HOME=str(home), XDG_CACHE_HOME=str(home / ".cache"))
        os.environ.update(KACHERY_CLOUD_DIR=str(folder / "kachery-cloud"))
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            os.environ.pop(name, None)
        for name in [name for name in os.environ if name.startswith("KACHERY_") and "OFF" in name]:
            del os.environ[name]
        yield folder
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder)


def write_file(path: Path, size: int) -> None:
    """Write a file of bytes that no compression or deduplication makes smaller."""
    numbers = np.random.default_rng(_SEED)
    with path.open("wb") as file:
        for start in range(0, size, _PIECE):
            file.write(numbers.bytes(min(_PIECE, size - start)))
        file.flush()
        os.fsync(file.fileno())


def change_file(path: Path) -> None:
    """Make the content of a file one that was never stored."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(descriptor, next(_changes).to_bytes(8, "little"), 0)
    finally:
        os.close(descriptor)


def _large_files(folder: Path, size: int) -> list[Path]:
    """All files below a folder that have at least this size."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with contextlib.suppress(FileNotFoundError):  # the node tidied up
                if path.stat().st_size >= size:
                    found.append(path)
    return found


def remove_large_files(folder: Path, size: int) -> None:
    """Make room for the next run."""
    for path in _large_files(folder, size):
        path.unlink()
