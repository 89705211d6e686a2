"""A real browser that looks at a real JupyterLab: what the browser tests share."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.labs import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request

    from tests.support.labs import RunningLab

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "tests" / "browser" / "screenshots"
AXE = ROOT / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MILLISECONDS = int(os.environ.get("KACHERY_TEST_BROWSER_PATIENCE", "60")) * 1000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SERIOUS = ("serious", "critical")
_SIDEBAR = "#kachery-sidebar"
# What is typed into a notebook before its file is read is lost.
_KERNEL = """
async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await Promise.all([panel.context.ready, panel.revealed, panel.sessionContext.ready]);
  await panel.sessionContext.session.kernel.info;
}
"""
# The editor notices a moment later what was typed.
_TAKEN = """
code => new Promise(resolve => {
  const look = () => {
    const {activeCell} = window.jupyterapp.shell.currentWidget.content;
    const text = activeCell.model.sharedModel.getSource().trim();
    return !code || text === code ? resolve(null) : setTimeout(look, 20);
  };
  look();
})
"""


@contextlib.contextmanager
def running_browser(program: str, *flags: str) -> Iterator[Browser]:
    """A browser without a window; ended when the block is left."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=[*FLAGS, *flags], timeout=PATIENCE_MILLISECONDS
        )
        yield browser
        browser.close()


def person(browser: Browser, **more: Any) -> BrowserContext:
    """Somebody's browser profile: cookies and a clipboard of their own."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, **more)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return context


@dataclass
class Screen:
    """JupyterLab on a screen.

    Attributes:
        page: the browser's page.
        lab: the server it shows.
        asked: addresses of ours that the page asked for, as `METHOD path`.
        complaints: what it wrote to the browser's console as errors, and exceptions.
    """

    page: Page
    lab: RunningLab
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def sidebar(self) -> Locator:
        """Our panel at the left."""
        return self.page.locator(_SIDEBAR)

    def section(self, name: str) -> Locator:
        """Open one of its sections: node, files, channels or feeds; what is below the heading."""
        self.do("kachery:show", section=name)
        section = self.page.locator(f"#kachery-section-{name}")
        section.wait_for()
        return section

    def do(self, command: str, **arguments: Any) -> Any:
        """Run one of JupyterLab's commands; it must not wait for a person."""
        return self.page.evaluate(
            "([id, given]) => window.jupyterapp.commands.execute(id, given).then(() => null)",
            [command, arguments],
        )

    def begin(self, command: str, **arguments: Any) -> None:
        """Start a command that opens a dialog."""
        self.page.evaluate(
            "([id, given]) => { void window.jupyterapp.commands.execute(id, given); }",
            [command, arguments],
        )

    def open_sidebar(self) -> Locator:
        """Click on our tab; the panel."""
        if not self.sidebar.is_visible():
            self.page.get_by_role("tab", name="Kachery", exact=True).click()
        self.sidebar.wait_for()
        return self.sidebar

    def open_notebook(self) -> Locator:
        """A new notebook with a running kernel; its active cell's editor."""
        self.do("notebook:create-new", kernelName="python3")
        cell = self.page.locator(".jp-Notebook:visible .jp-Cell.jp-mod-active .cm-content")
        cell.wait_for()
        wait_for_kernel(self.page)
        return cell

    def run_cell(self, code: str = "") -> None:
        """Type into the active cell, if anything, and run it."""
        cell = self.page.locator(".jp-Notebook:visible .jp-Cell.jp-mod-active .cm-content")
        if code:
            cell.fill(code)
        cell.focus()
        self.page.evaluate(_TAKEN, code.strip())
        self.page.keyboard.press("Shift+Enter")

    def output(self) -> Locator:
        """What the visible notebook's cells show."""
        return self.page.locator(".jp-Notebook:visible .jp-OutputArea-output")

    def clipboard(self) -> str:
        """What was copied."""
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def picture(self, name: str, place: Locator | None = None) -> Path:
        """Keep what is on the screen, to be looked at."""
        PICTURES.mkdir(exist_ok=True)
        path = PICTURES / f"{name}.png"
        (place or self.page).screenshot(path=path)
        return path

    def faults(self, *places: str) -> list[str]:
        """What axe finds there that is serious or worse, in words.

        Args:
            places: CSS selectors; what is not on the screen is an error.
        """
        if not self.page.evaluate("'axe' in window"):
            self.page.add_script_tag(path=AXE)
        found = self.page.evaluate(
            "places => axe.run({include: places.map(place => [place])},"
            " {resultTypes: ['violations']}).then(result => result.violations)",
            list(places),
        )
        return [_in_words(one) for one in found if one["impact"] in _SERIOUS]


