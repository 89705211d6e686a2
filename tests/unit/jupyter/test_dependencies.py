"""What a program loaded and made, by URI."""

import json

import numpy as np
import pytest

import kachery_jupyter as kc
from kachery_jupyter.client import dependencies
from kachery_jupyter.client.dependencies import forget_notes, note_loaded, note_stored, unnoted

FEED = "feed://" + "a" * 64


@pytest.fixture(autouse=True)
def a_new_run():
    forget_notes()
    yield
    forget_notes()


def uris(notes) -> list[str]:
    return [one["uri"] for one in notes]


def earlier(store):
    """Store in a run before this one."""
    uri = store()
    forget_notes()
    return uri


def test_what_was_loaded_is_a_dependency_and_what_was_stored_is_made() -> None:
    before = earlier(lambda: kc.store_npy(np.arange(3), "before.npy"))
    array = kc.load_npy(before)
    made = kc.store_npy(array * 2, "made.npy")
    found = kc.freeze()
    assert (uris(found.loaded), uris(found.stored)) == ([before], [made])


def test_what_a_run_made_itself_is_no_dependency() -> None:
    made = kc.store_text("x", "a.txt")
    kc.load_text(made)
    kc.load_text(made.replace("a.txt", "other name.txt"))
    assert kc.freeze().loaded == []


def test_every_way_of_loading_counts_once(tmp_path) -> None:
    uri = earlier(lambda: kc.store_text("[1]", "a.json"))
    kc.load_text(uri)
    kc.load_json(uri)
    kc.load_bytes(uri, 0, 1)
    kc.load_many([uri])
    kc.load_file(uri, tmp_path / "copy")
    kc.open(uri).close()
    assert uris(kc.freeze().loaded) == [uri]


def test_looking_is_not_loading() -> None:
    uri = earlier(lambda: kc.store_text("x"))
    kc.exists(uri)
    kc.info(uri)
    kc.list_files()
    kc.preview(uri)
    kc.load_text("sha1://" + "0" * 40)
    assert kc.freeze().loaded == []


def test_a_folder_is_one_thing(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a")
    made = kc.store_dir(tmp_path / "in")
    assert uris(kc.freeze().stored) == [made]
    forget_notes()
    kc.load_dir(made, tmp_path / "out")
    kc.load_text(f"{made}/a.txt")
    assert uris(kc.freeze().loaded) == [made, f"{made}/a.txt"]


def test_feeds_that_were_read_and_written_are_named_as_they_are() -> None:
    note_loaded(f"{FEED}/read")
    note_stored(f"{FEED}/written")
    found = kc.freeze()
    assert (uris(found.loaded), uris(found.stored)) == ([f"{FEED}/read"], [f"{FEED}/written"])


def test_bookkeeping_is_left_out() -> None:
    with unnoted():
        kc.store_text("x")
    assert kc.freeze().stored == []


def test_as_json_it_can_be_kept_beside_the_notebook() -> None:
    uri = earlier(lambda: kc.store_text("x"))
    kc.load_text(uri)
    value = json.loads(kc.freeze().to_json())
    assert (uris(value["loaded"]), value["stored"], value["is_whole"]) == ([uri], [], True)
    assert set(value["loaded"][0]) >= {"uri", "time"}
    assert value["source"]


def test_people_see_a_table_whose_names_are_text() -> None:
    note_loaded(f"{FEED}/<b>\x1b[31m")
    found = kc.freeze()
    assert "<b>" not in found._repr_html_()
    assert "\x1b" not in repr(found)
    forget_notes()
    assert "nothing was loaded or stored" in repr(kc.freeze())
    assert "nothing was loaded or stored" in kc.freeze()._repr_html_()


def test_a_program_that_loads_without_end_keeps_no_list_without_end(monkeypatch) -> None:
    monkeypatch.setattr(dependencies, "_MOST", 3)
    for number in range(5):
        note_loaded(f"{FEED}/{number}")
    note_loaded(f"{FEED}/0")
    found = kc.freeze()
    assert (len(found.loaded), found.is_whole) == (3, False)
