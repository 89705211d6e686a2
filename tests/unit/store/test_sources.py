"""Sources: a file of the user's is opened, or it is said in plain words why not."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from kachery_core.errors import (
    InvalidPathError,
    PathIsFolderError,
    PathNotFoundError,
    PathUnreadableError,
    StorageFullError,
)
from kachery_store.sources import open_source


def _open(path: Path) -> bytes:
    with open_source(path) as descriptor:
        return os.read(descriptor, 100)


def test_a_file_is_opened_and_so_is_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")

    assert _open(tmp_path / "file") == _open(tmp_path / "link") == b"content"


@pytest.mark.parametrize(
    ("name", "error_class"),
    [
        ("nothing", PathNotFoundError),
        ("file/below", InvalidPathError),
        ("folder", PathIsFolderError),
        ("pipe", InvalidPathError),
        ("socket", InvalidPathError),
        ("dangling", PathNotFoundError),
        ("loop", InvalidPathError),
        ("x" * 300, InvalidPathError),
        ("a\0b", InvalidPathError),
    ],
)
def test_what_cannot_be_stored_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error_class: type[Exception]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"")
    Path("folder").mkdir()
    os.mkfifo("pipe")
    Path("dangling").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(error_class):
            _open(Path(name))


def test_a_device_is_no_file() -> None:
    with pytest.raises(InvalidPathError, match="not a regular file"):
        _open(Path("/dev/zero"))


def test_a_disk_that_fails_under_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with pytest.raises(PathUnreadableError, match="Input/output"), open_source(tmp_path / "file"):
        raise OSError(5, "Input/output error")
    with pytest.raises(StorageFullError), open_source(tmp_path / "file"):
        raise StorageFullError("Full.")
