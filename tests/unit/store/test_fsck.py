"""Fsck: it finds what is wrong, only that, and brings the catalog in line with what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE
from kachery_store.fsck import check_store
from tests.support.samples import LABEL, read_all, sample

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_store.store import Store


def test_a_sound_store_is_clean(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(sample(3 * CHUNK_SIZE))
    store.link_file(tmp_path / "file", LABEL)
    store.add_many([(sample(size), LABEL) for size in (0, 1, CHUNK_SIZE, CHUNK_SIZE + 1)])
    progress: list[int] = []

    report = check_store(store, progress.append)

    assert report.is_clean
    assert (report.checked, report.unlisted) == (5, 0)
    assert report.checked_bytes == 5 * CHUNK_SIZE + 2


def test_the_manifest_of_large_content_is_not_taken_for_a_find(store: Store) -> None:
    store.add_bytes(sample(20_000_001), LABEL)

    assert check_store(store).unlisted == 0
    assert store.catalog.totals() == (1, 20_000_001)


def test_damaged_content_is_named_and_set_aside(store: Store) -> None:
    for size in (10, 2 * CHUNK_SIZE):
        content = store.add_bytes(sample(size), LABEL)
        path = store.folder.object_path(content.sha1)
        path.chmod(0o644)
        path.write_bytes(b"damaged")

        report = check_store(store)

        assert report.damaged == [content.sha1]
        assert not report.is_clean
        assert check_store(store).is_clean
        store.add_bytes(sample(size), LABEL)
        assert read_all(store, content.sha1) == sample(size)


def test_a_changed_link_is_named_and_left_alone(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for accident in (lambda: path.write_bytes(b"other"), path.unlink, path.mkdir):
        path.rmdir() if path.is_dir() else None
        path.write_bytes(b"content")
        content = store.link_file(path, LABEL)
        path.unlink() if accident == path.mkdir else None
        accident()

        assert check_store(store).changed_links == [content.sha1]
        assert store.folder.link_path(content.sha1).exists()


def test_content_the_catalog_does_not_know_is_entered(store: Store) -> None:
    content = store.add_bytes(b"content", LABEL)
    store.catalog.forget(content.sha1)

    assert check_store(store, repair=False).unlisted == 1
    assert store.catalog.find(content.sha1) is None
    assert check_store(store).unlisted == 1
    assert store.catalog.totals() == (1, 7)
    assert check_store(store).unlisted == 0


def test_entries_without_content_are_named_and_forgotten(store: Store) -> None:
    content = store.add_bytes(b"content", LABEL)
    store.folder.object_path(content.sha1).unlink()

    assert check_store(store, repair=False).missing == [content.sha1]
    assert check_store(store).missing == [content.sha1]
    assert check_store(store).is_clean


def test_files_that_are_not_ours_are_left_alone(store: Store) -> None:
    for name in ("sha1/README", "sha1/aa/bb/cc/thumbs.db", "sha1/aa/bb/cc/" + "b" * 40):
        path = store.folder.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("theirs")

    report = check_store(store)

    assert report.is_clean
    assert report.checked == 0
    assert (store.folder.root / "sha1/README").read_text() == "theirs"
