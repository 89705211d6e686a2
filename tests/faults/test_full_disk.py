"""Disks that are full, read-only or limited: a clear error, nothing left over, and on it goes."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import resource
import signal
from typing import TYPE_CHECKING

import pytest

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    KacheryError,
    StorageFailedError,
    StorageFullError,
    StorageReadOnlyError,
)
from tests.support.faulty_disk import filled, remount, small_disk, why_no_mounts
from tests.support.samples import LABEL, leftovers, read_all, sample, wrong_files
from tests.support.writers import OPERATIONS, store_at, store_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kachery_store.store import Store

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(why_no_mounts()), reason=why_no_mounts() or "disks can be mounted"),
]


def _writers(store: Store, folder: Path, data: bytes) -> dict[str, Callable[[], object]]:
    source = folder / "source"
    source.write_bytes(data)
    return {
        "add_bytes": lambda: store.add_bytes(data, LABEL),
        "add_file": lambda: store.add_file(source, LABEL),
        "add_many": lambda: store.add_many([(data[: len(data) // 2], LABEL), (data, LABEL)]),
        "link_file": lambda: store.link_file(source, LABEL),
    }


def _check_sound(store: Store, kept: dict[str, bytes]) -> None:
    root = store.folder.root
    assert leftovers(root) == []
    assert wrong_files(root) == []
    assert all(read_all(store, sha1) == data for sha1, data in kept.items())


def test_200_times_a_disk_runs_full_and_has_room_again(tmp_path: Path) -> None:
    """8 MB, filled up to a random byte; storing fails or not, and always works afterwards."""
    seed = 20261120
    print(f"seed {seed}")
    rnd = random.Random(seed)
    refused = 0
    with small_disk(tmp_path / "disk", "size=8m") as disk:
        store = store_at(disk / "work" / "storage")
        early = store.add_bytes(b"early", LABEL)
        kept = {early.sha1: b"early"}
        for _ in range(200):
            data = rnd.randbytes(rnd.choice([0, 10, 5000, CHUNK_SIZE, CHUNK_SIZE + 1, 2_500_000]))
            operation = rnd.choice(["add_bytes", "add_file", "add_many"])
            store_it = _writers(store, tmp_path, data)[operation]
            with filled(disk, leaving=rnd.choice([0, 0, 4096, 30_000, len(data), 2 * len(data)])):
                refused += _is_refused(store_it)
                _check_sound(store, kept)
            store_it()
            _empty(store, kept)
        store.close()

    print(f"{refused} of 200 were refused")
    assert refused > 50


def _is_refused(store_it: Callable[[], object]) -> bool:
    try:
        store_it()
    except StorageFullError:
        return True
    return False


def _empty(store: Store, kept: dict[str, bytes]) -> None:
    """Make room: everything but what was there first."""
    _check_sound(store, kept)
    for path in (store.folder.root / "sha1").glob("*/*/*/*"):
        if path.name not in kept:
            path.unlink()


def test_content_larger_than_the_disk_is_refused_with_the_figures(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=8m") as disk:
        store = store_at(disk / "work" / "storage")
        with pytest.raises(StorageFullError, match="20,000,001 bytes are needed") as caught:
            store.add_bytes(sample(20_000_001), LABEL)

        assert caught.value.fields["needed_bytes"] == 20_000_001
        assert 0 < caught.value.fields["free_bytes"] < 8 << 20
        _check_sound(store, {})
        store.close()


def test_an_upload_of_unknown_size_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=8m") as disk:
        store = store_at(disk / "work" / "storage")

        def upload() -> None:
            with store.ingesting(None) as ingest:
                for number in range(20):
                    ingest.write(memoryview(sample(CHUNK_SIZE, number)))

        with pytest.raises(StorageFullError):
            upload()
        _check_sound(store, {})
        assert read_all(store, store.add_bytes(b"small", LABEL).sha1) == b"small"
        store.close()


def test_a_disk_without_room_for_names_is_said(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=8m,nr_inodes=60") as disk:
        store = store_at(disk / "work" / "storage")
        kept: dict[str, bytes] = {}

        def store_many() -> None:
            for number in range(100):
                data = sample(10, number)
                kept[store.add_bytes(data, LABEL).sha1] = data

        with pytest.raises(StorageFullError, match="takes no more files") as caught:
            store_many()
        assert caught.value.fields["free_bytes"] > 1 << 20
        assert kept
        _check_sound(store, kept)
        for sha1 in list(kept):
            store.folder.object_path(sha1).unlink()
            store.folder.object_path(sha1).parent.rmdir()
        assert store.add_bytes(b"again", LABEL)
        store.close()


def test_a_disk_that_turns_read_only_is_still_read(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=30m") as disk:
        data = sample(3 * CHUNK_SIZE)
        kept = _stored_by_another_process(disk / "work" / "storage", b"early", data)
        store = store_at(disk / "work" / "storage")
        store.folder.manifest_path(list(kept)[1]).unlink()
        store.close()  # a disk with a file open for writing stays as it is
        remount(disk, "ro")
        try:
            for size in (10, 2 * CHUNK_SIZE):
                for write in _writers(store, tmp_path, sample(size, "late")).values():
                    with pytest.raises(StorageReadOnlyError) as caught:
                        write()
                    assert caught.value.hint
            for sha1, content in kept.items():
                assert read_all(store, sha1) == content
                assert store.objects.verified_path(store.objects.get(sha1))
            with pytest.raises(KacheryError):
                store.mutables.set("key", 1)
        finally:
            remount(disk, "rw")
        assert read_all(store, store.add_bytes(b"late", LABEL).sha1) == b"late"
        _check_sound(store, kept)
        store.close()


def _stored_by_another_process(root: Path, *contents: bytes) -> dict[str, bytes]:
    """What is stored, by its name; as long as a process writes, it keeps a lock open."""
    process = multiprocessing.get_context("spawn").Process(target=_store, args=(root, contents))
    process.start()
    process.join()
    assert process.exitcode == 0
    return {hashlib.sha1(content).hexdigest(): content for content in contents}


def _store(root: Path, contents: tuple[bytes, ...]) -> None:
    store = store_at(root)
    for content in contents:
        store.add_bytes(content, LABEL)
    store.close()


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_limit_on_the_size_of_files_is_said(tmp_path: Path, operation: str) -> None:
    store = store_at(tmp_path / "storage")
    store_once(store, operation, b"small")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writers = _writers(store, tmp_path, sample(3 * CHUNK_SIZE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * CHUNK_SIZE, limits[1]))
    try:
        if operation == "link_file":
            writers[operation]()
        else:
            with pytest.raises((StorageFailedError, StorageFullError)) as caught:
                writers[operation]()
            assert os.strerror(27) in str(caught.value)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)

    _check_sound(store, {})
    writers[operation]()
    store.close()
