"""Storing, with every single system call failing or being the last one.

The Nth call of each thread is killed, or fails as a broken, full or crowded disk would let it;
N runs from the first call to past the last.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.faulty_disk import why_no_strace
from tests.support.samples import read_all, sha1_of, wrong_files
from tests.support.writers import OPERATIONS, store_at, store_once

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(why_no_strace()), reason=why_no_strace() or "strace works"),
]

REPOSITORY = Path(__file__).parents[2]
# Everything through which a store touches a disk.
CALLS = (
    "openat,read,pread64,preadv,readv,write,pwrite64,fsync,fdatasync,syncfs,rename,unlink,mkdir,"
    "ftruncate,fallocate,fchmod,chmod,flock,newfstatat,ioctl"
)
FATES = ("signal=KILL", "error=EIO", "error=ENOSPC")
LAST = 400


def _run_one(root: Path, operation: str, fate: str, number: int) -> tuple[bool, str]:
    """Store with one fate at the Nth call; whether it happened, and what the program said."""
    root.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.writers", "sweep", str(root / "storage"), operation],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        log = root / "strace"
        inject = f"inject={CALLS}:{fate}:when={number}"
        with subprocess.Popen(
            ["strace", "-f", "-o", str(log), "-e", inject, "-p", str(program.pid)],
            stderr=subprocess.PIPE,
            text=True,
        ) as tracer:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            said, complaint = program.communicate("go\n", timeout=60)
            tracer.communicate(timeout=60)
    happened = "INJECTED" in log.read_text() or program.returncode != 0
    assert "Traceback" not in complaint, complaint
    return happened, said


def _check(root: Path, operation: str, said: str) -> None:
    outcome = json.loads(said) if said else {}
    assert "crashed" not in outcome, outcome
    store = store_at(root / "storage")
    for sha1 in outcome.get("stored", []):
        assert sha1_of(read_all(store, sha1)) == sha1
    assert wrong_files(root / "storage") == []
    store.folder.sweep()
    assert not list((root / "storage" / "tmp").iterdir())
    for sha1 in store_once(store, operation, b"afterwards"):
        assert read_all(store, sha1)
    store.close()


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@pytest.mark.parametrize("fate", FATES)
def test_any_call_may_fail(tmp_path: Path, operation: str, fate: str) -> None:
    def try_one(number: int) -> bool:
        root = tmp_path / str(number)
        happened, said = _run_one(root, operation, fate, number)
        _check(root, operation, said)
        return happened

    done = 0
    with ThreadPoolExecutor(2) as pool:
        for first in range(1, LAST, 4):
            happened = list(pool.map(try_one, range(first, first + 4)))
            done += sum(happened)
            if not any(happened):
                break
    print(f"{done} calls of {operation} with {fate}")
    assert 20 < done < LAST
