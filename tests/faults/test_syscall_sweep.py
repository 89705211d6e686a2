"""Storing, with every single system call failing or being the last one.

The Nth call of each thread is killed, or fails as a broken, full or crowded disk would let it;
N runs from the first call to past the last.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
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


class _Victims:
    """A program that stores, again and again, in a child made for each time."""

    def __init__(self, operation: str) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.writers", "sweep", operation],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run_one(self, root: Path, fate: str, number: int) -> tuple[bool, str]:
        """Store with one fate at the Nth call; whether it happened, and what the child said."""
        root.mkdir()
        child = int(self._ask(f"{root}\n"))
        log = root / "strace"
        inject = f"inject={CALLS}:{fate}:when={number}"
        with subprocess.Popen(
            ["strace", "-f", "-o", str(log), "-e", inject, "-p", str(child)],
            stderr=subprocess.PIPE,
            text=True,
        ) as tracer:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            os.kill(child, signal.SIGCONT)
            status = int(self._ask(""))
            tracer.communicate(timeout=60)
        said = (root / "outcome").read_text() if (root / "outcome").exists() else ""
        assert said or status == -signal.SIGKILL, (fate, number, log.read_text())
        return "INJECTED" in log.read_text() or status != 0, said

    def close(self) -> None:
        self._server.communicate(timeout=60)

    def _ask(self, question: str) -> str:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(question)
        self._server.stdin.flush()
        return self._server.stdout.readline()


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
    done = 0
    with contextlib.closing(_Victims(operation)) as victims:
        for number in range(1, LAST):
            root = tmp_path / str(number)
            happened, said = victims.run_one(root, fate, number)
            _check(root, operation, said)
            shutil.rmtree(root)
            if not happened:
                break
            done += 1
    print(f"{done} calls of {operation} with {fate}")
    assert 20 < done < LAST - 1
