"""A catalog of ten thousand entries: the list stays small, and every entry can be reached."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import pytest

from kachery_store.catalog import Catalog, Entry
from tests.support.browsers import measured

if TYPE_CHECKING:
    from tests.support.browsers import Screen
    from tests.support.labs import RunningLab

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
MANY = 10_000
# From the request to the frame in which the first names are on the screen.
FIRST_PAINT = """
() => new Promise((resolve, reject) => {
  const begin = performance.now();
  void window.jupyterapp.commands.execute('kachery:show');
  const watch = () => {
    const took = performance.now() - begin;
    const named = document.querySelectorAll('.kachery-Files-row .kachery-Files-label');
    const shown = [...named].filter(label => label.checkVisibility());
    if (shown.length > 3) {
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begin)));
    } else if (took > 60000) {
      reject(new Error('no names'));
    } else {
      requestAnimationFrame(watch);
    }
  };
  requestAnimationFrame(watch);
})
"""


@pytest.fixture(scope="module", autouse=True)
def many(lab: RunningLab) -> None:
    """Entries as programs make them; the list never asks for the content itself."""
    catalog, now = Catalog(lab.node.storage / ".state"), time.time()
    kinds = ("npy", "json", "text", "file", "pkl")
    catalog.add(
        *(
            Entry(
                sha1=hashlib.sha1(str(number).encode()).hexdigest(),
                name=f"run-{number:05}.{kinds[number % 5]}",
                kind=kinds[number % 5],
                size=number * 1000,
                stored_at=now - MANY + number,
                origin={"notebook": f"night-{number % 30}.ipynb"},
            )
            for number in range(MANY)
        )
    )
    catalog.close()


def test_the_list_holds_only_what_is_in_sight_and_reaches_everything(screen: Screen) -> None:
    first = screen.page.evaluate(FIRST_PAINT)
    screen.picture("many-files")
    again = reopened(screen)
    measured("first paint with 10,000 entries, ms", first=first, again=again)
    files = screen.section("files")
    rows = files.locator(".kachery-Files-row")
    expect(files).to_contain_text("10,000 files")
    expect(rows.first).to_contain_text(f"run-{MANY - 1:05}")
    assert 3 < rows.count() < 80
    files.get_by_role("grid").focus()
    screen.page.keyboard.press("End")
    expect(files.get_by_text("run-00000.npy")).to_be_visible()
    assert rows.count() < 80
    assert files.locator("*").count() < 2000
    files.get_by_role("grid").evaluate("list => { list.scrollTop = list.scrollHeight / 2; }")
    expect(files.get_by_text("run-04990.npy")).to_be_attached()
    screen.picture("many-files-middle")


def test_searching_among_many_finds_the_one(screen: Screen) -> None:
    files = screen.section("files")
    files.get_by_role("searchbox").fill("run-01234")
    expect(files).to_contain_text("1 of 10,000")
    expect(files.locator(".kachery-Files-row")).to_have_count(1)
    files.get_by_role("searchbox").fill("")
    files.get_by_role("combobox", name="Kind").select_option("json")
    expect(files).to_contain_text("2,000 of 10,000")


def test_a_change_asks_for_what_is_in_sight_and_no_more(screen: Screen, lab: RunningLab) -> None:
    files = screen.section("files")
    expect(files.get_by_text(f"run-{MANY - 1:05}")).to_be_visible()
    before = len(screen.asked)
    lab.node.store(b"newest", "newest.txt", "text")
    expect(files.get_by_text("newest.txt")).to_be_visible()
    asked = [one for one in screen.asked[before:] if "files" in one]
    assert 1 <= len(asked) <= 4, asked


def reopened(screen: Screen) -> float:
    """Close the sidebar and open it again; how long until the names are there, ms."""
    screen.do("filebrowser:activate")
    expect(screen.sidebar).to_be_hidden()
    return float(screen.page.evaluate(FIRST_PAINT))
