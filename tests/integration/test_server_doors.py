"""Who comes in through the Jupyter server: whoever is logged in, and nobody else."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_server.auth.authorizer import Authorizer

from kachery_jupyter.server.addresses import HANDLERS
from kachery_jupyter.server.relay import RELAYED
from tests.support.jupyter_servers import Visitor, refused_socket, with_cookies

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_server.base.handlers import JupyterHandler
    from jupyter_server.serverapp import ServerApp


pytest_plugins = ["pytest_jupyter.jupyter_server"]
pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("extension")]

VERBS = ("get", "head", "post", "put", "patch", "delete")
PLACES = {
    "([0-9a-f]{40})": "0" * 40,
    "([0-9a-f]{64})": "0" * 64,
    "([0-9a-f]{16})": "0" * 16,
    "([^/]+)": "lab",
    "(.+/checkpoints)": "x/checkpoints",
    "(/.*)?": "/x",
}


def addresses() -> list[str]:
    """One address for each handler."""
    found = []
    for pattern, _, _ in HANDLERS:
        address = pattern
        for place, example in PLACES.items():
            address = address.replace(place, example)
        assert not set("()[]*+?") & set(address), f"no example for {pattern}"
        found.append(address)
    return found


def own_verbs(handler: type[JupyterHandler]) -> dict[str, Any]:
    """The verbs that a handler of ours answers."""
    return {
        verb: method
        for verb in VERBS
        if (method := getattr(handler, verb)).__module__.startswith("kachery_jupyter")
    }


def test_every_verb_of_every_handler_asks_who_is_there_and_what_they_may() -> None:
    assert len(HANDLERS) >= 9 + len(RELAYED)
    for _, handler, _ in HANDLERS:
        assert handler.auth_resource == "kachery"
        assert own_verbs(handler), handler
        for verb, method in own_verbs(handler).items():
            files = _files_of(method)
            is_socket = "web.py" not in files
            assert files.count("decorator.py") == (2 if is_socket else 1), (handler, verb)


def _files_of(method: Any) -> list[str]:
    files = []
    while hasattr(method, "__wrapped__"):
        files.append(inspect.getsourcefile(method.__code__).rpartition("/")[2])
        method = method.__wrapped__
    return files


@pytest.mark.usefixtures("started")
async def test_a_stranger_is_refused_everywhere(stranger: Visitor) -> None:
    for address in addresses():
        for verb in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            reply = await stranger.send(verb, address)
            assert reply.code in {401, 403, 405}, (verb, address, reply.body)
            assert b"node_id" not in reply.body


@pytest.mark.usefixtures("started")
async def test_a_stranger_opens_no_socket(stranger: Visitor) -> None:
    assert await refused_socket(stranger) in {401, 403}


@pytest.mark.usefixtures("started")
async def test_a_page_of_another_site_opens_no_socket(page: Visitor) -> None:
    cookies = await with_cookies(page)
    assert await refused_socket(cookies, Origin="http://evil.example") == 403
    (await cookies.listen(Origin=page.url.partition("/a%40b")[0])).close()


@pytest.mark.usefixtures("started")
async def test_who_comes_by_cookie_needs_the_word_against_forgery(page: Visitor) -> None:
    cookies = await with_cookies(page)
    assert (await cookies.send("GET", "status")).code == 200
    refused = await cookies.send("POST", "sharing", {"enabled": False})
    assert refused.code == 403
    word = re.search(r"_xsrf=([^;]+)", cookies.headers["Cookie"])
    assert word is not None
    taken = await cookies.send("POST", "sharing", {"enabled": True}, X_XSRFToken=word[1])
    assert taken.code == 200, taken.body


@pytest.mark.usefixtures("started")
async def test_a_page_of_another_site_reads_nothing(page: Visitor) -> None:
    cookies = await with_cookies(page)
    for address in ("status", "files", "transfers", f"previews/{'0' * 40}"):
        reply = await cookies.send("GET", address, Origin="http://evil.example")
        assert reply.code == 404
        assert b"node_id" not in reply.body


@pytest.mark.usefixtures("started")
async def test_another_name_for_this_computer_is_refused(page: Visitor) -> None:
    reply = await page.send("GET", "status", Host="evil.example:8888")
    assert reply.code == 403
    assert await refused_socket(page, Host="evil.example:8888") == 403


@pytest.mark.usefixtures("started")
async def test_the_nodes_token_reaches_no_browser(page: Visitor, storage: Path) -> None:
    token = (storage / ".state" / "token").read_bytes().strip()
    for address in addresses():
        if address == "events":
            continue
        for verb in ("GET", "POST", "DELETE"):
            if (verb, address) == ("POST", "sharing"):
                continue
            reply = await page.send(verb, address, b"{}" if verb == "POST" else None)
            assert token not in reply.body
            assert token.decode() not in str(reply.headers)


@pytest.mark.usefixtures("started")
async def test_every_answer_stays_here_and_is_what_it_says(page: Visitor) -> None:
    for address in ("status", f"downloads/{'0' * 40}", "nothing"):
        headers = (await page.send("GET", address)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        if address != "nothing":
            assert headers["Cache-Control"] == "no-store"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


class OnlyReading(Authorizer):
    """Lets everybody look, and nobody change anything."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        del handler, user, resource
        return action == "read"


