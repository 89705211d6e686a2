"""Processes that end with the tests, however those end.

A test that takes too long is ended without a word, with everything that would tidy up after it. So
a small program is told of every process that is started, and ends what is left when its input
closes: `python -m tests.support.reaping`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

_PATIENCE_SECONDS = 5.0
_reaper: tuple[int, subprocess.Popen[bytes]] | None = None


def end_with_the_tests(pid: int) -> None:
    """See to it that a process of these tests does not outlive them."""
    global _reaper  # noqa: PLW0603 - one per process
    if _reaper is None or _reaper[0] != os.getpid():
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.reaping"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        _reaper = (os.getpid(), process)
    began, told = _began(pid), _reaper[1].stdin
    if began and told is not None:
        told.write(f"{pid} {began}\n".encode())
        told.flush()


def main() -> None:
    """End what is left, once nobody says anything any more."""
    told = dict(line.decode().split() for line in sys.stdin.buffer)
    left = {int(pid): began for pid, began in told.items() if _began(int(pid)) == began}
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, wanted)
        end = time.monotonic() + _PATIENCE_SECONDS
        while left and time.monotonic() < end:
            left = {pid: began for pid, began in left.items() if _began(pid) == began}
            time.sleep(0.05)


def _began(pid: int) -> str:
    """When a process began, so that its id is not another's; '' if it has ended."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
        return "" if fields[0] == b"Z" else fields[19].decode()
    return ""


if __name__ == "__main__":
    main()
