"""Whether anybody changed a database."""

from __future__ import annotations

import multiprocessing
import threading
from typing import TYPE_CHECKING

from kachery_store.catalog import Catalog, Entry
from kachery_store.changes import Changes

if TYPE_CHECKING:
    from pathlib import Path


def _enter(folder: Path, number: int) -> None:
    Catalog(folder).add(Entry(f"{number:040x}", "a.npy", "npy", 1))


def test_a_commit_is_noticed_once(tmp_path: Path) -> None:
    _enter(tmp_path, 1)
    changes = Changes(tmp_path / "catalog.sqlite")
    assert changes.look()
    assert not changes.look()
    _enter(tmp_path, 2)
    assert changes.look()
    assert not changes.look()
    changes.close()


def test_what_another_process_commits_is_noticed(tmp_path: Path) -> None:
    _enter(tmp_path, 1)
    changes = Changes(tmp_path / "catalog.sqlite")
    changes.look()
    other = multiprocessing.get_context("spawn").Process(target=_enter, args=(tmp_path, 2))
    other.start()
    other.join()
    assert changes.look()
    changes.close()


def test_threads_look_in_turns(tmp_path: Path) -> None:
    _enter(tmp_path, 1)
    changes = Changes(tmp_path / "catalog.sqlite")
    changes.look()
    seen: list[bool] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: seen.append(changes.look()))
        thread.start()
        thread.join()
    assert seen == [False, False, False]
    changes.close()


def test_looking_makes_no_database(tmp_path: Path) -> None:
    changes = Changes(tmp_path / "catalog.sqlite")
    changes.look()
    assert not changes.look()
    assert not (tmp_path / "catalog.sqlite").exists()
    _enter(tmp_path, 1)
    assert changes.look()
    changes.close()


def test_another_file_of_the_name_is_a_change(tmp_path: Path) -> None:
    _enter(tmp_path, 1)
    changes = Changes(tmp_path / "catalog.sqlite")
    changes.look()
    for path in tmp_path.glob("catalog.sqlite*"):
        path.unlink()
    _enter(tmp_path, 2)
    assert changes.look()
    assert not changes.look()
    changes.close()
