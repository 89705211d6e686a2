"""Objects: finding and reading what is held, in whatever state somebody left it."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    ContentDamagedError,
    ContentNotFoundError,
    InvalidRangeError,
    LinkedFileChangedError,
    StorageFailedError,
)
from tests.support.samples import LABEL, read_all, sample, sha1_of

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_store.store import Store

SHA1 = "6af826b3d648ccba6b4bbe58e93e22add640d728"
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def test_what_is_not_here_is_not_found(store: Store) -> None:
    assert store.objects.find(SHA1) is None
    with pytest.raises(ContentNotFoundError, match=SHA1):
        store.objects.get(SHA1)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "", ".", "x" * 300])
def test_a_name_that_is_no_sha1_reaches_nothing_outside(store: Store, name: str) -> None:
    try:
        held = store.objects.find(name)
    except StorageFailedError:
        return
    assert held is None or held.path.is_relative_to(store.folder.root / "sha1")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE])
def test_any_range_is_exactly_that_range(store: Store, size: int, data: st.DataObject) -> None:
    content = sample(size)
    held = store.objects.get(store.add_bytes(content, LABEL).sha1)
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size))

    assert store.objects.read(held, start, end) == content[start:end]
    assert store.objects.read(held, start) == content[start:]


def test_a_range_that_is_none_is_refused(store: Store) -> None:
    for size in (0, 10, 2 * CHUNK_SIZE):
        held = store.objects.get(store.add_bytes(sample(size), LABEL).sha1)
        for start, end in ((-1, 0), (0, size + 1), (size + 1, None), (1, 0)):
            with pytest.raises(InvalidRangeError):
                store.objects.read(held, start, end)


@pytest.mark.parametrize("size", [100, 3 * CHUNK_SIZE])
@pytest.mark.parametrize("accident", ["changed", "grown", "shrunk", "removed", "folder", "pipe"])
def test_a_linked_file_that_is_another_now_is_refused(
    store: Store, tmp_path: Path, size: int, accident: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(size))
    content = store.link_file(path, LABEL)
    path.unlink()
    if accident == "changed":
        path.write_bytes(sample(size, "other"))
    elif accident == "grown":
        path.write_bytes(sample(size) + b"more")
    elif accident == "shrunk":
        path.write_bytes(sample(size)[:-1])
    elif accident == "folder":
        path.mkdir()
    elif accident == "pipe":
        os.mkfifo(path)

    with pytest.raises(LinkedFileChangedError) as caught:
        read_all(store, content.sha1)
    with pytest.raises(LinkedFileChangedError):
        store.objects.verified_path(store.objects.get(content.sha1))

    assert caught.value.hint
    assert store.folder.link_path(content.sha1).exists()


def test_a_linked_file_replaced_by_an_endless_device_is_refused(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    content = store.link_file(path, LABEL)
    path.unlink()
    path.symlink_to("/dev/zero")

    with pytest.raises(LinkedFileChangedError):
        read_all(store, content.sha1)


def test_a_linked_file_that_was_put_back_is_loaded_again(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(2 * CHUNK_SIZE))
    content = store.link_file(path, LABEL)
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(LinkedFileChangedError):
        read_all(store, content.sha1)
    (tmp_path / "elsewhere").rename(path)

    assert read_all(store, content.sha1) == sample(2 * CHUNK_SIZE)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{}",
        b"[]",
        b'["a"]',
        b'{"path":null}',
        b'{"path":"a\\u0000b"}',
        b"\xff",
        b"[" * 99_999,
    ],
)
def test_a_link_that_nobody_can_read_is_no_link(store: Store, record: bytes) -> None:
    path = store.folder.link_path(SHA1)
    path.parent.mkdir(parents=True)
    path.write_bytes(record)

    assert store.objects.find(SHA1) is None


def test_a_link_to_a_name_that_is_no_text_works(store: Store, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        path.write_bytes(b"content")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")

    assert read_all(store, store.link_file(path, LABEL).sha1) == b"content"


def test_tables_are_made_for_content_that_has_none(store: Store) -> None:
    data = sample(2 * CHUNK_SIZE + 9)
    content = store.add_bytes(data, LABEL)
    table = store.folder.manifest_path(content.sha1)
    table.unlink()
    store.objects._manifests.clear()

    assert (
        store.objects.read(store.objects.get(content.sha1), CHUNK_SIZE, CHUNK_SIZE + 5)
        == (data[CHUNK_SIZE : CHUNK_SIZE + 5])
    )
    assert table.exists()


@pytest.mark.parametrize("junk", [b"", b"{}", b"\xff\x00", b'{"size":1,"sha1":"%s","chunks":[]}'])
def test_a_table_that_is_wrong_is_made_anew(store: Store, junk: bytes) -> None:
    data = sample(2 * CHUNK_SIZE + 9)
    content = store.add_bytes(data, LABEL)
    table = store.folder.manifest_path(content.sha1)
    right = table.read_bytes()
    table.unlink()
    table.write_bytes(junk)
    store.objects._manifests.clear()

    assert read_all(store, content.sha1) == data
    assert table.read_bytes() == right


def test_reading_needs_no_writing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full or read-only disk, content without a table is still read."""
    data = sample(2 * CHUNK_SIZE)
    content = store.add_bytes(data, LABEL)
    store.folder.manifest_path(content.sha1).unlink()
    store.objects._manifests.clear()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(store.folder), "write_whole", full)

    assert read_all(store, content.sha1) == data


def test_damage_on_a_read_only_disk_is_still_damage(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = store.add_bytes(b"sound", LABEL)
    path = store.folder.object_path(content.sha1)
    path.chmod(0o644)
    path.write_bytes(b"other")

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", read_only)

    with pytest.raises(ContentDamagedError):
        read_all(store, content.sha1)
    assert path.exists()


@pytest.mark.skipif(AS_ROOT, reason="root may read everything")
def test_content_that_may_not_be_read_is_said(store: Store) -> None:
    content = store.add_bytes(b"secret", LABEL)
    store.folder.object_path(content.sha1).chmod(0)

    with pytest.raises(StorageFailedError):
        read_all(store, content.sha1)


def test_a_folder_in_the_place_of_content_is_no_content(store: Store) -> None:
    path = store.folder.object_path(SHA1)
    path.mkdir(parents=True)

    with pytest.raises((ContentDamagedError, StorageFailedError, ContentNotFoundError)):
        read_all(store, SHA1)


def test_many_threads_read_more_contents_than_tables_are_kept(store: Store) -> None:
    data = {sha1_of(each): each for each in (sample(CHUNK_SIZE + 1, n) for n in range(40))}
    store.add_many([(each, LABEL) for each in data.values()])
    problems: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(5):
                for sha1, content in data.items():
                    assert store.objects.read(store.objects.get(sha1), 5, 9) == content[5:9]
        except BaseException as problem:  # noqa: BLE001 - shown below
            problems.append(problem)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []


def test_a_verified_path_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    data = sample(2 * CHUNK_SIZE)
    content = store.add_bytes(data, LABEL)
    held = store.objects.get(content.sha1)
    assert store.objects.verified_path(held).read_bytes() == data

    monkeypatch.setattr(store.objects, "verify", lambda *_: pytest.fail("it was read again"))

    store.objects.verified_path(held)


def test_the_link_record_of_the_newer_kachery_client_is_read(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"linked")
    path = store.folder.link_path(sha1_of(b"linked"))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"path": str(tmp_path / "file"), "manifest_hash": None}))

    assert read_all(store, sha1_of(b"linked")) == b"linked"
