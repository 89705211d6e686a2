"""Channels, feeds and loads: with a real hub and a second node in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browsers import measured, until
from tests.support.channels import channel, choose, community, invite, members, node_id, revoke

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.browsers import Screen
    from tests.support.channels import Community
    from tests.support.labs import RunningLab

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
LARGE = 96_000_000
NOBODYS = f"sha1://{'0' * 40}/lost.npy"
# Notes what the transfers say, as often as it changes.
NOTE_TRANSFERS = """
window.said = [];
new MutationObserver(() => {
  for (const bar of document.querySelectorAll('.kachery-Transfer [role=progressbar]'))
    window.said.push(bar.getAttribute('aria-valuetext'));
}).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
"""
# Notes when a message came to the screen; each of them says when it was appended.
NOTE_MESSAGES = """
window.late = {};
new MutationObserver(() => {
  for (const row of document.querySelectorAll('.kachery-Message-text')) {
    const [, number, at] = /n"?: (\\d+), "?at"?: ([\\d.]+)/.exec(row.textContent) || [];
    if (number && !(number in window.late)) window.late[number] = Date.now() - 1000 * Number(at);
  }
}).observe(document.body, {subtree: true, childList: true, characterData: true});
"""
APPEND = """
import time, kachery_jupyter as kc
subfeed = kc.load_subfeed({uri!r})
for number in range({first}, {end}):
    subfeed.append_message({{"n": number, "at": time.time(), "volt": (number * 7) % 11}})
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    """A hub, and one node that owns a channel."""
    with community(tmp_path_factory.mktemp("others"), 1) as others:
        yield others


@pytest.fixture
def joined(others: Community, lab: RunningLab) -> Community:
    """The node of this JupyterLab is a member too."""
    if not channel(lab.node):
        invitation = invite(others.owner, lab.node)
        reply = lab.node.ask("POST", "/api/v1/channels/join", {"invitation": invitation})
        assert reply.status == 200, reply.body
    until_present(others, lab)
    return others


def until_present(others: Community, lab: RunningLab) -> None:
    """Both nodes of the channel know of each other."""
    from tests.support.channels import wait_for

    for node in (others.owner, lab.node):
        wait_for(lambda node=node: channel(node).get("present", 0) >= 1, "both are there")


def test_a_channel_is_joined_by_pasting_an_invitation(
    screen: Screen, lab: RunningLab, others: Community
) -> None:
    channels = screen.section("channels")
    expect(channels).to_contain_text("No channels yet")
    screen.picture("no-channels")
    channels.get_by_role("button", name="Join…").click()
    dialog = screen.page.get_by_role("dialog")
    expect(dialog).to_contain_text(node_id(lab.node))
    field = dialog.get_by_role("textbox", name="Invitation")
    field.fill("something else")
    dialog.get_by_role("button", name="Join").click()
    expect(dialog.get_by_role("alert")).to_contain_text("nvitation")
    screen.picture("wrong-invitation")
    field.fill(invite(others.owner, lab.node))
    dialog.get_by_role("button", name="Join").click()
    expect(dialog).to_be_hidden()
    expect(channels.get_by_role("button", name="lab").first).to_contain_text("1 other here")
    expect(channels).to_contain_text("Members")
    screen.picture("joined")
    assert channel(lab.node)["state"] == "connected"


def test_content_of_another_node_is_loaded_with_its_progress(
    screen: Screen, joined: Community
) -> None:
    uri = joined.owner.store(os.urandom(LARGE), "large.bin", "bytes")["uri"]
    files = screen.section("files")
    screen.page.evaluate(NOTE_TRANSFERS)
    screen.do("kachery:load-uri")
    field = files.get_by_role("textbox", name="URI to load")
    field.fill(uri)
    field.press("Enter")
    expect(files.locator(".kachery-Transfer")).to_be_visible()
    screen.picture("loading")
    line = files.get_by_role("row").filter(has_text="large.bin")
    expect(line).to_be_visible()
    expect(line).to_have_attribute("aria-selected", "true")
    said = screen.page.evaluate("window.said")
    assert any(" of 96 MB" in one for one in said), said[:5]
    screen.picture("loaded")


def test_a_load_is_cancelled(screen: Screen, joined: Community) -> None:
    uri = joined.owner.store(os.urandom(4 * LARGE), "endless.bin", "bytes")["uri"]
    files = screen.section("files")
    screen.begin("kachery:load-uri", uri=uri)
    button = files.get_by_role("button", name="Cancel endless.bin")
    button.click()
    expect(button).to_be_hidden()
    expect(files.get_by_role("row").filter(has_text="endless.bin")).to_have_count(0)


def test_an_error_is_shown_with_its_hint(screen: Screen, joined: Community) -> None:
    assert joined
    files = screen.section("files")
    screen.begin("kachery:load-uri", uri=NOBODYS)
    alert = files.get_by_role("alert")
    expect(alert.locator(".kachery-Failure-message")).not_to_be_empty()
    expect(alert.locator(".kachery-Failure-hint")).not_to_be_empty()
    screen.picture("error-with-its-hint")


