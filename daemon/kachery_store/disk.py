"""The door to the disk: what makes bytes and names survive a power cut, and its errors.

A file is acknowledged only after the file, the folder that names it and every folder made for it
are synced; leaving out the folder loses the last files on ext4, xfs and btrfs alike.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kachery_core.errors import StorageFailedError, StorageFullError, StorageReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_IS_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _IS_LINUX else None
_SYNC_FILE_RANGE_WRITE = 2  # <fcntl.h>
_FICLONE = 0x40049409  # <linux/fs.h>

_pool: tuple[int, ThreadPoolExecutor] | None = None

_AT_FDCWD = -100  # <fcntl.h>
_RENAME_NOREPLACE = 1  # <linux/fs.h>
_NOT_SUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
# Three folders, the object and its table; what was begun is gone again when we look.
_FILES_OF_ONE_STORE = 5
_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


class NameTakenError(Exception):
    """A file of this name is there already; for this package only."""


@contextmanager
def disk_errors(path: Path, needed_bytes: int | None = None) -> Iterator[None]:
    """Say in the user's words what the operating system says of the storage folder."""
    try:
        yield
    except OSError as problem:
        if problem.errno in _FULL:
            raise storage_full(path, needed_bytes) from problem
        if problem.errno in _READ_ONLY:
            raise StorageReadOnlyError(
                f"The storage folder {path} cannot be written: {problem.strerror}.",
                hint="Set KACHERY_STORAGE_DIR to a folder of your own, or change its permissions.",
                path=str(path),
            ) from problem
        if problem.errno is None:
            raise
        raise StorageFailedError(
            f"The disk of the storage folder {path} failed: {problem.strerror}.",
            hint="Nothing was stored. Look at the disk, then try again.",
            path=str(path),
        ) from problem


def storage_full(path: Path, needed_bytes: int | None) -> StorageFullError:
    """The error for a disk without room for these bytes, or for one more file, with the figures."""
    free = free_bytes(path)
    needed = "" if needed_bytes is None else f" {needed_bytes:,} bytes are needed and"
    trouble = f"is full:{needed} {free:,} bytes are free"
    advice = "Free some space (`kachery gc`, `kachery rm`)"
    files = _free_files(path)
    if files is not None and files < _FILES_OF_ONE_STORE and free > (needed_bytes or 0):
        trouble = f"takes no more files: {files} inodes are free, and {free:,} bytes"
        advice = "Remove files that are not needed, whatever their size,"
    return StorageFullError(
        f"The disk of the storage folder {path} {trouble}.",
        hint=f"{advice} or use another KACHERY_STORAGE_DIR.",
        path=str(path),
        needed_bytes=needed_bytes,
        free_bytes=free,
    )


def _free_files(path: Path) -> int | None:
    """How many files this user may still make; None where there is no fixed number."""
    try:
        status = os.statvfs(path)
    except (OSError, AttributeError):
        return None
    return status.f_favail if status.f_files else None


def free_bytes(path: Path) -> int:
    """Bytes this user may still write on the disk of a path."""
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return 0


def sync_file(descriptor: int) -> None:
    """Put a file's bytes where a power cut cannot take them."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - not on Windows

        # On macOS fsync stops at the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_data(descriptor: int) -> None:
    """Put a file's bytes where a power cut cannot take them; its times may be lost."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        sync_file(descriptor)


def sync_directory(path: Path | str) -> None:
    """Make the names in a folder survive a power cut (Windows has no such call)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def syncing_directories(paths: list[str]) -> Iterator[None]:
    """Sync folders while the block runs; all are synced when it is left.

    File systems merge syncs that are asked for at the same time, so several cost little more
    than one.
    """
    jobs = [_threads().submit(sync_directory, path) for path in paths]
    try:
        yield
    finally:
        for job in jobs:
            job.result()


def sync_all(path: Path) -> bool:
    """Sync the whole file system of a path in one call, where there is such a call."""
    if _libc is None:
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _check(_libc.syncfs(descriptor))
    finally:
        os.close(descriptor)
    return True


def reserve(descriptor: int, size: int) -> None:
    """Take the blocks of a file before it is written, so that a full disk is known at once."""
    if _libc is None or size <= 0:
        return
    if _libc.fallocate(descriptor, 0, ctypes.c_int64(0), ctypes.c_int64(size)) != 0:
        code = ctypes.get_errno()
        if code in _FULL:
            raise OSError(code, os.strerror(code))


def start_writeback(descriptor: int, offset: int, size: int) -> None:
    """Let the disk begin while the next bytes are still being hashed; a hint, never a promise."""
    if _libc is not None:
        _libc.sync_file_range(
            descriptor, ctypes.c_int64(offset), ctypes.c_int64(size), _SYNC_FILE_RANGE_WRITE
        )


def clone(source: int, target: int) -> bool:
    """Share a file's blocks with a new file, where the file system can (btrfs, xfs)."""
    if not _IS_LINUX:
        return False
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def name_new(temporary: Path, final: Path) -> None:
    """Rename a file, but never over another one.

    Raises:
        NameTakenError: somebody was faster.
    """
    if _renamed_in_one_step(temporary, final):
        return
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise NameTakenError(final) from None
    except OSError:
        # No links here either: between this look and the rename somebody may be faster.
        if final.exists():
            raise NameTakenError(final) from None
        os.replace(temporary, final)
    else:
        os.unlink(temporary)


def _renamed_in_one_step(temporary: Path, final: Path) -> bool:
    """Ask Linux to rename unless the name is taken; False where it cannot."""
    if _libc is None or not hasattr(_libc, "renameat2"):
        return False
    names = os.fsencode(temporary), os.fsencode(final)
    if _libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_NOREPLACE) == 0:
        return True
    code = ctypes.get_errno()
    if code == errno.EEXIST:
        raise NameTakenError(final)
    if code not in _NOT_SUPPORTED:
        raise OSError(code, os.strerror(code), str(final))
    return False


def write_all(descriptor: int, data: memoryview) -> None:
    """Write every byte; one call may write fewer than asked."""
    while data:
        data = data[os.write(descriptor, data) :]


def write_all_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write every byte at a place in a file."""
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view = view[count:]
        offset += count


def _threads() -> ThreadPoolExecutor:
    """Threads that only wait for the disk; made anew after a fork."""
    global _pool  # noqa: PLW0603 - one per process
    if _pool is None or _pool[0] != os.getpid():
        _pool = (os.getpid(), ThreadPoolExecutor(4, thread_name_prefix="kachery-sync"))
    return _pool[1]


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
