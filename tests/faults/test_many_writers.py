"""Many at once and many in a row: nothing is missing, nothing is left over, nothing grows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kachery_store.fsck import check_store
from tests.support.samples import leftovers, read_all, sha1_of, wrong_files
from tests.support.writers import store_at

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc"),
]

REPOSITORY = Path(__file__).parents[2]
PRELUDE = """
import os, random, sys, threading
from pathlib import Path
from tests.support.writers import store_at, LABEL
store = store_at(Path(sys.argv[1]))
"""
# Half of what a process stores all others store as well.
ONE_OF_MANY = """
number, count = int(sys.argv[2]), int(sys.argv[3])
def work(thread):
    for i in range(thread, count, 2):
        data = f"shared {i}" if i % 4 < 2 else f"own {number} {i}"
        print(store.add_bytes(data.encode() * 50, LABEL).sha1 + chr(10), end="")
    store.close()
threads = [threading.Thread(target=work, args=(thread,)) for thread in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
IN_A_ROW = """
def descriptors():
    return len(os.listdir("/proc/self/fd"))
def store_some(first, count):
    for i in range(first, first + count, 20):
        store.add_many([(b"%d" % n, LABEL) for n in range(i, i + 19)])
        store.add_bytes(b"alone %d" % i, LABEL)
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
store_some(0, 1000)
before, memory = descriptors(), resident()
store_some(1000, 10_000)
print(descriptors() - before, threading.active_count(), resident() - memory)
"""
LARGE = """
def peak():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
store.add_bytes(bytes(3_000_000), LABEL)
before = peak()
content = store.add_file(Path(sys.argv[2]), LABEL)
held = store.objects.get(content.sha1)
store.objects.verified_path(held)
print(content.size, peak() - before)
"""


def _start(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + program, *map(str, arguments)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_16_processes_store_half_the_same(tmp_path: Path) -> None:
    root, count = tmp_path / "storage", 200
    running = [_start(ONE_OF_MANY, root, number, count) for number in range(16)]
    answers = [process.communicate(timeout=200)[0].split() for process in running]

    assert [process.returncode for process in running] == [0] * 16
    assert [len(answer) for answer in answers] == [count] * 16
    store = store_at(root)
    stored = {sha1 for answer in answers for sha1 in answer}
    assert len(stored) == count // 2 + 16 * count // 2
    assert all(sha1_of(read_all(store, sha1)) == sha1 for sha1 in stored)
    assert store.catalog.totals()[0] == len(stored)
    assert wrong_files(root) == leftovers(root) == []
    assert check_store(store).is_clean
    store.close()


def test_10000_stores_leak_nothing(tmp_path: Path) -> None:
    with _start(IN_A_ROW, tmp_path / "storage") as process:
        descriptors, threads, memory = map(int, process.communicate(timeout=280)[0].split())

    print(f"{descriptors} descriptors, {threads} threads, {memory:,} bytes more")
    assert abs(descriptors) <= 2
    assert threads <= 5
    assert memory < 16 << 20


def test_a_gigabyte_is_stored_in_little_memory(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(1 << 30)
        for place in range(0, 1 << 30, 1 << 20):
            os.pwrite(file.fileno(), b"%d" % place, place)
    with _start(LARGE, tmp_path / "storage", source) as process:
        size, memory = map(int, process.communicate(timeout=280)[0].split())

    print(f"{memory:,} bytes above idle")
    assert size == 1 << 30
    assert memory < 100 << 20
