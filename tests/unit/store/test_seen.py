"""Seen: a digest is believed only while nothing about the file could have changed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from kachery_store import seen as seen_module
from kachery_store.seen import Seen, is_racy, same_file

SHA1, MANIFEST = "a" * 40, "b" * 40


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    return Seen(tmp_path / "seen.sqlite")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that was written ten seconds ago."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    now = time.time() + 10
    monkeypatch.setattr(seen_module.time, "time", lambda: now)
    return path


def test_an_unchanged_file_is_known(seen: Seen, file: Path) -> None:
    seen.remember(file.stat(), SHA1, MANIFEST)

    assert seen.find(file.stat()) == (SHA1, MANIFEST)


@pytest.mark.parametrize("change", ["content", "size", "times", "mode", "another"])
def test_a_changed_file_is_not(seen: Seen, file: Path, change: str) -> None:
    before = file.stat()
    seen.remember(before, SHA1)
    if change == "content":
        file.write_bytes(b"CONTENT")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "size":
        file.write_bytes(b"more content")
    elif change == "times":
        os.utime(file, (5, 5))
    elif change == "mode":
        file.chmod(0o600)
    else:
        file.with_name("new").write_bytes(b"content")
        file.with_name("new").replace(file)

    assert seen.find(file.stat()) is None


def test_a_file_changed_just_now_is_not_remembered(seen: Seen, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    seen.remember(path.stat(), SHA1)
    assert is_racy(path.stat())
    assert seen.find(path.stat()) is None

    seen.remember(path.stat(), SHA1, is_ours=True)
    assert seen.find(path.stat()) == (SHA1, "")


def test_a_file_from_the_future_is_not_remembered(
    seen: Seen, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the clock was set back."""
    then = file.stat().st_ctime - 1000
    monkeypatch.setattr(seen_module.time, "time", lambda: then)

    seen.remember(file.stat(), SHA1)

    assert seen.find(file.stat()) is None


def test_it_is_looked_at_again_after_a_month(
    seen: Seen, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen.remember(file.stat(), SHA1)
    later = seen_module.time.time() + 31 * 24 * 3600
    monkeypatch.setattr(seen_module.time, "time", lambda: later)

    assert seen.find(file.stat()) is None


def test_huge_inode_numbers_are_kept(seen: Seen) -> None:
    huge = SimpleNamespace(
        st_dev=(1 << 64) - 1,
        st_ino=(1 << 64) - 1,
        st_size=(1 << 63) - 1,
        st_mtime_ns=1,
        st_ctime_ns=1,
    )

    seen.remember(huge, SHA1, is_ours=True)

    assert seen.find(huge) == (SHA1, "")


def test_a_damaged_memory_is_begun_anew(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "memory.sqlite"
    path.write_bytes(b"garbage" * 1000)
    seen = Seen(path)
    assert seen.find(file.stat()) is None

    seen.remember(file.stat(), SHA1, is_ours=True)

    assert seen.find(file.stat()) == (SHA1, "")
    seen.close()


@pytest.mark.parametrize("trouble", ["a folder", "nowhere to be made"])
def test_without_its_memory_it_only_forgets(tmp_path: Path, file: Path, trouble: str) -> None:
    path = tmp_path / "memory.sqlite"
    if trouble == "a folder":
        path.mkdir()
    else:
        path = Path("/proc/nowhere/memory.sqlite")
    seen = Seen(path)

    seen.remember(file.stat(), SHA1)

    assert seen.find(file.stat()) is None
    seen.close()


def test_it_lives_in_the_users_cache_folder(own_computer: Path, file: Path) -> None:
    seen = Seen()
    seen.remember(file.stat(), SHA1)
    seen.close()

    assert list(own_computer.rglob("seen.sqlite"))


def test_the_same_file_is_the_same(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"content")

    assert same_file(file.stat(), file.stat())
    assert not same_file(file.stat(), (tmp_path / "other").stat())
