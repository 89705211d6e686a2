"""The section Files: what a person stores, finds, uses and lets go of, by mouse and by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browsers import drag, drop_files, open_lab, until, wait_for_lab
from tests.support.samples import sha1_of

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator

    from tests.support.browsers import Screen
    from tests.support.labs import RunningLab

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
ARRAY = """
import numpy as np, kachery_jupyter as kc
kc.store_npy(np.sin(np.arange(4000.0) / 100).reshape(4, 1000), basename="waves.npy")
"""
HOSTILE = (
    '<img src=x onerror="window.robbed = 1">.txt',
    "<svg onload=window.robbed=2>.json",
    "\u202egnp.exe",
    "javascript:alert(1).html",
)


def row(place: Locator, name: str) -> Locator:
    """The line of a content."""
    return place.get_by_role("row").filter(has_text=name)


def files_of(lab: RunningLab, search: str) -> list[dict[str, object]]:
    """What the node keeps under such a name."""
    return lab.node.ask("GET", f"/api/v1/files?search={search}").json["files"]


def test_a_file_dragged_from_the_file_browser_is_stored_and_stays_where_it_was(
    screen: Screen, lab: RunningLab
) -> None:
    (lab.files / "notes.txt").write_text("three words here")
    screen.do("filebrowser:activate")
    screen.do("filebrowser:refresh")
    source = screen.page.locator(".jp-DirListing-item", has_text="notes.txt")
    # The file browser hides the sidebar: what is held over its tab opens it.
    tab = screen.page.get_by_role("tab", name="Kachery", exact=True)
    files = screen.page.locator("#kachery-section-files")
    drag(screen.page, source, files, by=tab)
    expect(row(files, "notes.txt")).to_be_visible()
    assert files_of(lab, "notes.txt")[0]["uri"].startswith(f"sha1://{sha1_of(b'three words here')}")
    assert (lab.files / "notes.txt").exists()
    screen.picture("stored-by-drag")


def test_files_dropped_from_the_desktop_are_stored(
    screen: Screen, lab: RunningLab, tmp_path: Path
) -> None:
    dropped = [tmp_path / "first.csv", tmp_path / "second.bin"]
    dropped[0].write_text("time,volt\n0,1.5\n1,1.75\n")
    dropped[1].write_bytes(bytes(range(256)) * 4000)
    files = screen.section("files")
    drop_files(screen.page, files.locator(".kachery-Files"), dropped)
    for file in dropped:
        expect(row(files, file.name)).to_be_visible()
        assert files_of(lab, file.name)[0]["size"] == file.stat().st_size
    row(files, "first.csv").click()
    screen.page.keyboard.press("Space")
    expect(files.get_by_role("table")).to_contain_text("1.75")
    screen.picture("preview-of-a-table")


def test_the_uri_is_copied_and_the_load_code_runs(screen: Screen, lab: RunningLab) -> None:
    lab.run(ARRAY)
    screen.open_notebook()
    files = screen.section("files")
    line = row(files, "waves.npy")
    line.hover()
    line.get_by_role("button", name="Copy URI").click()
    until(screen.page, lambda: screen.clipboard().startswith("sha1://"), "the URI is copied")
    assert screen.clipboard() == files_of(lab, "waves.npy")[0]["uri"]
    line.hover()
    line.get_by_role("button", name="Insert load code").click()
    cell = screen.page.locator(".jp-Notebook:visible .jp-Cell.jp-mod-active .cm-content")
    expect(cell).to_contain_text("import kachery_jupyter as kc")
    expect(cell).to_contain_text("kc.load_npy(")
    screen.picture("load-code")
    screen.run_cell()
    screen.run_cell("print(waves.shape, round(float(waves.max()), 3))")
    expect(screen.output()).to_contain_text("(4, 1000) 1.0")


def test_an_entry_dragged_into_a_notebook_becomes_a_cell_that_loads_it(
    screen: Screen, lab: RunningLab
) -> None:
    lab.run(ARRAY)
    screen.open_notebook()
    files = screen.section("files")
    cell = screen.page.locator(".jp-Notebook:visible .jp-Cell").first
    drag(screen.page, row(files, "waves.npy").get_by_text("waves.npy"), cell)
    expect(screen.page.locator(".jp-Notebook:visible .jp-Cell")).to_have_count(2)
    expect(
        screen.page.locator(".jp-Notebook:visible .jp-Cell", has_text="kc.load_npy(")
    ).to_have_count(1)
    screen.picture("entry-dragged-into-a-notebook")


def test_previews_show_arrays_json_text_and_images(screen: Screen, lab: RunningLab) -> None:
    lab.run(ARRAY)
    lab.run(
        "import numpy as np, kachery_jupyter as kc\n"
        "kc.store_json({'a': [1, {'deep': None}], 'name': 'cell 7'}, basename='tree.json')\n"
        "kc.store_text('first line\\nsecond line', basename='words.txt')\n"
        "kc.store_npy(np.add.outer(np.arange(80.), np.arange(120.)), basename='ramp.npy')"
    )
    files = screen.section("files")
    shown = files.get_by_role("region", name="Preview")
    for name, words in {
        "waves.npy": "1,000",
        "ramp.npy": "120",
        "tree.json": "cell 7",
        "words.txt": "second line",
    }.items():
        row(files, name).click()
        if not shown.is_visible():
            screen.page.keyboard.press("Space")
        expect(shown).to_contain_text(words)
        screen.picture(f"preview-{name.partition('.')[0]}")


def test_a_deleted_entry_comes_back_with_undo(screen: Screen, lab: RunningLab) -> None:
    lab.node.store(b"to be deleted", "victim.txt", "text")
    files = screen.section("files")
    row(files, "victim.txt").click()
    screen.page.keyboard.press("Delete")
    expect(row(files, "victim.txt")).to_have_count(0)
    assert not files_of(lab, "victim.txt")
    screen.picture("deleted")
    screen.page.get_by_role("button", name="Undo").click()
    expect(row(files, "victim.txt")).to_be_visible()
    assert files_of(lab, "victim.txt")


def test_what_is_stored_elsewhere_appears_without_asking(screen: Screen, lab: RunningLab) -> None:
    files = screen.section("files")
    files.get_by_role("grid").or_(files.get_by_role("status")).first.wait_for()
    lab.run("import kachery_jupyter as kc\nkc.store_text('hello', basename='from-a-kernel.txt')")
    expect(row(files, "from-a-kernel.txt")).to_be_visible()


def test_searching_shows_what_matches(screen: Screen, lab: RunningLab) -> None:
    lab.node.store(b"needle", "needle.txt", "text")
    lab.node.store(b"hay", "hay.txt", "text")
    files = screen.section("files")
    files.get_by_role("searchbox").fill("needle")
    expect(row(files, "hay.txt")).to_have_count(0)
    expect(row(files, "needle.txt")).to_be_visible()
    files.get_by_role("searchbox").fill("nothing is called so")
    expect(files).to_contain_text("Nothing matches.")
    screen.picture("nothing-matches")


def test_a_stored_file_opens_in_jupyterlabs_own_viewer(screen: Screen, lab: RunningLab) -> None:
    lab.node.store(b"a,b\n1,2\n3,4\n", "grid.csv", "file")
    files = screen.section("files")
    row(files, "grid.csv").click()
    screen.do("kachery:open-file")
    expect(screen.page.locator(".jp-CSVViewer")).to_be_visible()
    screen.picture("own-viewer")


def test_a_reload_restores_what_was_open(screen: Screen, lab: RunningLab) -> None:
    lab.node.store(b"kept", "kept-in-sight.txt", "text")
    files = screen.section("files")
    screen.section("channels")
    files.get_by_role("searchbox").fill("kept-in")
    row(files, "kept-in-sight.txt").click()
    screen.page.keyboard.press("Space")
    expect(files.get_by_role("region", name="Preview")).to_contain_text("kept")
    screen.page.wait_for_timeout(1500)  # JupyterLab saves its state a second after the last change.
    screen.page.goto(f"{lab.url}/lab")
    wait_for_lab(screen.page)
    files = screen.page.locator("#kachery-section-files")
    expect(files).to_be_visible()
    expect(files.get_by_role("searchbox")).to_have_value("kept-in")
    expect(row(files, "kept-in-sight.txt")).to_have_attribute("aria-selected", "true")
    expect(files.get_by_role("region", name="Preview")).to_contain_text("kept")
    expect(screen.page.locator("#kachery-section-channels")).to_be_visible()
    screen.picture("after-a-reload")


def test_hostile_names_are_shown_as_text(screen: Screen, lab: RunningLab) -> None:
    lab.run(
        "import kachery_jupyter as kc\n"
        f"for name in {HOSTILE!r}: kc.store_text('<b onclick=x>bold</b>' + name, basename=name)"
    )
    files = screen.section("files")
    files.get_by_role("searchbox").fill("robbed")
    for name in HOSTILE[:2]:
        expect(files.get_by_text(name, exact=True).first).to_be_visible()
        row(files, name).first.click()
        screen.page.keyboard.press("Space")
        screen.do("kachery:copy-uri")
    files.get_by_role("searchbox").fill("exe")
    expect(row(files, "exe")).to_be_visible()
    screen.picture("hostile-names")
    assert screen.page.evaluate("window.robbed") is None
    assert files.locator("b, img, script").count() == 0


def test_nothing_is_asked_while_the_sidebar_is_closed(screen: Screen, lab: RunningLab) -> None:
    screen.page.wait_for_timeout(500)
    before = [one for one in screen.asked if "status" not in one]
    assert before == [], "nothing but the status bar's one question before it is opened"
    files = screen.section("files")
    lab.node.store(b"one", "seen-while-open.txt", "text")
    expect(row(files, "seen-while-open.txt")).to_be_visible()
    screen.do("filebrowser:activate")
    expect(screen.sidebar).to_be_hidden()
    screen.page.wait_for_timeout(500)
    asked = len(screen.asked)
    for number in range(5):
        lab.node.store(str(number).encode(), f"unseen-{number}.txt", "text")
    screen.page.wait_for_timeout(2500)
    assert screen.asked[asked:] == []
    screen.section("files")
    expect(row(files, "unseen-4.txt")).to_be_visible()


def test_the_keyboard_alone_is_enough(screen: Screen, lab: RunningLab) -> None:
    lab.node.store(b"[1, 2, 3]", "typed.json", "json")
    screen.open_notebook()
    keys, focus = screen.page.keyboard, FocusPath(screen)
    keys.press("Escape")
    keys.press("Control+Shift+C")
    expect(screen.page.locator(".lm-CommandPalette-input")).to_be_focused()
    keys.type("Show Kachery")
    choose_in_palette(screen, "Show Kachery")
    screen.sidebar.wait_for()
    focus.tab_to("Search files")
    keys.type("typed")
    expect(row(screen.sidebar, "typed.json")).to_be_visible()
    focus.tab_to("Files of this node")
    look_at_what_is_selected(screen)
    focus.tab_to("Files of this node")
    keys.press("Enter")
    cell = screen.page.locator(".jp-Notebook:visible .jp-Cell.jp-mod-active .cm-content")
    expect(cell).to_contain_text("kc.load_json(")
    expect(cell).to_be_focused()
    keys.press("Shift+Enter")
    keys.type("print(sum(typed))")
    keys.press("Shift+Enter")
    expect(screen.output()).to_contain_text("6")


def choose_in_palette(screen: Screen, label: str) -> None:
    """Go down to a command and run it."""
    keys = screen.page.keyboard
    found = screen.page.locator(".lm-CommandPalette-item", has_text=label)
    found.wait_for()
    active = screen.page.locator(".lm-CommandPalette-item.lm-mod-active", has_text=label)
    until(screen.page, lambda: active.count() > 0 or keys.press("ArrowDown") or False, label)
    keys.press("Enter")


def look_at_what_is_selected(screen: Screen) -> None:
    """Select, preview, copy and open the menu, each with a key."""
    keys = screen.page.keyboard
    for key in ("ArrowDown", "Home", "Space"):
        keys.press(key)
    expect(screen.sidebar.get_by_role("region", name="Preview")).to_be_visible()
    screen.picture("keyboard-preview")
    keys.press("Escape")
    keys.press("Control+c")
    until(screen.page, lambda: "sha1://" in screen.clipboard(), "the URI is copied")
    keys.press("Shift+F10")
    expect(screen.page.get_by_role("menuitem", name="Download")).to_be_visible()
    screen.picture("keyboard-menu")
    keys.press("Escape")


class FocusPath:
    """Goes from one thing to the next with Tab, as somebody without a mouse."""

    def __init__(self, screen: Screen) -> None:
        self._page = screen.page

    def tab_to(self, label: str) -> None:
        """Press Tab until the focus is on something of that name."""
        for _ in range(80):
            if self._label() == label:
                return
            self._page.keyboard.press("Tab")
        raise AssertionError(f"Tab never comes to {label!r}; it is at {self._label()!r}")

    def _label(self) -> str:
        return str(
            self._page.evaluate(
                "document.activeElement && (document.activeElement.getAttribute('aria-label')"
                " || document.activeElement.title || document.activeElement.textContent)"
            )
        )


def test_the_file_browsers_menu_stores_and_copies_the_uri(screen: Screen, lab: RunningLab) -> None:
    (lab.files / "menu.txt").write_text("by menu")
    screen.do("filebrowser:activate")
    screen.do("filebrowser:refresh")
    item = screen.page.locator(".jp-DirListing-item", has_text="menu.txt")
    item.click(button="right")
    expect(screen.page.get_by_role("menuitem", name="Store in kachery")).to_be_visible()
    screen.picture("menu-of-the-file-browser")
    screen.page.get_by_role("menuitem", name="Copy kachery URI").click()
    uri = f"sha1://{sha1_of(b'by menu')}"
    until(screen.page, lambda: screen.clipboard().startswith(uri), "the URI is copied")
    assert files_of(lab, "menu.txt")


def test_two_pages_of_one_person_show_the_same(screen: Screen, lab: RunningLab) -> None:
    other = open_lab(screen.page.context, lab, "/lab/workspaces/other")
    first, second = screen.section("files"), other.section("files")
    lab.node.store(b"for both", "for-both-pages.txt", "text")
    expect(row(first, "for-both-pages.txt")).to_be_visible()
    expect(row(second, "for-both-pages.txt")).to_be_visible()
    other.page.close()
