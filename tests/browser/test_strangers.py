"""A page of another origin reaches nothing: not through Jupyter, not at the node's own port.

The person is logged in to JupyterLab in the same browser. The stranger's page stands at another
port of the same address, which is as near as a stranger gets: the browser sends it the same
cookies. Or its name was made to mean this computer (DNS rebinding), which makes the page and the
server one origin for the browser.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browsers import open_lab
from tests.support.strangers import PAGE, Target, attack, running_stranger, successes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

    from tests.support.labs import RunningLab
    from tests.support.strangers import Stranger

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
API = "/kachery/api/v1"
REBOUND = "evil.example"
SECRET = "a secret that stays here"
# What Jupyter's side offers beyond what the node does.
OWN = (
    ("POST", "/store", {"path": "secret.txt"}),
    ("GET", "/previews/{sha1}", None),
    ("GET", "/downloads/{sha1}", None),
    ("GET", "/downloads/{sha1}?name=a.png&inline=1", None),
    ("GET", "/contents/", None),
    ("GET", "/contents/{sha1}/secret.txt", None),
    ("POST", "/loads", {"uri": "sha1://{sha1}/secret.txt"}),
    ("GET", "/events", None),
)
BODIES: dict[str, dict[str, Any]] = {
    "/sharing": {"enabled": False},
    "/feeds": {"name": "of-a-stranger"},
    "/files/{sha1}/pin": {"pinned": True},
    "/channels": {"name": "of-a-stranger", "hub": "kachery-hub://127.0.0.1:1"},
}
STATES = ("/files", "/channels", "/feeds", "/transfers", "/sharing")


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    # The newest Chromium keeps pages from this computer by itself; most people's does not.
    return (
        f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1",
        "--disable-features=LocalNetworkAccessChecks",
    )


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    with running_stranger() as stranger:
        yield stranger


@pytest.fixture(scope="module")
def sha1(lab: RunningLab) -> str:
    (lab.files / "secret.txt").write_text(SECRET)
    uri = lab.node.store(SECRET.encode(), "secret.txt", "text")["uri"]
    return uri.removeprefix("sha1://").partition("/")[0].partition("?")[0]


@pytest.fixture(scope="module")
def logged_in(profile: BrowserContext, lab: RunningLab) -> BrowserContext:
    """Somebody who has JupyterLab open, the cookies that belong to it included."""
    open_lab(profile, lab)
    return profile


@pytest.fixture
def targets(lab: RunningLab, sha1: str) -> dict[str, list[Target]]:
    """Every address of the node, at its own port and through Jupyter."""
    described = lab.node.ask("GET", f"{API.removeprefix('/kachery')}/openapi.json").json["paths"]
    known = [
        (verb.upper(), path.removeprefix("/api/v1"), BODIES.get(path.removeprefix("/api/v1"), {}))
        for path, verbs in described.items()
        for verb in verbs
    ]
    assert len(known) > 25, known

    def filled(root: str, asked: Any) -> list[Target]:
        return [
            Target(verb, f"{root}{fill(path, sha1)}", fill(json.dumps(body or {}), sha1))
            for verb, path, body in asked
        ]

    return {
        "node": filled(f"http://127.0.0.1:{lab.node.port}/api/v1", known),
        "jupyter": filled(f"{lab.url}{API}", [*known, *OWN]),
    }


def fill(text: str, sha1: str) -> str:
    """A path or a body with something that exists in the places left open."""
    for name, value in {"sha1": sha1, "feed": "f" * 64, "subfeed": "main"}.items():
        text = text.replace(f"{{{name}}}", value)
    return text.replace("{channel}", "lab").replace("{id}", "lab")


def state_of(lab: RunningLab) -> dict[str, Any]:
    """Everything that a stranger could have changed."""
    answers = {path: lab.node.ask("GET", f"/api/v1{path}") for path in STATES}
    return {path: answer.json for path, answer in answers.items() if answer.status == 200}


def means_that_work(page: Page, stranger: Stranger, host: str) -> None:
    """Where everything is allowed, every means gets through: the attempts are real."""
    at = f"http://{host}:{stranger.port}/of/the/stranger"
    asked = [Target("GET", f"{at}.{kind}") for kind in ("html", "js", "css", "svg", "events")]
    results = attack(page, [*asked, Target("POST", at), Target("DELETE", at)])
    got = {one["means"] for one in results if one["got"]}
    assert got >= {
        *("fetch", "fetch with the cookie of forms", "fetch with a guessed token", "xhr"),
        *("socket", "events", "script", "module", "image", "style"),
        *(("frame",) if page.evaluate("location.host") == f"{host}:{stranger.port}" else ()),
    }
    assert "POST /of/the/stranger" in stranger.heard


def expect_nothing(page: Page, lab: RunningLab, targets: list[Target]) -> None:
    """Try everything; nothing was got and nothing has changed."""
    before = state_of(lab)
    assert len(before) >= 4
    results = attack(page, targets)
    assert successes(results) == []
    assert len(results) == 14 * len(targets)
    assert SECRET not in json.dumps(results)
    assert state_of(lab) == before


@pytest.mark.parametrize("door", ["node", "jupyter"])
def test_a_page_at_another_port_of_the_same_address_reaches_nothing(
    door: str,
    logged_in: BrowserContext,
    lab: RunningLab,
    stranger: Stranger,
    targets: dict[str, list[Target]],
) -> None:
    page = logged_in.new_page()
    page.goto(f"http://127.0.0.1:{stranger.port}/")
    assert "_xsrf" in page.evaluate("document.cookie"), "cookies do not know ports"
    means_that_work(page, stranger, "127.0.0.1")
    expect_nothing(page, lab, targets[door])


@pytest.mark.parametrize("door", ["node", "jupyter"])
def test_a_name_that_was_made_to_mean_this_computer_reaches_nothing(
    door: str,
    logged_in: BrowserContext,
    lab: RunningLab,
    stranger: Stranger,
    targets: dict[str, list[Target]],
) -> None:
    port = lab.port if door == "jupyter" else lab.node.port
    page = logged_in.new_page()
    at = f"http://{REBOUND}:{port}/kittens"
    # The page came while the name still meant the stranger's computer.
    page.route(at, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.goto(at)
    means_that_work(page, stranger, REBOUND)
    rebound = [
        Target(one.method, one.url.replace("127.0.0.1", REBOUND), one.body) for one in targets[door]
    ]
    expect_nothing(page, lab, rebound)


def test_a_page_of_another_site_that_was_never_near_reaches_nothing(
    logged_in: BrowserContext,
    lab: RunningLab,
    stranger: Stranger,
    targets: dict[str, list[Target]],
) -> None:
    page = logged_in.new_page()
    page.goto(f"http://{REBOUND}:{stranger.port}/")
    means_that_work(page, stranger, REBOUND)
    expect_nothing(page, lab, [*targets["node"][::3], *targets["jupyter"][-len(OWN) :]])


def test_the_same_attempts_by_jupyterlab_itself_succeed(
    logged_in: BrowserContext, lab: RunningLab, targets: dict[str, list[Target]]
) -> None:
    page = logged_in.pages[0]
    wanted = ("/status", "/store", "/events", "/feeds")
    asked = [one for one in targets["jupyter"] if one.url.endswith(wanted)]
    got = {(one["means"], one["method"], one["url"]) for one in attack(page, asked) if one["got"]}
    as_people_do = "fetch with the cookie of forms"
    at = f"{lab.url}{API}"
    assert {
        ("fetch", "GET", f"{at}/status"),
        (as_people_do, "POST", f"{at}/store"),
        (as_people_do, "POST", f"{at}/feeds"),
        ("socket", "GET", f"{at}/events"),
    } <= got
    assert any(one["name"] == "of-a-stranger" for one in state_of(lab)["/feeds"]["feeds"])
