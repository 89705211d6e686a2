"""Verified files: they behave as files do, and outlive what happens to the store."""

from __future__ import annotations

import io
import os
import random
from typing import TYPE_CHECKING

import pytest

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import ContentDamagedError
from kachery_store.collection import Collection
from kachery_store.verified_file import open_verified
from tests.support.samples import LABEL, sample

if TYPE_CHECKING:
    from kachery_store.store import Store


def _open(store: Store, data: bytes) -> io.BufferedReader:
    return open_verified(store.objects, store.objects.get(store.add_bytes(data, LABEL).sha1))


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 5])
def test_it_does_what_a_file_in_memory_does(store: Store, size: int) -> None:
    rnd = random.Random(size)
    data = sample(size)
    with _open(store, data) as ours, io.BytesIO(data) as model:
        for _ in range(200):
            whence = rnd.choice([io.SEEK_SET, io.SEEK_END])
            offset = rnd.randrange(size + 10)
            place = offset if whence == io.SEEK_SET else -min(offset, size)
            assert ours.seek(place, whence) == model.seek(place, whence)
            count = rnd.choice([0, 1, 100, 70_000])
            assert ours.read(count) == model.read(count)
            assert ours.tell() == model.tell()
        assert (ours.seek(0), ours.read()) == (0, data)
        assert ours.readable()
        assert ours.seekable()
        assert not ours.writable()


def test_lines_are_read(store: Store) -> None:
    with _open(store, b"one\ntwo\n" * 300_000) as file:
        assert sum(1 for _ in file) == 600_000


def test_a_place_before_the_beginning_is_refused(store: Store) -> None:
    with _open(store, b"content") as file, pytest.raises(ValueError, match="negative"):
        file.seek(-8, io.SEEK_END)


@pytest.mark.parametrize("size", [100, 3 * CHUNK_SIZE])
def test_content_removed_while_it_is_open_is_read_to_its_end(store: Store, size: int) -> None:
    data = sample(size)
    with _open(store, data) as file:
        (held,) = [store.objects.get(entry.sha1) for entry in store.catalog.search()]
        Collection(store).remove(held.sha1)
        store.objects._manifests.clear()

        assert file.read() == data


def test_damaged_content_is_not_opened(store: Store) -> None:
    content = store.add_bytes(b"sound", LABEL)
    path = store.folder.object_path(content.sha1)
    path.chmod(0o644)
    path.write_bytes(b"other")

    with pytest.raises(ContentDamagedError):
        open_verified(store.objects, store.objects.get(content.sha1))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_no_descriptor_is_left_open(store: Store) -> None:
    _open(store, sample(2 * CHUNK_SIZE)).close()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        _open(store, sample(2 * CHUNK_SIZE)).close()

    assert len(os.listdir("/proc/self/fd")) == before
