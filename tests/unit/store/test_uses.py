"""Uses: what was read lately is let go last, and nobody waits for the catalog to know it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from kachery_store import uses as uses_module
from kachery_store.catalog import Catalog, Entry
from kachery_store.collection import Collection
from kachery_store.store import Label
from kachery_store.uses import Uses

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_store.store import Store

SHA1 = "a" * 40
FETCHED = Label(name="fetched", fetched=True)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(tmp_path)
    catalog.add(Entry(SHA1, "name", "text", 5))
    return catalog


def _used_at(catalog: Catalog) -> float:
    entry = catalog.find(SHA1)
    assert entry is not None
    return entry.used_at


def test_what_was_read_is_kept_and_what_was_not_goes(store: Store) -> None:
    old, new = (store.add_bytes(data, FETCHED) for data in (b"old", b"new"))

    store.note_use(old.sha1)

    (chosen,) = Collection(store).collect(3, dry_run=False)
    assert chosen.sha1 == new.sha1
    assert store.objects.find(old.sha1) is not None


def test_the_catalog_is_told_once_a_minute(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses, before = Uses(catalog), _used_at(catalog)
    uses.note(SHA1)
    assert _used_at(catalog) == before

    later = time.time() + 61
    monkeypatch.setattr(uses_module.time, "time", lambda: later)
    uses.note(SHA1)

    assert _used_at(catalog) == later


def test_no_more_than_some_thousand_are_kept_in_memory(catalog: Catalog) -> None:
    uses, before = Uses(catalog), _used_at(catalog)
    uses.note(SHA1)
    for number in range(uses_module._MOST_KEPT):
        uses.note(f"{number:040x}")

    assert _used_at(catalog) > before
    assert len(uses._noted) < 10


def test_a_use_from_before_does_not_take_the_place_of_a_later_one(catalog: Catalog) -> None:
    before = _used_at(catalog)
    catalog.note_uses([(SHA1, before - 100)])
    assert _used_at(catalog) == before


def test_a_catalog_that_cannot_be_told_stops_nobody(tmp_path: Path) -> None:
    uses = Uses(Catalog(tmp_path / "gone"))
    uses.note(SHA1)
    uses.tell()
    uses.note(SHA1)


def test_many_threads_note_at_the_same_time(catalog: Catalog) -> None:
    uses, before = Uses(catalog), _used_at(catalog)

    def note() -> None:
        for number in range(20_000):
            uses.note(f"{number:040x}")
        uses.note(SHA1)

    threads = [threading.Thread(target=note) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    uses.tell()

    assert _used_at(catalog) > before


def test_whoever_only_reads_a_folder_tells_nothing(store: Store) -> None:
    content = store.add_bytes(b"old", FETCHED)
    store.writable = False
    store.note_use(content.sha1)
    assert store.uses._noted == {}
