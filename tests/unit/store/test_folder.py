"""The folder: everything in its place, with the right permissions, whatever the umask."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kachery_core.errors import StorageReadOnlyError, StorageVersionError
from kachery_store.folder import Folder
from kachery_store.seen import Seen
from kachery_store.store import Store
from tests.support.samples import LABEL, read_all, sample

SHA1 = "6af826b3d648ccba6b4bbe58e93e22add640d728"
TWO_CHUNKS = 2 << 20


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_content_is_where_every_kachery_kept_it(tmp_path: Path) -> None:
    folder = Folder(tmp_path)

    assert folder.object_path(SHA1) == tmp_path / "sha1" / "6a" / "f8" / "26" / SHA1
    assert folder.link_path(SHA1).name == f"{SHA1}.link"
    assert folder.manifest_path(SHA1).name == f"{SHA1}.manifest"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_permissions_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store = Store(tmp_path / "storage", seen=Seen(tmp_path / "seen.sqlite"))
        contents = [
            store.add_bytes(b"small", LABEL),
            store.add_bytes(sample(TWO_CHUNKS), LABEL),
            *store.add_many([(b"many", LABEL)]),
        ]
        (tmp_path / "linked").write_bytes(b"linked")
        link = store.link_file(tmp_path / "linked", LABEL)
        store.mutables.set("key", "value")
        store.close()
    finally:
        os.umask(before)

    folder = store.folder
    assert _mode(folder.root) == 0o700
    for path in (folder.state, folder.temporary, folder.trash, folder.damaged):
        assert _mode(path) == 0o700, path
    for content in contents:
        assert _mode(folder.object_path(content.sha1)) == 0o444
        for parent in list(folder.object_path(content.sha1).parents)[:4]:
            assert _mode(parent) == 0o755, parent
    assert _mode(folder.link_path(link.sha1)) == 0o644
    assert _mode(folder.manifest_path(contents[1].sha1)) == 0o444
    for path in folder.state.iterdir():
        assert _mode(path) & 0o077 == 0, path


def test_preparing_twice_changes_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "storage")
    folder.prepare()
    before = {path: path.stat().st_ino for path in folder.root.rglob("*")}
    folder.prepare()

    assert {path: path.stat().st_ino for path in folder.root.rglob("*")} == before
    assert (folder.root / "kachery-store-version").read_text() == "1\n"


@pytest.mark.parametrize("version", [b"2\n", b"99", b"newest", b"\xff\xfe", b"", b"9" * 4000])
@pytest.mark.parametrize("writable", [True, False])
def test_a_folder_of_a_newer_kachery_is_refused_untouched(
    tmp_path: Path, version: bytes, writable: bool
) -> None:
    (tmp_path / "kachery-store-version").write_bytes(version)

    with pytest.raises(StorageVersionError) as caught:
        Store(tmp_path, writable=writable, seen=Seen(tmp_path.parent / "seen.sqlite"))

    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["kachery-store-version"]


def test_a_folder_that_cannot_be_made_is_said() -> None:
    with pytest.raises((StorageReadOnlyError, Exception)) as caught:
        Folder(Path("/proc/kachery")).prepare()

    assert getattr(caught.value, "hint", "")


def test_a_small_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    folder.prepare()
    folder.write_whole(tmp_path / "file", b"one")

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        folder.write_whole(tmp_path / "file", b"two")

    assert (tmp_path / "file").read_bytes() == b"one"
    assert not list(folder.temporary.iterdir())


def test_every_new_folder_is_synced_and_so_is_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    folder.prepare()
    synced: list[str] = []
    for module in ("folder", "disk"):
        monkeypatch.setattr(
            f"kachery_store.{module}.sync_directory", lambda path: synced.append(str(path))
        )
    descriptor, temporary = folder.new_temporary()
    final = folder.object_path(SHA1)

    folder.place(temporary, final, descriptor)
    os.close(descriptor)

    sha1 = str(tmp_path / "sha1")
    assert set(synced) == {sha1, f"{sha1}/6a", f"{sha1}/6a/f8", f"{sha1}/6a/f8/26"}
    assert synced[-1] == f"{sha1}/6a/f8/26"


def test_folders_that_vanish_are_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "storage", seen=Seen(tmp_path / "seen.sqlite"))
    content = store.add_bytes(b"content", LABEL)
    path = store.folder.object_path(content.sha1)
    path.unlink()
    for parent in list(path.parents)[:3]:
        parent.rmdir()
    store.add_bytes(b"content", LABEL)

    assert read_all(store, content.sha1) == b"content"
    store.close()
