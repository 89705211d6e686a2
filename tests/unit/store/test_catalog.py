"""The catalog: what people look for is found, and what they pinned stays."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kachery_core.capabilities import content_discovery
from kachery_store.catalog import Catalog, Entry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path)


def _entry(number: int = 0, **more: object) -> Entry:
    given: dict[str, object] = {"name": f"file-{number}.npy", "kind": "npy", "size": number}
    return Entry(f"{number:040x}", **{**given, **more})  # type: ignore[arg-type]


def test_an_entry_comes_back_as_it_was(catalog: Catalog) -> None:
    entry = _entry(
        1, manifest="a" * 40, origin={"notebook": "Ä.ipynb", "cells": [1]}, stored_at=5.0
    )

    catalog.add(entry)
    found = catalog.find(entry.sha1)

    assert found is not None
    assert (found.name, found.kind, found.size, found.manifest) == (
        "file-1.npy",
        "npy",
        1,
        "a" * 40,
    )
    assert (found.origin, found.stored_at) == (entry.origin, 5.0)
    assert (found.pinned, found.fetched, found.trashed_at) == (False, False, None)
    assert catalog.find("0" * 40) is None


def test_the_newest_is_listed_first_and_in_pages(catalog: Catalog) -> None:
    catalog.add(*(_entry(number, stored_at=float(number)) for number in range(1, 8)))

    assert [entry.size for entry in catalog.search(limit=3)] == [7, 6, 5]
    assert [entry.size for entry in catalog.search(limit=3, offset=6)] == [1]


def test_one_kind_is_listed_and_counted_beyond_the_page(catalog: Catalog) -> None:
    catalog.add(*(_entry(number, kind="npy" if number % 2 else "json") for number in range(1, 8)))

    assert {entry.kind for entry in catalog.search(kind="json")} == {"json"}
    assert catalog.count(kind="json") == 3
    assert catalog.count("file-1", "npy") == 1
    assert catalog.count("npy", "json") == len(catalog.search("npy", "json"))
    assert catalog.count() == 7


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=20), text=st.text(max_size=4))
def test_any_text_is_looked_for_literally(tmp_path: Path, name: str, text: str) -> None:
    catalog = Catalog(tmp_path)
    catalog.add(_entry(1, name=name, kind="k"))
    plain_name, plain_text = name.split("\0", maxsplit=1)[0], text.split("\0", maxsplit=1)[0]

    found = bool(catalog.search(text))

    catalog.close()
    if plain_name == name and plain_text == text and name.isascii() and text.isascii():
        haystacks = (name.lower(), "k", f"{1:040x}")
        assert found == any(text.lower() in each for each in haystacks)


@pytest.mark.parametrize("name", ["100%", "a_b", "back\\slash", "'; DROP TABLE content; --", "ü"])
def test_signs_of_the_query_language_mean_nothing(catalog: Catalog, name: str) -> None:
    catalog.add(_entry(1, name=name), _entry(2, name="other"))

    assert [entry.name for entry in catalog.search(name)] == [name]


def test_a_name_that_is_no_text_is_kept_as_far_as_it_is(catalog: Catalog) -> None:
    name = os.fsdecode(b"caf\xe9.npy")

    catalog.add(_entry(1, name=name))

    assert catalog.search("caf")[0].name == "caf?.npy"
    assert catalog.search(name)[0].size == 1


def test_what_was_fetched_and_then_stored_is_ones_own_for_good(catalog: Catalog) -> None:
    catalog.add(_entry(1, fetched=True))
    assert [entry.size for entry in catalog.fetched()] == [1]
    catalog.add(_entry(1))
    catalog.add(_entry(1, fetched=True))

    assert catalog.fetched() == []


def test_pins_survive_storing_again(catalog: Catalog) -> None:
    catalog.add(_entry(1))
    catalog.pin(_entry(1).sha1, pinned=True)
    catalog.add(_entry(1))
    assert catalog.find(_entry(1).sha1).pinned
    catalog.pin(_entry(1).sha1, pinned=False)
    assert not catalog.find(_entry(1).sha1).pinned


def test_the_trash_is_not_listed(catalog: Catalog) -> None:
    catalog.add(_entry(1), _entry(2))
    catalog.mark_trashed(_entry(1).sha1)

    assert [entry.size for entry in catalog.search()] == [2]
    assert catalog.totals() == (1, 2)
    assert [entry.size for entry in catalog.trashed()] == [1]
    assert catalog.all_sha1() == [_entry(2).sha1]
    catalog.unmark_trashed(_entry(1).sha1)
    assert catalog.totals() == (2, 3)
    catalog.forget(_entry(1).sha1)
    assert catalog.find(_entry(1).sha1) is None


def test_storing_again_takes_it_out_of_the_trash(catalog: Catalog) -> None:
    catalog.add(_entry(1))
    catalog.mark_trashed(_entry(1).sha1)
    catalog.add(_entry(1))

    assert catalog.trashed() == []


def test_the_least_recently_used_come_first(catalog: Catalog) -> None:
    catalog.add(*(_entry(number, fetched=True) for number in (1, 2, 3)))
    catalog.note_use(_entry(1).sha1)

    assert [entry.size for entry in catalog.fetched()] == [2, 3, 1]


def test_manifests_are_known(catalog: Catalog) -> None:
    catalog.add(_entry(1, manifest="a" * 40), _entry(2))

    assert catalog.manifests() == {"a" * 40}


def _add_fifty(folder: Path, first: int) -> None:
    catalog = Catalog(folder)
    for number in range(first, first + 50):
        catalog.add(_entry(number))
    catalog.close()


def test_processes_that_begin_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add_fifty, args=(tmp_path, 50 * n)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * 4
    assert Catalog(tmp_path).totals()[0] == 200


def test_what_is_entered_can_be_found_by_what_other_nodes_call_it(catalog: Catalog) -> None:
    entries = [_entry(number, manifest=f"{number:040x}"[::-1]) for number in range(1, 1300)]
    catalog.add(*entries)
    names = [entry.sha1 for entry in entries] + [entry.manifest for entry in entries]
    discoveries = [content_discovery(sha1) for sha1 in names]
    found = catalog.find_discoveries([*discoveries, bytes(16)])
    assert found == dict(zip(discoveries, names, strict=True))
    catalog.forget(entries[0].sha1)
    assert discoveries[0] not in catalog.find_discoveries(discoveries)
