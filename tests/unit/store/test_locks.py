"""Locks: many add together, one removes alone, and the dead hold nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from kachery_store.locks import LifeLock, exclusive_lock, shared_lock

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = (
    "import sys, time; from pathlib import Path; from kachery_store.locks import LifeLock;"
    "lock = LifeLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); time.sleep(60)"
)


def _enters(lock: object, path: Path) -> threading.Event:
    entered = threading.Event()

    def enter() -> None:
        with lock(path):  # type: ignore[operator]
            entered.set()

    threading.Thread(target=enter, daemon=True).start()
    return entered


def test_many_may_hold_a_shared_lock(tmp_path: Path) -> None:
    with shared_lock(tmp_path / "lock"), shared_lock(tmp_path / "lock"):
        assert _enters(shared_lock, tmp_path / "lock").wait(10)


def test_one_alone_waits_for_the_others_and_they_for_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with shared_lock(path):
        alone = _enters(exclusive_lock, path)
        assert not alone.wait(0.1)
    assert alone.wait(10)
    with exclusive_lock(path):
        others = [_enters(shared_lock, path), _enters(exclusive_lock, path)]
        assert not any(other.wait(0.1) for other in others)
    assert all(other.wait(10) for other in others)


def test_whoever_waits_to_be_alone_gets_in_between_a_stream_of_others(tmp_path: Path) -> None:
    """Four programs store all the time, and somebody wants to remove something."""
    path = tmp_path / "lock"
    is_over = threading.Event()

    def stream() -> None:
        while not is_over.is_set():
            with shared_lock(path):
                time.sleep(0.01)

    threads = [threading.Thread(target=stream) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert _enters(exclusive_lock, path).wait(10)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def test_whoever_has_the_lock_may_ask_again_while_somebody_waits_to_be_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lock"
    with shared_lock(path):
        alone = _enters(exclusive_lock, path)
        assert not alone.wait(0.1)
        with shared_lock(path):
            assert not alone.is_set()
    assert alone.wait(10)


def test_a_life_lock_is_held_by_one_and_freed_by_death(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        lock = LifeLock(path)
        assert not lock.acquire()
        holder.kill()
    assert lock.acquire()
    assert not LifeLock(path).acquire()
    lock.release()
    lock.release()
    assert LifeLock(path).acquire()
