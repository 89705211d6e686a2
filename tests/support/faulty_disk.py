"""Disks that run out, turn read-only or fail at a chosen moment."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def why_no_mounts() -> str:
    """Why this computer cannot mount file systems for tests; '' if it can."""
    if sys.platform != "linux":
        return "needs Linux"
    if os.geteuid() != 0:
        return "needs root to mount a file system"
    if not shutil.which("mount"):
        return "needs mount"
    return ""


def why_no_strace() -> str:
    """Why system calls cannot be made to fail here; '' if they can."""
    if not shutil.which("strace"):
        return "needs strace"
    attempt = subprocess.run(
        ["strace", "-f", "-o", os.devnull, "-e", "inject=fsync:error=EIO", "true"],
        capture_output=True,
        check=False,
    )
    return "" if attempt.returncode == 0 else "strace may not trace here"


@contextlib.contextmanager
def small_disk(path: Path, options: str) -> Iterator[Path]:
    """A tmpfs with these mount options, for example `size=8m`."""
    reason = why_no_mounts()
    if reason:
        pytest.skip(reason)
    path.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def remount(path: Path, options: str) -> None:
    """Change how a disk is mounted, for example `ro` or `rw`."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(path)], check=True)


@contextlib.contextmanager
def filled(path: Path, leaving: int = 0) -> Iterator[None]:
    """A disk with only so many bytes left."""
    filler = path / "filler"
    with filler.open("wb") as file:
        status = os.statvfs(path)
        amount = max(status.f_bavail * status.f_frsize - leaving, 0)
        with contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(amount, 1))
    try:
        yield
    finally:
        filler.unlink()


def damaged_copy(data: bytes, kind: str, at: int) -> bytes:
    """Bytes as a bad disk might give them back; never the same as before."""
    if kind == "flip":
        flipped = bytearray(data)
        flipped[at // 8 % len(data)] ^= 1 << (at % 8)
        return bytes(flipped)
    if kind == "truncate":
        return data[: at % len(data)]
    if kind == "extend":
        return data + bytes([at % 256]) * (at % 5000 + 1)
    page = at % len(data) // 4096 * 4096
    zeroed = data[:page] + bytes(len(data[page : page + 4096])) + data[page + 4096 :]
    return zeroed if zeroed != data else damaged_copy(data, "flip", at)
