"""The browser in a notebook: what it lists, what is chosen, what is told to Python."""

import numpy as np
import pytest

import kachery_jupyter as kc
from kachery_jupyter.client.file_info import size_text


@pytest.fixture
def browser():
    shown = []

    def browse(*arguments):
        shown.append(kc.browse(*arguments))
        return shown[-1]

    yield browse
    for one in shown:
        one.close()


def labels(section) -> list[str]:
    return [label for label, _ in section.list.options]


def test_files_are_listed_the_newest_first_with_kind_and_size(browser) -> None:
    kc.store_text("some-random-text", "first.txt")
    kc.store_npy(np.zeros(1000), "second.npy")
    first, second = reversed(labels(browser().files))
    assert "first.txt   text   16 bytes" in first
    assert "second.npy   npy   8.13 kB" in second


def test_nothing_is_chosen_at_first(browser) -> None:
    kc.store_text("x")
    shown = browser()
    assert (shown.uri, shown.selection) == ("", None)


def test_python_hears_what_is_chosen(browser) -> None:
    uri = kc.store_text("some-random-text", "a.txt")
    shown, heard = browser(), []
    shown.observe(lambda change: heard.append(change.new), "uri")
    shown.files.choose(uri)
    assert heard == [uri]
    assert shown.selection == {
        "type": "file",
        "uri": uri,
        "name": "a.txt",
        "kind": "text",
        "size": 16,
    }


def test_what_is_chosen_is_shown_with_the_code_that_loads_it(browser) -> None:
    shown = browser()
    uri = kc.store_npy(np.arange(5), "a.npy")
    shown.refresh()
    shown.files.choose(uri)
    assert f"kc.load_npy(&quot;{uri}&quot;)" in shown.files.detail.value
    assert "<svg" in shown.files.detail.value


def test_a_search_leaves_what_matches(browser) -> None:
    kc.store_text("x", "notes.txt")
    kc.store_text("y", "other.txt")
    shown = browser("notes")
    assert ["notes.txt" in label for label in labels(shown.files)] == [True]
    shown.files.search.value = "nothing like it"
    assert labels(shown.files) == []
    assert "nothing like it" in shown.files.state.value


def test_what_was_stored_since_then_appears_when_it_looks_again(browser) -> None:
    shown = browser()
    assert "Nothing is stored here yet" in shown.files.state.value
    kc.store_text("x", "new.txt")
    shown.files.again.click()
    assert "new.txt" in labels(shown.files)[0]
    assert shown.files.state.value == ""


def test_what_is_chosen_stays_chosen_while_others_come_and_goes_with_its_content(browser) -> None:
    uri = kc.store_text("x", "chosen.txt")
    shown = browser()
    shown.files.choose(uri)
    heard = []
    shown.observe(lambda change: heard.append(change.new), "uri")
    kc.store_text("y", "other.txt")
    shown.refresh()
    assert (shown.uri, heard) == (uri, [])
    kc.remove(uri)
    shown.refresh()
    assert (shown.uri, shown.selection, heard) == ("", None, [""])


def test_another_tab_has_a_choice_of_its_own(browser) -> None:
    uri = kc.store_text("x")
    shown = browser()
    shown.files.choose(uri)
    shown.tabs.selected_index = 2
    assert shown.uri == ""
    shown.tabs.selected_index = 0
    assert shown.uri == uri


@pytest.mark.parametrize("tab", [1, 2])
def test_what_takes_a_node_says_so_without_one(browser, tab) -> None:
    shown = browser()
    shown.tabs.selected_index = tab
    said = shown.sections[tab].state.value
    assert 'role="alert"' in said
    assert "kachery daemon start" in said


def test_only_the_tab_that_is_seen_asks(browser, monkeypatch) -> None:
    shown = browser()
    asked = []
    for one in shown.sections:

        def find(_, title=one.title):
            asked.append(title)
            return (), ""

        monkeypatch.setattr(one, "find", find)
    shown.refresh()
    assert asked == ["Files"]


def test_names_from_elsewhere_are_text_and_nothing_more(browser) -> None:
    name = "<img src=x onerror=alert(1)>\u202etxt"
    uri = kc.store_text("<script>alert(1)</script>", name)
    shown = browser()
    shown.files.choose(uri)
    assert "\u202e" not in labels(shown.files)[0]
    for html in (shown.files.detail.value, shown._repr_mimebundle_()["text/html"]):
        assert "<script" not in html
        assert "<img" not in html


def test_where_no_widget_runs_a_table_is_shown(browser) -> None:
    uri = kc.store_text("x", "a.txt")
    bundle = browser()._repr_mimebundle_()
    assert uri in bundle["text/plain"]
    assert uri in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_damaged_content_is_told_and_the_rest_goes_on(browser, offline_storage) -> None:
    uri = kc.store_text("some-random-text")
    path = next(offline_storage.glob("sha1/*/*/*/*728"))
    path.chmod(0o600)
    path.write_text("some-Random-text")
    shown = browser()
    shown.files.choose(uri)
    assert 'role="alert"' in shown.files.detail.value
    assert shown.uri == uri


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1_234_000, "1.23 MB"),
        (10**18, "1e+03 PB"),
    ],
)
def test_sizes_are_what_people_read(size, text) -> None:
    assert size_text(size) == text
