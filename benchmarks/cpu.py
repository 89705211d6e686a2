"""What the machine is doing: whose CPU time is spent, and when it is quiet."""

from __future__ import annotations

import mmap
import os
import sys
import time
from pathlib import Path

_PROC_STAT = Path("/proc/stat")
_BUSY_COLUMNS = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq
_LOOK_SECONDS = 0.06
_PAUSE_SECONDS = 0.2
_QUIET_CORES = 0.35
_MADV_HUGEPAGE = 14
_MADV_POPULATE_WRITE = 23


def busy_seconds() -> float | None:
    """CPU seconds spent by everybody since the machine started; None where unknown."""
    try:
        fields = _PROC_STAT.read_text("ascii").split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    return sum(int(fields[column]) for column in _BUSY_COLUMNS) / os.sysconf("SC_CLK_TCK")


def own_seconds(others: tuple[int, ...] = ()) -> float:
    """CPU seconds spent by this process, by children that ended, and by the processes named."""
    times = os.times()
    spent = times.user + times.system + times.children_user + times.children_system
    return spent + sum(map(_seconds_of, others))


def wait_for_quiet(patience: float) -> float:
    """Wait until others leave the CPUs alone.

    Args:
        patience: seconds to wait at most.

    Returns:
        The seconds waited; the first look is not counted.
    """
    waited = 0.0
    while waited < patience and _foreign_cores() > _QUIET_CORES:
        time.sleep(_PAUSE_SECONDS)
        waited += _PAUSE_SECONDS + _LOOK_SECONDS
    return waited


def pretouch(size: int) -> None:
    """Touch and free memory, so that the next sample does not pay for getting it from a host.

    A virtual machine may have given its free pages back; touching them then takes many times
    longer, which would be measured instead of what is compared.
    """
    if size <= 0 or sys.platform != "linux":
        return
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(_MADV_HUGEPAGE)
        try:
            memory.madvise(_MADV_POPULATE_WRITE)
        except OSError:  # Linux before 5.14
            for start in range(0, size, mmap.PAGESIZE):
                memory[start] = 1


def memory_of(pid: int | str, field: str) -> int | None:
    """Bytes of memory of a process: VmRSS now, VmHWM at most; None where unknown."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found[0]) * 1024 if found else None


def _foreign_cores() -> float:
    began, busy, own = time.perf_counter(), busy_seconds(), own_seconds()
    if busy is None:
        return 0.0
    time.sleep(_LOOK_SECONDS)
    passed = time.perf_counter() - began
    return ((busy_seconds() or busy) - busy - (own_seconds() - own)) / passed


def _seconds_of(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except OSError:
        return 0.0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