def open_lab(
    context: BrowserContext, lab: RunningLab, place: str = "/lab", *, keep: bool = False
) -> Screen:
    """A new page that shows JupyterLab, ready to be used.

    Args:
        context: whose browser.
        lab: the server.
        place: `/lab`, or another address of the server.
        keep: whether what was open before is opened again.
    """
    screen = _watched(context, lab)
    screen.page.goto(f"{lab.url}{place}?token={TOKEN}{'' if keep else '&reset'}")
    wait_for_lab(screen.page)
    return screen


def wait_for_lab(page: Page) -> None:
    """Wait until JupyterLab has started and has put everything in its place."""
    page.locator("#jp-main-dock-panel").wait_for()
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    page.locator("#jupyterlab-splash").wait_for(state="detached")


def wait_for_kernel(page: Page) -> None:
    """Wait until the notebook in front is read and its kernel answers."""
    page.evaluate(_KERNEL)


def open_notebook_page(context: BrowserContext, lab: RunningLab, name: str) -> Screen:
    """A new notebook in Notebook 7, its kernel running."""
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}}
    empty["cells"] = [cell | {"outputs": [], "source": ""}]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    empty["metadata"] = {"kernelspec": kernel}
    (lab.files / name).write_text(json.dumps(empty))
    screen = _watched(context, lab)
    screen.page.goto(f"{lab.url}/notebooks/{name}?token={TOKEN}")
    screen.page.locator(".jp-Notebook .jp-Cell .cm-content").first.wait_for()
    screen.page.evaluate("window.jupyterapp.restored.then(() => null)")
    wait_for_kernel(screen.page)
    return screen


def drop_files(page: Page, target: Locator, files: Sequence[Path]) -> None:
    """Drop files from the desktop onto a place, as the system's file manager does."""
    handle = page.evaluate_handle("new DataTransfer()")
    for file in files:
        content = list(file.read_bytes())
        page.evaluate(
            "([transfer, name, bytes]) =>"
            " transfer.items.add(new File([new Uint8Array(bytes)], name))",
            [handle, file.name, content],
        )
    for kind in ("dragenter", "dragover", "drop"):
        target.dispatch_event(kind, {"dataTransfer": handle})


def drag(page: Page, source: Locator, target: Locator, by: Locator | None = None) -> None:
    """Drag with the mouse, slowly enough for JupyterLab to notice.

    Args:
        page: where.
        source: what is dragged.
        target: where it is dropped.
        by: where it is held until the target is to be seen.
    """
    start = _middle(source)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 8, start[1] + 8, steps=4)
    if by is not None:
        page.mouse.move(*_middle(by), steps=8)
        target.wait_for()
    end = _middle(target)
    page.mouse.move(*end, steps=12)
    page.mouse.move(end[0] + 2, end[1] + 2, steps=2)
    page.mouse.up()


def until(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Wait for something that no locator can wait for, the page going on meanwhile."""
    for _ in range(PATIENCE_MILLISECONDS // 50):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never happened: {what}")


def _middle(place: Locator) -> tuple[float, float]:
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None, "not on the screen"
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _watched(context: BrowserContext, lab: RunningLab) -> Screen:
    page = context.new_page()
    screen = Screen(page, lab)
    page.on("request", lambda request: _note(screen, request))
    page.on("websocket", lambda socket: _note_socket(screen, socket.url))
    page.on("pageerror", lambda error: screen.complaints.append(str(error)))
    return screen


def _note(screen: Screen, request: Request) -> None:
    _, found, path = request.url.partition("/kachery/api/")
    if found:
        screen.asked.append(f"{request.method} {path}")


def _note_socket(screen: Screen, url: str) -> None:
    _, found, path = url.partition("/kachery/api/")
    if found:
        screen.asked.append(f"WEBSOCKET {path}")


def _in_words(violation: dict[str, Any]) -> str:
    where = "; ".join(f"{node['html'][:160]}" for node in violation["nodes"][:4])
    return f"{violation['id']} ({violation['impact']}): {violation['help']} - {where}"


def measured(what: str, **values: float) -> None:
    """Note a measurement beside the pictures, and print it: no test asserts a time."""
    PICTURES.mkdir(exist_ok=True)
    line = f"{what}: " + ", ".join(f"{name} {value:.0f}" for name, value in values.items())
    print(line)
    with (PICTURES / "measured.txt").open("a") as file:
        file.write(f"{line}\n")


def settings_file(lab: RunningLab, plugin: str) -> Path:
    """Where JupyterLab keeps a person's settings of a plugin."""
    package, _, name = plugin.partition(":")
    home = Path(lab.node.environment["HOME"])
    return home / ".jupyter" / "lab" / "user-settings" / package / f"{name}.jupyterlab-settings"


def choose_theme(lab: RunningLab, theme: str) -> None:
    """Make a theme the one that JupyterLab starts with."""
    file = settings_file(lab, "@jupyterlab/apputils-extension:themes")
    os.makedirs(file.parent, exist_ok=True)
    file.write_text(json.dumps({"theme": theme}))
