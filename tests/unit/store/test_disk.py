"""The disk: its errors in plain words, and nothing acknowledged before it is safe."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from kachery_core.errors import (
    KacheryError,
    StorageFailedError,
    StorageFullError,
    StorageReadOnlyError,
)
from kachery_store import disk

if TYPE_CHECKING:
    from pathlib import Path


def _fail_with(code: int, path: Path) -> None:
    with disk.disk_errors(path, 100):
        raise OSError(code, os.strerror(code))


@pytest.mark.parametrize(
    ("code", "error_class"),
    [
        (errno.ENOSPC, StorageFullError),
        (errno.EDQUOT, StorageFullError),
        (errno.EROFS, StorageReadOnlyError),
        (errno.EACCES, StorageReadOnlyError),
        (errno.EPERM, StorageReadOnlyError),
        (errno.EIO, StorageFailedError),
        (errno.EMFILE, StorageFailedError),
    ],
)
def test_the_operating_systems_words_become_ours(
    tmp_path: Path, code: int, error_class: type[KacheryError]
) -> None:
    with pytest.raises(error_class) as caught:
        _fail_with(code, tmp_path)

    assert str(tmp_path) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("files", "free_files", "said"),
    [(0, 0, "is full: 100 bytes are needed"), (9, 5, "is full: 100"), (9, 4, "4 inodes are free")],
)
def test_a_full_disk_says_what_there_is_none_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, free_files: int, said: str
) -> None:
    status = os.statvfs_result((4096, 4096, 9, 9, 9, files, free_files, free_files, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: status)

    with pytest.raises(StorageFullError, match=said):
        _fail_with(errno.ENOSPC, tmp_path)


def test_errors_of_ours_pass_as_they_are(tmp_path: Path) -> None:
    original = StorageFullError("Full.")
    with pytest.raises(StorageFullError) as caught, disk.disk_errors(tmp_path):
        raise original

    assert caught.value is original


def test_a_write_that_takes_less_than_given_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    with (tmp_path / "file").open("wb") as file:
        disk.write_all(file.fileno(), memoryview(b"0123456789" * 10))

    assert (tmp_path / "file").read_bytes() == b"0123456789" * 10


def test_room_is_taken_before_anything_is_written(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        disk.reserve(file.fileno(), 0)
        disk.reserve(file.fileno(), 8192)
    assert (tmp_path / "file").stat().st_size in (0, 8192)


def test_syncing_folders_reports_what_failed(tmp_path: Path) -> None:
    disk.sync_directory(tmp_path)
    assert disk.sync_all(tmp_path) in (True, False)
    with disk.syncing_directories([str(tmp_path)]):
        pass
    with (
        pytest.raises(FileNotFoundError),
        disk.syncing_directories([str(tmp_path), str(tmp_path / "nowhere")]),
    ):
        pass


def test_free_space_of_nowhere_is_none(tmp_path: Path) -> None:
    assert disk.free_bytes(tmp_path) > 0
    assert disk.free_bytes(tmp_path / "nowhere") == 0
