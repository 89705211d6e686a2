"""Shelves: sealed, verified on the way back, found like anything else that is here."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from obstore.store import LocalStore, MemoryStore

from kachery_core.capabilities import content_discovery
from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    BadChunkError,
    ContentNotFoundError,
    InvalidInputError,
    UnavailableError,
)
from kachery_daemon.network.frames import LARGEST_FRAME, Frames
from kachery_daemon.sharing.archive_ledger import ArchiveLedger
from kachery_daemon.sharing.offering import Offering
from kachery_daemon.sharing.shelf import Shelf, ShelfFrames
from kachery_daemon.sharing.shelves import Shelves
from kachery_store import Store
from kachery_store.collection import Collection
from kachery_store.store import Label
from tests.support.samples import sample

SIZES = [0, 10, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 7]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "storage")


@pytest.fixture(params=["memory", "folder"])
def shelf(request, tmp_path):
    if request.param == "memory":
        return Shelf("memory:///", MemoryStore())
    (tmp_path / "bucket").mkdir()
    return Shelf("file:///bucket", LocalStore(tmp_path / "bucket"))


def fetched(store: Store, size: int) -> str:
    sha1 = store.add_bytes(sample(size), Label(fetched=True)).sha1
    store.catalog.archive(sha1, archived=True)
    return sha1


@pytest.mark.parametrize("size", SIZES)
def test_the_same_frames_come_back(store, shelf, size):
    sha1 = fetched(store, size)
    shelved = shelf.put(store, sha1)
    found = ShelfFrames(shelf, shelved)
    with Frames(store, sha1) as frames, found:
        assert (found.size, found.count) == (frames.size, frames.count) == (size, frames.count)
        assert found.length(0, found.count) == frames.length(0, frames.count)
        buffer = bytearray(LARGEST_FRAME)
        for index in range(frames.count):
            assert found.sealed(index) == frames.sealed(index) == bytes(found.fill(index, buffer))
    assert list(shelf.list()) == [content_discovery(sha1)]
    shelf.delete(sha1)
    shelf.delete(sha1)
    assert list(shelf.list()) == []
    with pytest.raises(UnavailableError):
        shelf.read(sha1, 0, 1)


def test_who_keeps_the_bucket_reads_nothing(store, tmp_path):
    (tmp_path / "bucket").mkdir()
    shelf = Shelf(f"file://{tmp_path}/bucket")
    text = b"a secret that is long enough to be found " * 50_000
    sha1 = store.add_bytes(text, Label("secret.txt")).sha1
    shelf.check()
    shelf.put(store, sha1)
    files = [path for path in (tmp_path / "bucket").rglob("*") if path.is_file()]
    assert len(files) == 2
    for path in files:
        assert b"secret" not in path.read_bytes()
        assert sha1 not in str(path)
        assert sha1.encode() not in path.read_bytes()


@pytest.mark.parametrize("size", [10, 2 * CHUNK_SIZE])
@pytest.mark.parametrize("suffix", ["frames", "table"])
def test_what_was_changed_there_is_never_served(store, tmp_path, size, suffix):
    (tmp_path / "bucket").mkdir()
    shelf = Shelf(f"file://{tmp_path}/bucket")
    shelved = shelf.put(store, fetched(store, size))
    paths = list((tmp_path / "bucket").rglob(f"*.{suffix}"))
    if not paths:
        return  # one chunk has no table
    data = bytearray(paths[0].read_bytes())
    data[-1] ^= 1
    paths[0].write_bytes(data)
    with pytest.raises(BadChunkError):
        ShelfFrames(shelf, shelved).sealed(max(-(-size // CHUNK_SIZE), 1) - 1)
    paths[0].write_bytes(data[:5])
    with pytest.raises((BadChunkError, UnavailableError)):
        ShelfFrames(shelf, shelved).sealed(0)


def test_another_table_than_the_one_put_there_is_refused(store, shelf):
    shelved = shelf.put(store, fetched(store, 2 * CHUNK_SIZE))
    with pytest.raises(BadChunkError):
        ShelfFrames(shelf, replace(shelved, table=bytes(32)))


@pytest.mark.parametrize("url", ["", "no url", "ftp://somewhere/else", "file:///no/such/folder"])
def test_what_is_no_object_store_is_refused(url):
    with pytest.raises((InvalidInputError, UnavailableError)):
        Shelf(url).check()


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(UnavailableError) as refused:
        Shelf("s3://bucket")
    assert "kachery-jupyter[s3]" in refused.value.hint


@pytest.mark.parametrize("size", SIZES)
def test_what_left_the_disk_is_offered_and_read_from_the_shelf(store, tmp_path, size):
    (tmp_path / "bucket").mkdir()
    ledger = ArchiveLedger(store.folder.state)
    shelves = Shelves(store, ledger)
    sha1, missing = fetched(store, size), "0" * 40
    offering = Offering(store)
    offering.shelves = shelves
    discovery = content_discovery(sha1)
    url = f"file://{tmp_path}/bucket"
    for _ in range(2):
        shelves.put(url, sha1)
    before = offering.offers([discovery], 0)
    table = offering.table(sha1)
    with Frames(store, sha1) as frames:
        expected = [frames.sealed(index) for index in range(frames.count)]
    Collection(store).let_go([sha1])
    after = offering.offers([discovery, content_discovery(missing)], 0)
    assert [len(answer) for answer in after.answers] == [len(before.answers[0])] == [1]
    assert offering.held(discovery) == sha1
    assert offering.held(content_discovery(missing)) is None
    if size > CHUNK_SIZE:
        assert offering.table(sha1) == table
    for _ in range(2):
        with shelves.frames(sha1) as found:
            assert [found.sealed(index) for index in range(found.count)] == expected
    with pytest.raises(ContentNotFoundError):
        shelves.frames(missing)
    ledger.close()
