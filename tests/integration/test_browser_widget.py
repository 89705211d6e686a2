"""`kc.browse()` with a real node: feeds, channels, and news of what others store."""

from __future__ import annotations

import pytest

import kachery_jupyter as kc
from kachery_jupyter.client.connection import forget_place
from tests.support.kernels import running_jupyter
from tests.support.nodes import isolated_environment, running_node

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """A browser of a node of the test's own."""
    with running_node(tmp_path) as node:
        monkeypatch.setenv("KACHERY_STORAGE_DIR", str(node.storage))
        monkeypatch.setenv("KACHERY_DAEMON_PORT", str(node.port))
        shown = kc.browse()
        yield shown
        shown.close()
        forget_place()


def labels(section) -> list[str]:
    return [label.strip() for label, _ in section.list.options]


def test_a_feed_opens_and_its_subfeeds_can_be_chosen(browser):
    feed = kc.create_feed("night")
    feed.load_subfeed("picks").append_message({"<b>": 1})
    feed.load_subfeed({"station": 7}).append_messages([1, 2])
    kc.create_feed("other")
    browser.tabs.selected_index = 1
    assert labels(browser.feeds) == ["other", "night"]
    browser.feeds.choose(feed.uri)
    assert browser.selection == {"type": "feed", "uri": feed.uri, "name": "night"}
    assert len(labels(browser.feeds)) == 4
    picks = feed.load_subfeed("picks").uri
    browser.feeds.choose(picks)
    assert browser.uri == picks
    assert (browser.selection["type"], browser.selection["length"]) == ("subfeed", 1)
    assert "&lt;b&gt;" in browser.feeds.detail.value
    browser.feeds.choose(feed.load_subfeed({"station": 7}).uri)
    assert browser.selection["length"] == 2
    browser.feeds.search.value = "other"
    assert labels(browser.feeds) == ["other"]


def test_without_channels_it_says_how_to_have_one(browser):
    browser.tabs.selected_index = 2
    assert "kc.channels.join" in browser.channels.state.value


LOOK = """
import kachery_jupyter as kc
browser = kc.browse()
heard = []
browser.observe(lambda change: heard.append(change.new), "uri")
browser
"""


def test_in_a_kernel_it_follows_what_others_store_while_it_is_seen(tmp_path):
    environment = isolated_environment(tmp_path)
    with running_jupyter(tmp_path, environment) as server, server.kernel() as kernel:
        kernel.run(LOOK)
        # As the front end does when it shows the widget.
        kernel.run("browser._view_count = 1")
        kernel.run("import asyncio, subprocess, sys")
        kernel.run(
            "async def until(condition):\n"
            "    for _ in range(600):\n"
            "        if condition():\n"
            "            return\n"
            "        await asyncio.sleep(0.05)\n"
            "    raise AssertionError('it never happened')"
        )
        store = "import kachery_jupyter as kc; kc.store_text('x', 'from elsewhere.txt')"
        kernel.run(
            "listed = lambda: [label for label, _ in browser.files.list.options]\n"
            "await until(lambda: browser._liveness.is_listening)\n"
            f"process = await asyncio.create_subprocess_exec(sys.executable, '-c', {store!r})\n"
            "assert await process.wait() == 0\n"
            "await until(lambda: any('from elsewhere.txt' in label for label in listed()))"
        )
        kernel.run("browser.files.choose(browser.files.list.options[0][1])")
        assert "from%20elsewhere.txt" in kernel.run("print(heard)")
        kernel.run("browser._view_count = 0\nassert not browser._liveness.is_listening")
        kernel.run("kc.store_text('y', 'unseen.txt')")
        assert "unseen" not in kernel.run("print(listed())")
        kernel.run("browser._view_count = 1")
        assert "unseen" in kernel.run("print(listed())")


def test_where_the_node_says_nothing_it_looks_again_after_each_cell(tmp_path):
    environment = isolated_environment(tmp_path, KACHERY_OFFLINE_STORAGE_DIR=str(tmp_path / "off"))
    with running_jupyter(tmp_path, environment) as server, server.kernel() as kernel:
        kernel.run(LOOK)
        kernel.run("browser._view_count = 1")
        kernel.run("kc.store_text('x', 'stored here.txt')")
        assert "stored here.txt" in kernel.run("print(browser.files.list.options)")
