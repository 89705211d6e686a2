"""Collection: what is let go can come back, and nothing is let go that must stay."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import ContentNotFoundError
from kachery_store.collection import Collection
from kachery_store.fsck import check_store
from kachery_store.store import Label
from tests.support.samples import LABEL, read_all, sample, sha1_of

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_store.store import Store

FETCHED = Label(name="fetched", fetched=True)


@pytest.mark.parametrize("size", [0, 10, 2 * CHUNK_SIZE])
@pytest.mark.parametrize("is_link", [False, True])
def test_what_was_removed_comes_back(
    store: Store, tmp_path: Path, size: int, is_link: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(sample(size))
    content = (store.link_file if is_link else store.add_file)(path, LABEL)
    collection = Collection(store)

    entry = collection.remove(content.sha1)

    assert entry is not None
    assert entry.name == LABEL.name
    with pytest.raises(ContentNotFoundError):
        store.objects.get(content.sha1)
    assert store.catalog.totals() == (0, 0)
    collection.restore(content.sha1)
    assert read_all(store, content.sha1) == sample(size)
    assert store.objects.stored_manifest(content.sha1) is not None or size <= CHUNK_SIZE
    assert store.catalog.totals() == (1, size)
    assert path.exists()


def test_what_is_not_here_cannot_be_removed_or_restored(store: Store) -> None:
    for call in (Collection(store).remove, Collection(store).restore):
        with pytest.raises(ContentNotFoundError):
            call("0" * 40)


def test_storing_again_is_as_good_as_restoring(store: Store) -> None:
    content = store.add_bytes(b"content", LABEL)
    collection = Collection(store)
    collection.remove(content.sha1)
    store.add_bytes(b"content", LABEL)

    collection.empty_trash(0, dry_run=False)

    assert read_all(store, content.sha1) == b"content"
    assert store.catalog.totals() == (1, 7)


def test_only_fetched_and_unpinned_content_is_let_go(store: Store) -> None:
    own = store.add_bytes(sample(1000, "own"), LABEL)
    pinned, old, new = (store.add_bytes(sample(1000, n), FETCHED) for n in ("p", "o", "n"))
    store.catalog.pin(pinned.sha1, pinned=True)
    store.catalog.note_use(new.sha1)
    collection = Collection(store)

    assert [entry.sha1 for entry in collection.collect(2000)] == [old.sha1]
    assert read_all(store, old.sha1)
    collection.collect(2000, dry_run=False)

    assert store.objects.find(old.sha1) is None
    assert all(store.objects.find(each.sha1) for each in (own, pinned, new))
    collection.collect(0, dry_run=False)
    assert all(store.objects.find(each.sha1) for each in (own, pinned))
    assert store.objects.find(new.sha1) is None


def test_the_trash_is_emptied_only_of_what_is_old(store: Store) -> None:
    content = store.add_bytes(sample(2 * CHUNK_SIZE), LABEL)
    collection = Collection(store)
    collection.remove(content.sha1)

    assert collection.empty_trash(dry_run=False) == []
    assert [entry.sha1 for entry in collection.empty_trash(0)] == [content.sha1]
    collection.restore(content.sha1)
    collection.remove(content.sha1)
    collection.empty_trash(0, dry_run=False)

    assert list(store.folder.trash.iterdir()) == []
    assert store.catalog.find(content.sha1) is None
    with pytest.raises(ContentNotFoundError):
        collection.restore(content.sha1)


def test_content_that_is_gone_is_forgotten_rather_than_removed(store: Store) -> None:
    content = store.add_bytes(b"fetched", FETCHED)
    store.folder.object_path(content.sha1).unlink()

    Collection(store).collect(0, dry_run=False)

    assert store.catalog.find(content.sha1) is None


def _remove_again_and_again(
    store: Store, sha1: str, looking: threading.Lock, stopping: threading.Event
) -> None:
    collection = Collection(store)
    while not stopping.is_set():
        with looking, contextlib.suppress(ContentNotFoundError):
            collection.remove(sha1)
    store.close()


@pytest.mark.timeout(120)
def test_storing_and_removing_at_once_never_breaks_a_promise(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was just stored is there until the next removal begins: 2 x 150 rounds."""
    later = time.time() + 10
    monkeypatch.setattr("kachery_store.seen.time.time", lambda: later)
    path = tmp_path / "file"
    path.write_bytes(sample(5000))
    sha1 = sha1_of(sample(5000))
    looking, stopping = threading.Lock(), threading.Event()
    with ThreadPoolExecutor(3) as pool:
        remover = pool.submit(_remove_again_and_again, store, sha1, looking, stopping)
        unlocked = pool.submit(lambda: [store.add_file(path, LABEL) for _ in range(150)])
        for _ in range(150):
            store.add_bytes(sample(5000), LABEL)
        for _ in range(20):
            with looking:
                store.add_file(path, LABEL)
                assert read_all(store, sha1) == sample(5000)
                assert store.catalog.find(sha1).trashed_at is None
        assert {content.sha1 for content in unlocked.result()} == {sha1}
        stopping.set()
        remover.result()

    report = check_store(store)
    assert (report.damaged, report.unreadable, report.missing) == ([], [], [])