@pytest.mark.usefixtures("started")
async def test_jupyters_authorizer_decides_what_somebody_may(
    page: Visitor, jp_serverapp: ServerApp
) -> None:
    jp_serverapp.web_app.settings["authorizer"] = OnlyReading(parent=jp_serverapp)
    assert (await page.send("GET", "status")).code == 200
    for verb, address in (
        ("POST", "sharing"),
        ("POST", "store"),
        ("POST", "files?name=a"),
        ("POST", "loads"),
        ("DELETE", f"files/{'0' * 40}"),
    ):
        status, error = await page.refused(verb, address, b"{}" if verb == "POST" else None)
        assert status == 403
        assert error["code"] == "jupyter"
    (await page.listen()).close()


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    "address",
    [
        "files?limit=many",
        "files?limit=-1",
        "files?limit=99999999999999999999",
        "files?kind=%27%3BDROP%20TABLE%20content",
        "files?search=%00&offset=-3",
        "files?search=%ff%fe",
        "files?search=" + "x" * 5000,
        "files?search=" + "x" * 9000,
        "explain?uri=javascript:alert(1)",
        "explain?uri=" + "a" * 8300,
        "explain",
        "channels/..%2f..%2fstop/members",
        "channels/%2e%2e/members",
        "channels/%ff/members",
        "feeds/" + "0" * 64 + "?timeout_seconds=nan",
        "previews/" + "0" * 40 + "?kind=exe&name=%00%0d%0aSet-Cookie:x=1",
        "downloads/" + "0" * 40 + "?name=%0d%0aSet-Cookie:x=1",
        "contents/../../etc/passwd",
        "contents/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "contents/" + "0" * 40 + "/a.txt",
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(page: Visitor, address: str) -> None:
    reply = await page.send("GET", address)
    assert 400 <= reply.code < 500, (reply.code, reply.body[:300])
    error = json.loads(reply.body)["error"]
    assert error["message"]
    assert "incident" not in error["fields"]
    assert "Set-Cookie" not in str(reply.headers).replace("_xsrf", "") or "x=1" not in str(
        reply.headers
    )


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("sharing", b"{}"),
        ("sharing", b'{"enabled":"yes"}'),
        ("sharing", b"["),
        ("sharing", b"[" * 100_000),
        ("loads", b'{"uri":"http://example.com/x"}'),
        ("loads", b'{"uri":"sha1://' + b"0" * 40 + b'","more":1}'),
        ("store", b'{"path":7}'),
        ("channels/join", b'{"invitation":"\xff"}'),
        (f"files/{'0' * 40}/pin", b'{"pinned":1}'),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused_in_words(
    page: Visitor, address: str, body: bytes
) -> None:
    status, error = await page.refused("POST", address, body)
    assert status == 400
    assert error["message"]


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("verb", "address"),
    [
        ("POST", "stop"),
        ("GET", "openapi.json"),
        ("GET", f"files/{'0' * 40}"),
        ("POST", "mutables/get"),
        ("POST", "messages/append"),
        ("GET", "ranges"),
        ("PUT", "sharing"),
        ("POST", "status"),
        ("POST", f"contents/{'0' * 40}/a"),
        ("PUT", f"contents/{'0' * 40}/a"),
        ("DELETE", f"contents/{'0' * 40}/a"),
    ],
)
async def test_only_what_is_in_the_table_is_sent_on(page: Visitor, verb: str, address: str) -> None:
    body = b"{}" if verb in {"POST", "PUT"} else None
    assert (await page.send(verb, address, body)).code in {404, 405}
    assert (await page.ask("GET", "status"))["active_requests"] == 0


async def test_a_node_that_is_away_is_told_with_a_hint(page: Visitor) -> None:
    for verb, address in (("GET", "status"), ("POST", "loads"), ("POST", "files?name=a")):
        body = b'{"uri":"sha1://' + b"0" * 40 + b'"}' if verb == "POST" else None
        status, error = await page.refused(verb, address, body)
        assert status == 503
        assert error["code"] == "daemon-not-running"
        assert error["hint"]


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("jp_base_url", ["/user/someone@example.org/"])
@pytest.mark.parametrize("jp_argv", [["--IdentityProvider.token="]])
async def test_a_hubs_address_before_everything_and_no_token(page: Visitor) -> None:
    page.headers = {}
    assert "/user/" in page.url
    assert (await page.ask("GET", "status"))["sharing"] == {"enabled": True}
    socket = await page.listen()
    await socket.until(lambda message: message["type"] == "changed")
    socket.close()
