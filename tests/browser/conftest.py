"""A browser for each module of tests, a page for each test.

The browser lives as long as its module and no longer: while Playwright's synchronous interface is
open, nothing else in this process can start an event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.install import chromium
from tests.support.browsers import AXE, Screen, open_lab, person, running_browser
from tests.support.labs import running_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    from tests.support.labs import RunningLab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A JupyterLab, shared by the tests of a module."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    """Flags of the browser that a module needs; to be replaced there."""
    return ()


@pytest.fixture(scope="module")
def browser(flags: tuple[str, ...]) -> Iterator[Browser]:
    """A browser, shared by the tests of a module."""
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here: python -m tests.browser.install")
    with running_browser(program, *flags) as browser:
        yield browser


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """One person's browser profile, shared by the tests of a module: its cache saves seconds."""
    context = person(browser)
    yield context
    context.close()


@pytest.fixture
def screen(
    profile: BrowserContext, lab: RunningLab, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Screen]:
    """JupyterLab on a fresh page, nothing of ours open yet."""
    del tmp_path
    screen = open_lab(profile, lab)
    yield screen
    name = request.node.name.removeprefix("test_")
    screen.picture(f"last-{request.module.__name__.rpartition('.')[2]}-{name}"[:120])
    screen.page.close()


@pytest.fixture
def axe() -> Path:
    """The accessibility checker; it comes with the extension's development tools."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: cd labextension && npm ci")
    return AXE
