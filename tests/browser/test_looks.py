"""How it looks and reads, light and dark: axe finds no serious fault, and pictures are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kachery_core.keys import SEED_SIZE, SeedSigner
from tests.support.channels import create, invite
from tests.support.hubs import running_hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.browsers import Screen
    from tests.support.hubs import RunningHub
    from tests.support.labs import RunningLab

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.usefixtures("axe")]
OURS = "#kachery-sidebar"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
STORE = """
import numpy as np, kachery_jupyter as kc
kc.store_npy(np.add.outer(np.sin(np.arange(200.) / 9), np.cos(np.arange(300.) / 7)), "map.npy")
kc.store_npy(np.sin(np.arange(4000.0) / 100).reshape(4, 1000), "waves.npy")
kc.store_json({"station": "A04", "picks": [1.5, None, True], "deep": {"er": "text"}}, "picks.json")
kc.store_text("a,b\\n1,2\\n", "table.csv")
kc.store_text("words " * 400, "words.txt")
kc.store_bytes(bytes(range(256)), "bytes.bin")
subfeed = kc.create_feed("night-7").load_subfeed("picks")
subfeed.append_messages([{"n": n, "volt": (n * 7) % 11, "who": "A04"} for n in range(60)])
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="module", autouse=True)
def furnished(lab: RunningLab, hub: RunningHub) -> None:
    """Something of everything."""
    lab.run(STORE)
    create(lab.node, hub.url)
    ada = SeedSigner(bytes(SEED_SIZE)).public_key
    invite(lab.node, ada, name="Ada at the observatory")


@pytest.fixture(params=THEMES)
def themed(screen: Screen, request: pytest.FixtureRequest) -> tuple[Screen, str]:
    """JupyterLab in one of its themes."""
    name = THEMES[request.param]
    screen.do("apputils:change-theme", theme=name)
    expect(screen.page.locator("body")).to_have_attribute("data-jp-theme-name", name)
    return screen, request.param


def test_node_and_files_can_be_read_by_everybody(themed: tuple[Screen, str]) -> None:
    screen, theme = themed
    files = screen.section("files")
    files.get_by_text("map.npy").click()
    screen.do("kachery:preview-file")
    shown = files.get_by_role("region", name="Preview")
    expect(shown.get_by_role("img").first).to_be_visible()
    screen.section("node").get_by_text("Settings of the node").click()
    assert screen.faults(OURS) == []
    screen.picture(f"files-{theme}")
    for name in ("waves.npy", "picks.json", "table.csv", "words.txt", "bytes.bin"):
        files.get_by_text(name).click()
        expect(shown).to_contain_text(name)
        expect(shown.get_by_role("status")).to_have_count(0)
        screen.picture(f"preview-{name.partition('.')[0]}-{theme}", files)
    assert screen.faults(OURS) == []


def test_channels_can_be_read_by_everybody(themed: tuple[Screen, str]) -> None:
    screen, theme = themed
    channels = screen.section("channels")
    entry = channels.get_by_role("button", name="lab").first
    if entry.get_attribute("aria-expanded") != "true":
        entry.click()
    channels.get_by_role("button", name="Ada at the observatory").click()
    assert screen.faults(OURS) == []
    screen.picture(f"channels-{theme}")
    for command in ("kachery:join-channel", "kachery:create-channel"):
        screen.begin(command)
        dialog = screen.page.locator(".jp-Dialog-content")
        dialog.wait_for()
        assert screen.faults(".jp-Dialog .kachery-Form") == []
        screen.picture(f"dialog-{command.partition(':')[2]}-{theme}")
        screen.page.keyboard.press("Escape")
        dialog.wait_for(state="detached")


def test_feeds_can_be_read_by_everybody(themed: tuple[Screen, str]) -> None:
    screen, theme = themed
    feeds = screen.section("feeds")
    entry = feeds.get_by_role("button", name="night-7").first
    if entry.get_attribute("aria-expanded") != "true":
        entry.click()
    assert screen.faults(OURS) == []
    feeds.get_by_role("button", name="picks").first.click()
    expect(feeds.get_by_role("slider").first).to_be_visible()
    assert screen.faults(OURS) == []
    screen.picture(f"feeds-{theme}")
    feeds.get_by_role("button", name="Show in a tab").click()
    expect(screen.page.locator("#jp-main-dock-panel .kachery-Tail")).to_be_visible()
    assert screen.faults("#jp-main-dock-panel .kachery-Tail") == []
    screen.picture(f"tail-{theme}")


def test_a_node_that_is_gone_is_told(themed: tuple[Screen, str]) -> None:
    """What the sidebar shows when requests fail, and that it comes back."""
    screen, theme = themed
    answer = '{"message": "x", "error": {"code": "daemon-not-running", "message":'
    answer += ' "No kachery node answers here.", "hint": "The log says why.", "fields": {}}}'
    screen.page.route(
        "**/kachery/api/v1/**",
        lambda route: route.fulfill(status=503, content_type="application/json", body=answer),
    )
    files = screen.section("files")
    screen.section("channels")
    expect(files.get_by_role("alert")).to_contain_text("No kachery node answers here.")
    expect(files.get_by_role("alert")).to_contain_text("The log says why.")
    assert screen.faults(OURS) == []
    screen.picture(f"no-node-{theme}")
    screen.page.unroute("**/kachery/api/v1/**")
    files.get_by_role("button", name="Try again").click()
    expect(files).to_contain_text("map.npy")


def test_axe_would_find_a_fault(screen: Screen) -> None:
    screen.section("files")
    screen.page.evaluate("document.querySelector('.kachery-Files').append(new Image())")
    assert any("image-alt" in fault for fault in screen.faults(OURS))
