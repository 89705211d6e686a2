"""Placing: whatever is in the way, the right bytes end up under the name and stay there."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import HashCollisionError
from kachery_core.manifests import decode_manifest
from kachery_store.folder import Folder
from tests.support.samples import LABEL, read_all, sample

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_store.store import Store


def _damage(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"damaged")


@pytest.mark.parametrize("size", [100, 2 * CHUNK_SIZE])
@pytest.mark.parametrize("how", ["add_bytes", "add_file", "add_many"])
def test_a_damaged_copy_in_the_way_is_set_aside_and_replaced(
    store: Store, tmp_path: Path, size: int, how: str
) -> None:
    data = sample(size)
    content = store.add_bytes(data, LABEL)
    _damage(store.folder.object_path(content.sha1))
    (tmp_path / "file").write_bytes(data)

    if how == "add_many":
        store.add_many([(data, LABEL)])
    elif how == "add_file":
        store.add_file(tmp_path / "file", LABEL)
    else:
        store.add_bytes(data, LABEL)

    assert read_all(store, content.sha1) == data
    assert [path.read_bytes() for path in store.folder.damaged.iterdir()] == [b"damaged"]


def test_a_file_that_is_linked_after_its_copy_was_damaged_is_loaded_from_the_link(
    store: Store, tmp_path: Path
) -> None:
    data = sample(100)
    content = store.add_bytes(data, LABEL)
    _damage(store.folder.object_path(content.sha1))
    (tmp_path / "file").write_bytes(data)

    store.link_file(tmp_path / "file", LABEL)

    assert read_all(store, content.sha1) == data
    assert store.objects.get(content.sha1).is_link


@pytest.mark.parametrize("size", [100, 2 * CHUNK_SIZE])
def test_a_copy_makes_a_link_needless(store: Store, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(size))
    content = store.add_file(path, LABEL)

    store.link_file(path, LABEL)

    assert not store.folder.link_path(content.sha1).exists()


def test_a_file_linked_from_a_new_place_is_found_there(store: Store, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"same")
    two.write_bytes(b"same")
    store.link_file(one, LABEL)
    content = store.link_file(two, LABEL)
    one.unlink()

    assert read_all(store, content.sha1) == b"same"


@pytest.mark.parametrize("size", [0, 10, CHUNK_SIZE + 1])
def test_content_is_read_only_whoever_looks(store: Store, size: int) -> None:
    for sha1 in (
        store.add_bytes(sample(size), LABEL).sha1,
        store.add_many([(sample(size, "many"), LABEL)])[0].sha1,
    ):
        assert stat.S_IMODE(store.folder.object_path(sha1).stat().st_mode) == 0o444


def test_content_of_more_than_a_chunk_has_its_table_beside_it(store: Store, tmp_path: Path) -> None:
    data = sample(2 * CHUNK_SIZE + 1)
    (tmp_path / "file").write_bytes(sample(2 * CHUNK_SIZE + 1, "linked"))
    for content in (store.add_bytes(data, LABEL), store.link_file(tmp_path / "file", LABEL)):
        table = decode_manifest(store.folder.manifest_path(content.sha1).read_bytes())
        assert (table.sha1, table.size, len(table.chunks)) == (content.sha1, len(data), 3)


def test_content_of_one_chunk_needs_no_table(store: Store) -> None:
    content = store.add_bytes(sample(CHUNK_SIZE), LABEL)

    assert not store.folder.manifest_path(content.sha1).exists()


def test_a_batch_that_fails_midway_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kachery_store.placing.sync_all", lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        store.add_many([(b"one", LABEL), (b"two", LABEL)])

    assert not list(store.folder.temporary.iterdir())
    assert store.catalog.totals() == (0, 0)


def test_without_one_sync_for_all_each_file_is_synced(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kachery_store.placing.sync_all", lambda _: False)

    contents = store.add_many([(b"one", LABEL), (b"two", LABEL)])

    assert [read_all(store, content.sha1) for content in contents] == [b"one", b"two"]


@pytest.mark.parametrize("how", ["add_bytes", "add_many"])
def test_of_two_with_one_sha1_at_the_same_moment_the_slower_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    weak = "0" * 40
    for module in ("store", "placing"):
        monkeypatch.setattr(f"kachery_store.{module}.sha1_hex", lambda _: weak)
    final = store.folder.object_path(weak)
    make_parents = Folder.make_parents

    def somebody_is_faster(folder: Folder, path: Path) -> list[str]:
        parents = make_parents(folder, path)
        path.write_bytes(b"the first")
        return parents

    monkeypatch.setattr(Folder, "make_parents", somebody_is_faster)
    many = how == "add_many"
    with pytest.raises(HashCollisionError):
        _ = store.add_many([(b"2nd", LABEL)]) if many else store.add_bytes(b"2nd", LABEL)
    assert final.read_bytes() == b"the first"
    assert not list(store.folder.temporary.iterdir())
