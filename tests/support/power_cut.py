"""A disk whose every write is remembered, to be rebuilt as a power cut would have left it.

A loop device lies on a file served through /dev/fuse by a program of its own:

    python -m tests.support.power_cut DISK LOG MOUNT SIZE

It logs each write, each flush and each mark (a write to the file `mark`) in one order. At a crash
point everything before the last flush is on the disk, of the later writes any subset.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import shutil
import stat
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT, _DISK, _MARK = 1, 2, 3
_NAMES = {b"disk": _DISK, b"mark": _MARK}
# <linux/fuse.h>
_LOOKUP, _FORGET, _GETATTR, _SETATTR, _OPEN, _READ, _WRITE = 1, 2, 3, 4, 14, 15, 16
_STATFS, _RELEASE, _FSYNC, _FLUSH, _INIT, _OPENDIR, _RELEASEDIR = 17, 18, 20, 25, 26, 27, 29
_INTERRUPT, _DESTROY, _BATCH_FORGET = 36, 38, 42
_DIRECT_IO = 1
_BIG_WRITES = 1 << 5
_LARGEST_WRITE = 128 << 10
_IN_HEADER = struct.Struct("<IIQQIIIHH")
_OUT_HEADER = struct.Struct("<IiQ")
_RECORD = struct.Struct("<cQI")
_MARK_SIZE = 64
_MEMORY = Path("/dev/shm")
_ENOENT, _ENOSYS = 2, 38
# Version 7.31, 1 MiB read ahead, flags, two limits on queues, the largest write, clock ticks.
_INIT_ANSWER = struct.pack(
    "<IIIIHHIIHHI7I", 7, 31, 1 << 20, _BIG_WRITES, 12, 9, _LARGEST_WRITE, 1, *[0] * 10
)


def why_no_power_cuts() -> str:
    """Why disks cannot be replayed on this computer; '' if they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs Linux and root"
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not os.access(path, os.R_OK | os.W_OK):
            return f"needs {path}"
    missing = [tool for tool in ("losetup", "mkfs.ext4", "mount") if not shutil.which(tool)]
    return f"needs {', '.join(missing)}" if missing else ""


class _LoggingDisk:
    """Answers the kernel's requests for the two files, one at a time."""

    def __init__(self, disk: Path, log: Path, mount: Path, size: int) -> None:
        self._disk = os.open(disk, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._disk, size)
        self._size = size
        self._log = log.open("wb")
        self._fuse = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._fuse},rootmode=40000,user_id=0,group_id=0".encode()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"kachery-test", str(mount).encode(), b"fuse", 0, options) != 0:
            raise OSError(ctypes.get_errno(), "mount")

    def serve(self) -> None:
        while True:
            try:
                request = os.read(self._fuse, _LARGEST_WRITE + 4096)
            except OSError:
                break  # unmounted
            _, operation, unique, node, *_ = _IN_HEADER.unpack_from(request)
            if operation in (_FORGET, _BATCH_FORGET, _INTERRUPT):
                continue
            answer = self._answer(operation, node, memoryview(request)[_IN_HEADER.size :])
            error, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
            header = _OUT_HEADER.pack(_OUT_HEADER.size + len(body), error, unique)
            os.writev(self._fuse, [header, body])
            if operation == _DESTROY:
                break
        self._log.close()

    def _answer(self, operation: int, node: int, body: memoryview) -> bytes | int:
        simple = {
            _GETATTR: lambda: struct.pack("<QII", 3600, 0, 0) + self._attributes(node),
            _SETATTR: lambda: struct.pack("<QII", 3600, 0, 0) + self._attributes(node),
            _OPEN: lambda: struct.pack("<QII", 0, _DIRECT_IO if node == _MARK else 0, 0),
            _OPENDIR: lambda: bytes(16),
            _READ: lambda: os.pread(self._disk, *struct.unpack_from("<QQI", body)[:0:-1]),
            _WRITE: lambda: self._write(node, body),
            _FSYNC: lambda: self._record(b"F", 0, b""),
            _INIT: lambda: _INIT_ANSWER,
            _STATFS: lambda: struct.pack("<QQQQQIIII6I", *[0] * 5, 4096, 255, 4096, *[0] * 7),
            **dict.fromkeys((_RELEASE, _RELEASEDIR, _FLUSH, _DESTROY), bytes),
        }
        if operation != _LOOKUP:
            return simple[operation]() if operation in simple else _ENOSYS
        found = _NAMES.get(bytes(body).rstrip(b"\0"))
        if found is None:
            return _ENOENT
        return struct.pack("<QQQQII", found, 0, 3600, 3600, 0, 0) + self._attributes(found)

    def _write(self, node: int, body: memoryview) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        data = bytes(body[40 : 40 + size])
        if node == _MARK:
            self._record(b"M", 0, data)
        else:
            self._record(b"W", offset, data)
            os.pwrite(self._disk, data, offset)
        return struct.pack("<II", len(data), 0)

    def _record(self, kind: bytes, offset: int, data: bytes) -> bytes:
        self._log.write(_RECORD.pack(kind, offset, len(data)) + data)
        return b""

    def _attributes(self, node: int) -> bytes:
        mode = stat.S_IFDIR | 0o755 if node == _ROOT else stat.S_IFREG | 0o600
        size = self._size if node == _DISK else 0
        return struct.pack(
            "<QQQQQQIIIIIIIIII", node, size, size // 512, *[0] * 6, mode, 1, 0, 0, 0, 4096, 0
        )


