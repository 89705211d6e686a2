"""What notebooks show: the browser as a widget and progress bars, in JupyterLab and Notebook 7."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.browsers import PICTURES, until
from tests.support.labs import TOKEN

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

    from tests.support.browsers import Screen
    from tests.support.labs import RunningLab

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
STORE = """
import numpy as np, kachery_jupyter as kc
kc.store_npy(np.sin(np.arange(4000.0) / 100).reshape(4, 1000), basename="waves.npy")
kc.store_text("<b>not bold</b>", basename="<img src=x onerror='window.robbed=1'>.txt")
"""
BROWSE = """
import kachery_jupyter as kc
browser = kc.browse()
browser
"""
BAR = """
import time
for _ in kc.progress(range(60), "Counting"):
    time.sleep(0.1)
"""


def run(screen: Screen, code: str) -> None:
    """Run a cell; an editor that is not ready yet loses what is typed."""
    cell = screen.page.locator(".jp-Notebook:visible .jp-Cell.jp-mod-active .cm-content")
    until(screen.page, lambda: _typed(cell, code), "the editor has the code")
    screen.run_cell()


def _typed(cell: Locator, code: str) -> bool:
    cell.fill(code.strip())
    return code.strip().splitlines()[-1].strip() in cell.inner_text()


def test_what_is_chosen_in_the_widget_is_a_value_in_python(screen: Screen, lab: RunningLab) -> None:
    lab.run(STORE)
    screen.open_notebook()
    run(screen, BROWSE)
    files = screen.output().locator("select").first
    expect(files.locator("option")).to_have_count(2)
    files.select_option(index=1)
    detail = screen.output().locator(".widget-html-content")
    expect(detail.filter(has_text="array of float64, 4 x 1000")).to_be_visible()
    expect(screen.output().locator("svg[role=img]")).to_be_visible()
    run(screen, "print(browser.uri, browser.selection['kind'])")
    expect(screen.output().filter(has_text="/waves.npy npy")).to_be_visible()
    screen.picture("notebook-browser", screen.page.locator(".jp-Notebook:visible"))
    # It follows what another program stores.
    lab.run("import kachery_jupyter as kc; kc.store_text('x', 'news.txt')")
    expect(files.locator("option")).to_have_count(3)
    expect(files.locator("option").first).to_contain_text("news.txt")
    screen.output().get_by_role("tab", name="Channels").click()
    expect(screen.output().get_by_text("kc.channels.join")).to_be_visible()
    assert screen.page.evaluate("window.robbed") is None
    assert screen.complaints == []


def test_what_takes_long_shows_a_bar(screen: Screen) -> None:
    screen.open_notebook()
    run(screen, f"import kachery_jupyter as kc\n{BAR}")
    bar = screen.output().locator(".widget-hprogress")
    expect(bar).to_be_visible()
    expect(screen.output().get_by_text("Counting")).to_be_visible()
    screen.picture("notebook-progress", screen.page.locator(".jp-Notebook:visible"))
    expect(bar).to_have_count(0)


def test_nobody_without_eyes_or_mouse_is_left_out(screen: Screen, axe: object) -> None:
    del axe
    screen.open_notebook()
    run(screen, BROWSE)
    screen.output().locator("select").first.wait_for()
    assert screen.faults(".jp-Notebook .jp-OutputArea-output .widget-vbox") == []


def test_notebook_7_shows_the_same(profile: BrowserContext, lab: RunningLab) -> None:
    pytest.importorskip("notebook", reason="Notebook 7 is not installed")
    if lab.ask("GET", "/tree").status != 200:
        pytest.skip("Notebook 7 is not enabled")
    lab.run(STORE)
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": BROWSE, "outputs": []}
    notebook = {
        "cells": [{**cell, "execution_count": None}],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (lab.files / "seven.ipynb").write_text(json.dumps(notebook))
    page: Page = profile.new_page()
    page.goto(f"{lab.url}/notebooks/seven.ipynb?token={TOKEN}")
    page.locator(".jp-Cell .cm-content").first.click()
    page.get_by_role("progressbar", name="Kernel status").wait_for()
    page.keyboard.press("Shift+Enter")
    files = page.locator(".jp-OutputArea-output select").first
    expect(files.locator("option").first).to_be_attached()
    files.select_option(label=files.locator("option").filter(has_text="waves").inner_text())
    expect(page.get_by_text("array of float64, 4 x 1000")).to_be_visible()
    expect(page.locator(".jp-OutputArea-output svg[role=img]")).to_be_visible()
    page.screenshot(path=PICTURES / "notebook-7-browser.png")
    page.close()
