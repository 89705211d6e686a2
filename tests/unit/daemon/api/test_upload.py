"""An upload that is given up: what it took is given back at once, whoever still knows of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from kachery_daemon.api.upload import Upload
from kachery_daemon.system.threads import Threads
from tests.support.samples import LABEL, leftovers, object_files
from tests.support.writers import store_at

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

    from kachery_store.store import Store

MEBIBYTE = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = store_at(tmp_path / "storage")
    yield store
    store.close()


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(2, 2)
    yield threads
    threads.close()


def _run(story: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 60))


def test_an_abort_leaves_nothing_though_the_upload_is_still_known(
    store: Store, threads: Threads
) -> None:
    """Python's own tidying up of what nobody knows any more has no part in it."""
    known = Upload(store, threads, 10 * MEBIBYTE)

    async def story() -> None:
        await known.start()
        await known.take(bytes(3 * MEBIBYTE))
        assert len(leftovers(store.folder.root)) == 1

        await known.abort()

        assert leftovers(store.folder.root) == []
        assert list(object_files(store.folder.root)) == []
        await known.abort()

    _run(story())
    assert known._ingest is None


def test_an_abort_waits_for_the_piece_that_is_being_written(store: Store, threads: Threads) -> None:
    upload = Upload(store, threads, 10 * MEBIBYTE)

    async def story() -> None:
        await upload.start()
        pieces = [asyncio.ensure_future(upload.take(bytes(2 * MEBIBYTE))) for _ in range(3)]
        await asyncio.sleep(0)
        await upload.abort()
        assert leftovers(store.folder.root) == []
        await asyncio.gather(*pieces)
        assert leftovers(store.folder.root) == []

    _run(story())


@pytest.mark.parametrize("size", [10, 2 * MEBIBYTE])
def test_what_was_given_up_gets_no_name(store: Store, threads: Threads, size: int) -> None:
    upload = Upload(store, threads, size)

    async def story() -> None:
        await upload.start()
        await upload.take(bytes(size))
        await upload.abort()
        with pytest.raises(ConnectionAbortedError):
            await upload.finish(LABEL)

    _run(story())
    assert list(object_files(store.folder.root)) == []


def test_what_is_finished_stays_though_it_is_aborted_afterwards(
    store: Store, threads: Threads
) -> None:
    upload = Upload(store, threads, 2 * MEBIBYTE)

    async def story() -> None:
        await upload.start()
        await upload.take(bytes(2 * MEBIBYTE))
        await upload.finish(LABEL)
        await upload.abort()

    _run(story())
    assert len(list(object_files(store.folder.root))) == 1
