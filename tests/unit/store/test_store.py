"""The store as its users see it: what goes in comes out, under the name it must have."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    ContentNotFoundError,
    PathIsFolderError,
    PathNotFoundError,
    StorageReadOnlyError,
)
from kachery_store import store as store_module
from kachery_store.fsck import check_store
from kachery_store.seen import Seen
from kachery_store.store import Content, Label, Store
from tests.support.samples import (
    BOUNDARY_SIZES,
    LABEL,
    LARGE_SIZES,
    leftovers,
    object_files,
    read_all,
    sample,
    sha1_of,
    wrong_files,
)
from tests.support.writers import store_at

SIZES = (*BOUNDARY_SIZES, *LARGE_SIZES)


def _age(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if some seconds had passed since the files of the test were written."""
    later = time.time() + 10
    monkeypatch.setattr("kachery_store.seen.time.time", lambda: later)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("how", ["add_bytes", "add_buffers", "add_file", "link_file", "add_many"])
def test_content_of_any_size_comes_back_as_it_was(
    store: Store, tmp_path: Path, size: int, how: str
) -> None:
    data = sample(size)
    path = tmp_path / "file"
    path.write_bytes(data)

    if how == "add_bytes":
        content = store.add_bytes(data, LABEL)
    elif how == "add_buffers":
        view = memoryview(data)
        content = store.add_buffers([view[: size // 3], view[size // 3 :]], size, LABEL)
    elif how == "add_many":
        (content,) = store.add_many([(data, LABEL)])
    else:
        content = getattr(store, how)(path, LABEL)

    assert (content.sha1, content.size) == (sha1_of(data), size)
    assert bool(content.manifest) == (size > 20_000_000)
    assert read_all(store, content.sha1) == data
    assert leftovers(store.folder.root) == []
    assert store.catalog.find(content.sha1).size == size


def test_the_manifest_of_large_content_is_content_itself(store: Store) -> None:
    content = store.add_bytes(sample(20_000_001), LABEL)

    table = json.loads(read_all(store, content.manifest))

    assert sha1_of(read_all(store, content.manifest)) == content.manifest
    assert (table["size"], table["sha1"]) == (20_000_001, content.sha1)
    assert table["chunks"][-1]["end"] == 20_000_001


def test_storing_twice_keeps_one_copy(store: Store) -> None:
    for size in (10, 2 * CHUNK_SIZE):
        first = store.add_bytes(sample(size), LABEL)
        inode = store.folder.object_path(first.sha1).stat().st_ino
        second = store.add_bytes(sample(size), Label(name="other"))

        assert first == second
        assert store.folder.object_path(first.sha1).stat().st_ino == inode
        assert store.catalog.find(first.sha1).name == "other"
    assert store.catalog.totals() == (2, 10 + 2 * CHUNK_SIZE)


@pytest.mark.parametrize("size", [10, 2 * CHUNK_SIZE])
def test_an_unchanged_file_is_not_read_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(size))
    _age(monkeypatch)
    first = store.add_file(path, LABEL)

    monkeypatch.setattr(store_module, "pump", lambda *_: pytest.fail("it was read"))

    assert store.add_file(path, LABEL) == first


def test_a_changed_file_is_stored_anew(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    _age(monkeypatch)
    first = store.add_file(path, LABEL)
    status = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    second = store.add_file(path, LABEL)

    assert (first.sha1, second.sha1) == (sha1_of(b"one"), sha1_of(b"two"))


def test_a_touched_file_keeps_its_name(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    _age(monkeypatch)
    first = store.add_file(path, LABEL)
    os.utime(path, (1, 1))

    assert store.add_file(path, LABEL) == first


def test_a_file_that_was_removed_from_the_store_is_stored_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(20_000_001))
    _age(monkeypatch)
    content = store.add_file(path, LABEL)
    for sha1 in (content.sha1, content.manifest):
        store.folder.object_path(sha1).unlink()

        assert store.add_file(path, LABEL) == content
        assert store.objects.find(sha1) is not None


def test_a_file_rewritten_at_once_is_never_taken_for_the_old_one(
    store: Store, tmp_path: Path
) -> None:
    """Times tick slowly: several versions may carry the same."""
    path = tmp_path / "file"
    for version in range(200):
        data = b"%05d" % version
        path.write_bytes(data)
        os.utime(path, (1, 1))
        assert store.add_file(path, LABEL).sha1 == sha1_of(data)


def test_a_file_that_grows_while_it_is_stored_is_stored_as_it_was_read(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(3 * CHUNK_SIZE))
    grown: list[int] = []

    def grow(count: int) -> None:
        if not grown:
            with path.open("ab") as file:
                file.write(sample(CHUNK_SIZE))
        grown.append(count)

    content = store.add_file(path, LABEL, grow)

    assert content.size == 4 * CHUNK_SIZE
    assert sha1_of(read_all(store, content.sha1)) == content.sha1
    assert wrong_files(store.folder.root) == []


def test_a_file_that_shrinks_while_it_is_stored_is_stored_as_it_was_read(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(4 * CHUNK_SIZE))

    content = store.add_file(path, LABEL, lambda _: os.truncate(path, 2 * CHUNK_SIZE))

    assert sha1_of(read_all(store, content.sha1)) == content.sha1
    assert wrong_files(store.folder.root) == []


def test_shared_blocks_are_not_used_when_the_file_changes_meanwhile(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On btrfs and xfs a copy shares the blocks of its source at one moment."""
    path = tmp_path / "file"
    path.write_bytes(sample(3 * CHUNK_SIZE))
    _age(monkeypatch)

    def clone(source: int, target: int) -> bool:
        os.pwrite(target, os.pread(source, 1 << 30, 0), 0)
        return True

    monkeypatch.setattr("kachery_store.ingest.clone", clone)

    def change(_: int) -> None:
        if path.read_bytes() == sample(3 * CHUNK_SIZE):
            with path.open("r+b") as file:
                file.seek(2 * CHUNK_SIZE)
                file.write(b"changed")

    content = store.add_file(path, LABEL, change)

    assert wrong_files(store.folder.root) == []
    assert sha1_of(read_all(store, content.sha1)) == content.sha1


@pytest.mark.parametrize("size", [0, CHUNK_SIZE, 3 * CHUNK_SIZE + 1])
def test_shared_blocks_hold_the_same_content(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(size))
    _age(monkeypatch)
    monkeypatch.setattr(
        "kachery_store.ingest.clone",
        lambda source, target: os.pwrite(target, os.pread(source, 1 << 30, 0), 0) >= 0,
    )

    assert read_all(store, store.add_file(path, LABEL).sha1) == sample(size)


def test_progress_adds_up_to_the_size(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(3 * CHUNK_SIZE + 7))
    for how in (store.add_file, store.link_file):
        seen: list[int] = []
        how(path, LABEL, seen.append)
        assert sum(seen) == 3 * CHUNK_SIZE + 7


def test_a_linked_file_stays_where_it_is(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(2 * CHUNK_SIZE))

    content = store.link_file(path, LABEL)

    assert list(object_files(store.folder.root)) == []
    assert store.objects.get(content.sha1).path == path
    record = json.loads(store.folder.link_path(content.sha1).read_text())
    assert record["path"] == str(path)
    assert record["stat"] == {"size": 2 * CHUNK_SIZE, "mtime": path.stat().st_mtime}


def test_a_relative_path_is_linked_as_an_absolute_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"linked")
    monkeypatch.chdir(tmp_path)
    content = store.link_file(Path("file"), LABEL)
    monkeypatch.chdir("/")

    assert read_all(store, content.sha1) == b"linked"


@pytest.mark.parametrize("size", [9, 2 * CHUNK_SIZE])
@pytest.mark.parametrize("accident", ["gone", "changed", "a folder", "nothing"])
def test_content_that_was_linked_can_be_stored_whatever_became_of_the_file(
    store: Store, tmp_path: Path, size: int, accident: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(size))
    content = store.link_file(path, LABEL)
    if accident != "nothing":
        path.unlink()
    if accident == "changed":
        path.write_bytes(sample(size, "other"))
    if accident == "a folder":
        path.mkdir()

    assert store.add_bytes(sample(size), LABEL) == content
    assert read_all(store, content.sha1) == sample(size)
    assert not store.objects.get(content.sha1).is_link


def test_many_are_stored_at_once_with_doubles_and_giants(store: Store) -> None:
    data = [sample(size) for size in (0, 1, 5, 5, CHUNK_SIZE + 1, CHUNK_SIZE, 0)]

    contents = store.add_many([(each, LABEL) for each in data])

    assert [content.sha1 for content in contents] == [sha1_of(each) for each in data]
    assert [read_all(store, content.sha1) for content in contents] == data
    assert store.add_many([]) == []


def test_what_cannot_be_stored_is_said(store: Store, tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError):
        store.add_file(tmp_path / "nothing", LABEL)
    with pytest.raises(PathIsFolderError):
        store.link_file(tmp_path, LABEL)
    assert leftovers(store.folder.root) == []


def test_a_guest_reads_and_does_not_write(store: Store, tmp_path: Path) -> None:
    content = store.add_bytes(b"shared", LABEL)
    guest = Store(store.folder.root, writable=False, seen=Seen(tmp_path / "guest.sqlite"))

    assert read_all(guest, content.sha1) == b"shared"
    path = tmp_path / "file"
    path.write_bytes(b"x")
    for write in (
        lambda: guest.add_bytes(b"x", LABEL),
        lambda: guest.add_bytes(sample(2 * CHUNK_SIZE), LABEL),
        lambda: guest.add_file(path, LABEL),
        lambda: guest.link_file(path, LABEL),
        lambda: guest.add_many([(b"x", LABEL)]),
    ):
        with pytest.raises(StorageReadOnlyError):
            write()


def test_the_storage_folder_of_a_kachery_daemon_is_served_as_it_is(tmp_path: Path) -> None:
    """Objects 0644, links of the daemon, no tables, no version, other people's files beside."""
    root = tmp_path / "kachery-storage"
    linked = tmp_path / "linked.bin"
    linked.write_bytes(sample(2 * CHUNK_SIZE, "linked"))
    for data in (b"", b"some-random-text", sample(2 * CHUNK_SIZE + 5)):
        sha1 = sha1_of(data)
        path = root / "sha1" / sha1[:2] / sha1[2:4] / sha1[4:6] / sha1
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        path.chmod(0o644)
    sha1 = sha1_of(linked.read_bytes())
    record = root / "sha1" / sha1[:2] / sha1[2:4] / sha1[4:6] / f"{sha1}.link"
    record.parent.mkdir(parents=True)
    record.write_text(
        json.dumps(
            {
                "path": str(linked),
                "manifestSha1": "0" * 40,
                "stat": {"size": 1, "mtime": 1.5},
                "_writingProcess": "daemon",
            }
        )
    )
    for name in ("feeds.db", "private.pem", "kachery-node-id", "kachery.yaml"):
        (root / name).write_text("theirs")

    guest = Store(root, writable=False, seen=Seen(tmp_path / "guest.sqlite"))
    owner = Store(root, seen=Seen(tmp_path / "owner.sqlite"))
    for store in (guest, owner):
        for data in (b"", b"some-random-text", sample(2 * CHUNK_SIZE + 5), linked.read_bytes()):
            assert read_all(store, sha1_of(data)) == data
            held = store.objects.get(sha1_of(data))
            assert store.objects.verified_path(held).read_bytes() == data
    content = owner.add_bytes(b"some-random-text", LABEL)
    path = owner.folder.object_path(content.sha1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert (root / "private.pem").read_text() == "theirs"


def test_two_processes_share_a_store(store: Store) -> None:
    program = (
        "import sys; from pathlib import Path; from kachery_store.store import *;"
        "s = Store(Path(sys.argv[1])); print(s.add_bytes(b'theirs', Label('t')).sha1);"
        "s.mutables.set('key', [1])"
    )
    ours = store.add_bytes(b"ours", LABEL)
    done = subprocess.run(
        [sys.executable, "-c", program, str(store.folder.root)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert read_all(store, done.stdout.strip()) == b"theirs"
    assert store.mutables.get("key") == [1]
    assert {entry.sha1 for entry in store.catalog.search()} == {ours.sha1, done.stdout.strip()}


def test_many_threads_store_the_same_and_different_content(store: Store) -> None:
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(30):
                for data in (b"same %d" % i, b"own %d %d" % (number, i)):
                    content = store.add_bytes(data, LABEL)
                    assert read_all(store, content.sha1) == data
            store.close()
        except BaseException as problem:  # noqa: BLE001 - shown below
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert store.catalog.totals()[0] == 30 * 9
    assert leftovers(store.folder.root) == []


def test_what_is_thrown_inside_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(3 * CHUNK_SIZE))

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add_file(path, LABEL, interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.add_buffers([memoryview(path.read_bytes())], 3 * CHUNK_SIZE, LABEL, interrupt)

    assert leftovers(store.folder.root) == []
    assert list(object_files(store.folder.root)) == []


def test_a_store_in_a_folder_that_was_emptied_goes_on(store: Store) -> None:
    """Somebody made room with rm while a notebook was open."""
    content = store.add_bytes(b"content", LABEL)
    for parent in (2, 1, 0):
        folder = store.folder.object_path(content.sha1).parents[parent]
        subprocess.run(["rm", "-rf", str(folder)], check=True)
        with pytest.raises(ContentNotFoundError):
            read_all(store, content.sha1)

        store.add_bytes(b"content", LABEL)

        assert read_all(store, content.sha1) == b"content"


def test_a_damaged_catalog_stops_nobody_and_is_made_again_by_fsck(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_at(tmp_path / "storage")
    before = store.add_bytes(b"before", LABEL)
    store.close()
    catalog = store.folder.state / "catalog.sqlite"
    catalog.write_bytes(b"garbage" * 1000)

    store = store_at(tmp_path / "storage")
    after = store.add_bytes(b"after", LABEL)

    assert read_all(store, before.sha1) == b"before"
    assert store.catalog.all_sha1() == [after.sha1]
    assert [path.read_bytes() for path in store.folder.state.glob("catalog.sqlite.damaged-*")] == [
        b"garbage" * 1000
    ]
    assert "kachery fsck" in caplog.text
    assert check_store(store).unlisted == 1
    assert sorted(store.catalog.all_sha1()) == sorted([before.sha1, after.sha1])
    store.close()


def test_a_content_says_what_was_stored(store: Store) -> None:
    assert store.add_bytes(b"some-random-text", LABEL) == Content(
        "6af826b3d648ccba6b4bbe58e93e22add640d728", 16, ""
    )