def mark(path: Path, text: str) -> None:
    """Note something in the order of the disk's writes."""
    with path.open("wb", buffering=0) as file:
        file.write(text.encode().ljust(_MARK_SIZE))


@contextlib.contextmanager
def recorded_ext4(folder: Path, size: int) -> Iterator[tuple[Path, Path]]:
    """A fresh ext4 file system, mounted; yields its root and the file for marks.

    Afterwards `folder/log` holds everything that was written.
    """
    served, mounted = folder / "served", folder / "mounted"
    served.mkdir()
    mounted.mkdir()
    arguments = [folder / "disk", folder / "log", served, size]
    with contextlib.ExitStack() as cleanup:
        server = cleanup.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.power_cut", *map(str, arguments)],
                cwd=Path(__file__).parents[2],
            )
        )
        cleanup.callback(_run, "umount", served)
        while not os.path.ismount(served):
            time.sleep(0.02)
            assert server.poll() is None, "the disk is not served"
        loop = _run("losetup", "-f", "--show", served / "disk")
        cleanup.callback(_run, "losetup", "-d", loop)
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", loop)
        _run("mount", loop, mounted)
        cleanup.callback(_run, "umount", mounted)
        _run("sync", "-f", mounted)
        mark(served / "mark", "START")
        yield mounted, served / "mark"
        mark(served / "mark", "END")


@dataclass(frozen=True)
class Crash:
    """One possible state of the disk after a power cut.

    Attributes:
        disk: an image of it.
        marks: what had been noted before the cut.
    """

    disk: Path
    marks: list[str]


def record(program: str, folder: Path, size: int, seed: int) -> None:
    """Run a program on a recorded disk; it is given the disk, where to `mark`, and the seed."""
    print(f"seed {seed}")
    with recorded_ext4(folder, size) as (mounted, marks):
        subprocess.run(
            [sys.executable, "-c", program, str(mounted), str(marks), str(seed)],
            cwd=Path(__file__).parents[2],
            check=True,
        )


def crashes(folder: Path, size: int, count: int, seed: int) -> Iterator[Crash]:
    """The disk at random moments between the first mark and the last."""
    rnd = random.Random(seed)
    log = list(_read_log(folder / "log"))
    first, last = (
        next(i for i, (kind, _, data) in enumerate(log) if kind == b"M" and data.startswith(word))
        for word in (b"START", b"END")
    )
    points = sorted(rnd.choices(range(first + 1, last + 1), k=count))
    image, marks, pending = bytearray(size), [], []
    position = 0
    for point in points:
        for kind, offset, data in log[position:point]:
            if kind == b"W":
                pending.append((offset, data))
            elif kind == b"M":
                marks.append(data.decode().strip())
            else:
                _apply(image, pending)
                pending = []
        position = point
        lost = bytearray(image)
        share = rnd.random()
        _apply(lost, [each for each in pending if rnd.random() < share])
        path = (_MEMORY if _MEMORY.is_dir() else folder) / f"crashed-{os.getpid()}"
        path.write_bytes(lost)
        try:
            yield Crash(path, marks[1:])
        finally:
            path.unlink()


@contextlib.contextmanager
def mounted_image(disk: Path, where: Path) -> Iterator[Path]:
    """The file system of a disk image, mounted as after a restart."""
    where.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", disk, where)
    try:
        yield where
    finally:
        _run("umount", where)


def _apply(image: bytearray, writes: list[tuple[int, bytes]]) -> None:
    for offset, data in writes:
        image[offset : offset + len(data)] = data


def _read_log(path: Path) -> Iterator[tuple[bytes, int, bytes]]:
    with path.open("rb") as file:
        while header := file.read(_RECORD.size):
            kind, offset, size = _RECORD.unpack(header)
            yield kind, offset, file.read(size)


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    _LoggingDisk(*map(Path, sys.argv[1:4]), int(sys.argv[4])).serve()
