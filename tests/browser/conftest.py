"""A browser for each module of tests, a page for each test.

The browser lives as long as its module and no longer: while Playwright's synchronous interface is
open, nothing else in this process can start an event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.install import chromium
from tests.support.browsers import AXE, Screen, open_lab, person, running_browser
from tests.support.labs import running_lab

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    from tests.support.labs import RunningLab


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    """Note what failed, for the fixture that takes the last picture."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


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
    profile: BrowserContext, lab: RunningLab, request: pytest.FixtureRequest
) -> Iterator[Screen]:
    """JupyterLab on a fresh page, nothing of ours open yet; its last picture if the test fails."""
    screen = open_lab(profile, lab)
    yield screen
    if request.node.stash.get(_FAILED, False):
        screen.picture(f"failed-{request.node.name.removeprefix('test_')}"[:120])
    screen.page.close()


@pytest.fixture
def axe() -> Path:
    """The accessibility checker; it comes with the extension's development tools."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: cd labextension && npm ci")
    return AXE
