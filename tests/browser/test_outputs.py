"""Chips of URIs in outputs, and what else shows the same: Notebook 7, a second JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browsers import open_lab, open_notebook_page, until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from tests.support.browsers import Screen
    from tests.support.labs import RunningLab

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def stored(lab: RunningLab) -> None:
    lab.run(
        "import numpy as np, kachery_jupyter as kc\n"
        "kc.store_npy(np.arange(30.).reshape(5, 6), 'small.npy')\n"
        "kc.store_text('<i onclick=x>text</i>', '<b>bold.txt')\n"
        "kc.create_feed('night-7').load_subfeed('picks').append_message({'a': 1})"
    )


def test_the_sidebar_opens_in_notebook_7(profile: BrowserContext, lab: RunningLab) -> None:
    pytest.importorskip("notebook", reason="Notebook 7 is not installed")
    screen = open_notebook_page(profile, lab, "sidebar.ipynb")
    files = screen.section("files")
    expect(files).to_contain_text("small.npy")
    files.get_by_text("small.npy").dblclick()
    expect(files.get_by_role("region", name="Preview")).to_be_visible()
    screen.page.keyboard.press("Enter")
    expect(screen.page.locator(".jp-Notebook .cm-content").first).to_contain_text("kc.load_npy(")
    screen.picture("sidebar-in-notebook-7")
    screen.page.close()


def test_a_stored_thing_is_a_chip_with_a_preview(screen: Screen, lab: RunningLab) -> None:
    assert lab
    screen.open_notebook()
    screen.run_cell("%load_ext kachery_jupyter\nimport numpy as np\nramp = np.arange(12.)")
    screen.run_cell("%kc store ramp")
    chip = screen.output().locator(".kachery-Chip")
    expect(chip).to_contain_text("ramp")
    chip.get_by_role("button", name="Preview").click()
    expect(chip).to_contain_text("float64")
    screen.picture("chip")
    chip.get_by_role("button", name="Copy URI").click()
    until(screen.page, lambda: screen.clipboard().startswith("sha1://"), "the URI is copied")


def test_an_output_of_somebody_else_cannot_do_anything(screen: Screen) -> None:
    screen.open_notebook()
    screen.run_cell(
        "from IPython.display import publish_display_data as show\n"
        "mime = 'application/vnd.kachery.uri+json'\n"
        "show({mime: {'uri': 'javascript:robbed()', 'name': '<b>x</b>'}, 'text/plain': 'plain'})\n"
        "show({mime: {'uri': 'sha1://' + 40 * '0', 'size': 'NaN', 'kind': {},\n"
        "             'name': '<img src=x onerror=robbed()>'}})"
    )
    expect(screen.output().first).to_contain_text("names no URI")
    chip = screen.output().locator(".kachery-Chip")
    expect(chip).to_contain_text("<img src=x onerror=robbed()>")
    chip.get_by_role("button", name="Preview").click()
    expect(chip).to_contain_text("not on this node")
    assert screen.output().locator("img").count() == 0
    assert not [one for one in screen.complaints if "robbed" in one]
    screen.picture("chip-of-somebody-else")


def test_two_labs_of_one_person_share_the_node(
    profile: BrowserContext, lab: RunningLab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from tests.support.labs import beside

    with beside(lab, tmp_path_factory.mktemp("second")) as second:
        assert second.node.port == lab.node.port
        screen = open_lab(profile, second)
        expect(screen.section("files")).to_contain_text("small.npy")
        screen.page.close()