def test_the_tail_of_a_feed_shows_what_a_script_appends(screen: Screen, lab: RunningLab) -> None:
    uri = lab.run(
        "import kachery_jupyter as kc\n"
        "subfeed = kc.create_feed('night-7').load_subfeed('picks')\n"
        "subfeed.append_message({'n': -1, 'at': 0, 'volt': 1.5, 'who': '<b>me</b>'})\n"
        "print(subfeed.uri)"
    ).strip()
    feeds = screen.section("feeds")
    feeds.get_by_role("button", name="night-7").first.click()
    feeds.get_by_role("button", name="picks").first.click()
    tail = feeds.get_by_role("region", name="Messages of night-7 / picks")
    expect(tail.get_by_role("list", name="Messages")).to_contain_text("1.5")
    screen.page.evaluate(NOTE_MESSAGES)
    lab.run(APPEND.format(uri=uri, first=0, end=30))
    expect(tail.get_by_role("list", name="Messages").get_by_role("listitem")).to_have_count(31)
    late: dict[str, float] = screen.page.evaluate("window.late")
    assert len(late) >= 29
    values = sorted(late.values())
    measured("event to screen, ms", median=statistics.median(values), worst=values[-1])
    expect(tail.get_by_role("slider")).to_be_visible()
    assert tail.locator("b").count() == 0
    screen.picture("live-tail")
    tail.get_by_role("button", name="Show in a tab").click()
    screen.do("filebrowser:activate")
    expect(screen.page.locator("#jp-main-dock-panel .kachery-Tail")).to_contain_text("volt")
    screen.picture("live-tail-in-a-tab")


def test_the_code_that_loads_a_feed_runs(screen: Screen, lab: RunningLab) -> None:
    lab.run(
        "import kachery_jupyter as kc\n"
        "kc.create_feed('to-be-read').load_subfeed('main').append_message({'answer': 42})"
    )
    screen.open_notebook()
    feeds = screen.section("feeds")
    feeds.get_by_role("button", name="to-be-read").first.click()
    feeds.get_by_role("button", name="main").first.hover()
    feeds.get_by_role("button", name="Insert code that loads main").click()
    cell = screen.page.locator(".jp-Notebook:visible .jp-Cell.jp-mod-active .cm-content")
    expect(cell).to_contain_text("load_subfeed(")
    variable = cell.inner_text().splitlines()[-1].partition(" =")[0]
    screen.run_cell()
    screen.run_cell(f"print({variable}.get_next_message()['answer'] + 1)")
    expect(screen.output()).to_contain_text("43")


def test_a_feed_of_another_node_is_followed(
    screen: Screen, joined: Community, lab: RunningLab
) -> None:
    feed = joined.owner.ask("POST", "/api/v1/feeds", {"name": "elsewhere"}).json
    append_at_owner(joined, f"{feed['uri']}/main", {"word": "first"})
    screen.section("feeds")
    screen.begin("kachery:follow-feed")
    dialog = screen.page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="URI").fill(f"{feed['uri']}/main")
    dialog.get_by_role("button", name="Follow").click()
    expect(dialog).to_be_hidden()
    shown = screen.sidebar.get_by_role("list", name="Messages")
    expect(shown).to_contain_text("first")
    append_at_owner(joined, f"{feed['uri']}/main", {"word": "second"})
    expect(shown).to_contain_text("second")
    assert lab.node.ask("GET", f"/api/v1/feeds/{feed['feed']}").json["is_copy"]


def append_at_owner(others: Community, uri: str, message: dict[str, Any]) -> None:
    """Have a program of the owner of the channel append a message."""
    from tests.support.channels import programs_environment
    from tests.support.programs import run_program

    code = f"import kachery_jupyter as kc\nkc.load_subfeed({uri!r}).append_message({message!r})"
    run_program(code, programs_environment(others.owner))


def test_a_channel_is_made_and_a_node_is_invited_and_put_out(
    screen: Screen, lab: RunningLab, others: Community
) -> None:
    guest = others.nodes[others.add()]
    channels = screen.section("channels")
    screen.begin("kachery:create-channel")
    dialog = screen.page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("mine")
    dialog.get_by_role("textbox", name="URL of the hub").fill(others.hub.url)
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_be_hidden()
    channels.get_by_role("button", name="Invite…").click()
    dialog.get_by_role("textbox", name="Node id").fill(node_id(guest))
    dialog.get_by_role("textbox", name="Name").fill("the guest")
    screen.picture("inviting")
    dialog.get_by_role("button", name="Invite").click()
    screen.page.get_by_role("button", name="Copy and close").click()
    until(screen.page, lambda: "invitation" in screen.clipboard(), "the invitation is copied")
    invitation = {"invitation": screen.clipboard()}
    assert guest.ask("POST", "/api/v1/channels/join", invitation).status == 200
    member = channels.get_by_role("button", name="the guest")
    expect(member.get_by_role("img", name="connected", exact=True)).to_be_visible()
    member.click()
    screen.picture("a-member")
    channels.get_by_role("button", name="Remove…").click()
    dialog.get_by_role("button", name="Remove").click()
    expect(member).to_have_count(0)
    assert node_id(guest) not in members(lab.node, "mine")


def test_what_this_node_does_is_switched_and_being_put_out_is_told(
    screen: Screen, lab: RunningLab, joined: Community
) -> None:
    channels = screen.section("channels")
    entry = channels.get_by_role("button", name="lab").first
    if entry.get_attribute("aria-expanded") != "true":
        entry.click()
    box = channels.get_by_role("table", name="What this node does on lab").get_by_role(
        "checkbox", name="Provide: Files"
    )
    expect(box).to_be_checked()
    box.click()
    expect(box).not_to_be_checked()
    until(screen.page, lambda: "provide-files" not in channel(lab.node)["enabled"], "it is off")
    choose(lab.node, enable=["provide-files"])
    expect(box).to_be_checked()
    screen.picture("roles")
    revoke(joined.owner, lab.node)
    expect(channels).to_contain_text("revoked")
    screen.picture("revoked")


def test_sharing_is_switched_off_and_on(screen: Screen, lab: RunningLab) -> None:
    node = screen.section("node")
    switch = node.get_by_role("switch", name="Share with my channels")
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    assert json.loads(lab.node.ask("GET", "/api/v1/sharing").body) == {"enabled": False}
    screen.picture("sharing-off")
    switch.click()
    expect(switch).to_be_checked()
