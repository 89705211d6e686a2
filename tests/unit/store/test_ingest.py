"""Ingest: pieces of any size become one content, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kachery_core.digests import CHUNK_SIZE, chunk_digests
from kachery_core.errors import StorageFullError
from kachery_core.manifests import make_manifest
from kachery_store.ingest import Ingest
from tests.support.samples import leftovers, sample, sha1_of

if TYPE_CHECKING:
    from kachery_store.store import Store


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.integers(0, 2 * CHUNK_SIZE), max_size=5), st.booleans())
def test_pieces_of_any_size_add_up(store: Store, sizes: list[int], announced: bool) -> None:
    data = sample(sum(sizes))
    ingest = Ingest(store.folder, len(data) if announced else None)
    start = 0
    for size in sizes:
        ingest.write(memoryview(data)[start : start + size])
        start += size

    done = ingest.finish()

    assert done.temporary.read_bytes() == data
    assert done.manifest == make_manifest(sha1_of(data), len(data), chunk_digests(data))
    ingest.abort()
    assert leftovers(store.folder.root) == []


@pytest.mark.parametrize("announced", [0, 5, 1000, 3 * CHUNK_SIZE])
def test_what_comes_counts_and_not_what_was_announced(store: Store, announced: int) -> None:
    with store.ingesting(announced) as ingest:
        ingest.write(memoryview(b"x" * 100))
        done = ingest.finish()
        assert done.manifest.size == done.temporary.stat().st_size == 100


def test_buffers_are_given_back(store: Store) -> None:
    given_back: list[int] = []
    with store.ingesting(None) as ingest:
        for number in range(100):
            ingest.write(memoryview(b"x" * 1000), lambda n=number: given_back.append(n))
        ingest.finish()

    assert given_back == list(range(100))


def test_an_aborted_content_leaves_nothing_and_may_be_aborted_again(store: Store) -> None:
    ingest = Ingest(store.folder, 10)
    ingest.write(memoryview(b"half"))
    ingest.abort()
    ingest.abort()

    assert leftovers(store.folder.root) == []


def test_more_than_the_disk_holds_is_refused_before_anything_is_written(store: Store) -> None:
    with pytest.raises(StorageFullError) as caught, store.ingesting(1 << 60):
        pass

    assert caught.value.fields["needed_bytes"] == 1 << 60
    assert caught.value.fields["free_bytes"] > 0
    assert leftovers(store.folder.root) == []
