"""What a browser page hears through its WebSocket, and how soon."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

import kachery_jupyter as kc
from kachery_jupyter.server.tails import _LARGEST_MESSAGE
from tests.support.channels import community, invite

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_jupyter.server import KacheryExtension
    from tests.support.jupyter_servers import Socket, Visitor

pytest_plugins = ["pytest_jupyter.jupyter_server"]
pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.name == "nt", reason="POSIX"),
    pytest.mark.usefixtures("started"),
]
SOON_SECONDS = 0.2


def changed(noun: str) -> Any:
    """Whether a message says that this is different."""
    return lambda message: message["type"] == "changed" and noun in message["nouns"]


def messages_of(uri: str) -> Any:
    """Whether a message brings some of a feed."""
    return lambda message: message["type"] == "messages" and message["uri"] == uri


async def elsewhere(function: Any, *args: Any) -> Any:
    """Do something as a kernel does: not in the server's loop."""
    return await asyncio.to_thread(function, *args)


async def test_what_a_kernel_stores_is_heard_of_at_once(page: Visitor) -> None:
    socket = await page.listen()
    await socket.settled()
    assert await socket.quiet(0.5) == [], "nothing happens, nothing is said"
    waits = []
    for number in range(5):
        await elsewhere(kc.store_text, f"text {number}")
        began = time.monotonic()
        await socket.until(changed("files"))
        waits.append(time.monotonic() - began)
        await socket.quiet(0.3)
    print("heard after", [f"{1000 * wait:.0f} ms" for wait in waits])
    assert sorted(waits)[2] < SOON_SECONDS
    socket.close()


async def test_much_that_happens_is_told_ten_times_a_second(page: Visitor) -> None:
    socket = await page.listen()
    await socket.settled()
    storing = asyncio.ensure_future(
        elsewhere(lambda: [kc.store_text(f"{number}") for number in range(200)])
    )
    heard = await socket.quiet(1.0)
    await storing
    assert 1 <= len(heard) <= 12
    socket.close()


async def test_channels_feeds_and_sharing_are_heard_of(page: Visitor) -> None:
    socket = await page.listen()
    await socket.settled()
    await elsewhere(kc.create_feed, "heard")
    await socket.until(changed("feeds"))
    await page.ask("POST", "sharing", {"enabled": False})
    await socket.until(changed("status"))
    socket.close()


async def test_nothing_is_asked_of_the_node_while_no_page_listens(
    page: Visitor, started: KacheryExtension
) -> None:
    services = started._services
    noticing = started.connected.node._services.sharing.noticing
    assert not noticing._listeners
    first, second = await page.listen(), await page.listen()
    await first.settled()
    assert len(noticing._listeners) == 1, "one stream for all pages"
    first.close()
    await second.settled()
    assert len(noticing._listeners) == 1
    second.close()
    for _ in range(100):
        if not noticing._listeners and noticing._looking.done():
            break
        await asyncio.sleep(0.02)
    assert not noticing._listeners
    assert noticing._looking.done()
    assert services.listeners == 0
    assert started.current_activity() is None


async def test_a_feed_is_followed_from_its_last_messages_on(page: Visitor) -> None:
    subfeed = await elsewhere(lambda: kc.create_feed("f").load_subfeed("main"))
    await elsewhere(subfeed.append_messages, [{"n": n} for n in range(10)])
    socket = await page.listen()
    await socket.wish(tail=subfeed.uri, from_=-3)
    told = await socket.until(messages_of(subfeed.uri))
    assert (told["first"], told["messages"]) == (7, [{"n": 7}, {"n": 8}, {"n": 9}])
    waits = []
    for n in range(10, 15):
        await elsewhere(subfeed.append_message, {"n": n})
        began = time.monotonic()
        told = await socket.until(messages_of(subfeed.uri))
        waits.append(time.monotonic() - began)
        assert (told["first"], told["messages"]) == (n, [{"n": n}])
    print("appends heard after", [f"{1000 * wait:.0f} ms" for wait in waits])
    assert sorted(waits)[2] < SOON_SECONDS
    await socket.wish(untail=subfeed.uri)
    await socket.quiet(0.2)
    await elsewhere(subfeed.append_message, {"n": 15})
    assert [one for one in await socket.quiet(0.5) if one["type"] == "messages"] == []
    socket.close()


async def test_pages_share_a_reader_and_each_begins_where_it_wants(
    page: Visitor, started: KacheryExtension
) -> None:
    subfeed = await elsewhere(lambda: kc.create_feed("f").load_subfeed("main"))
    await elsewhere(subfeed.append_messages, list(range(6)))
    sockets = [await page.listen() for _ in range(3)]
    for socket, start in zip(sockets, (0, 4, 8), strict=True):
        await socket.wish(tail=subfeed.uri, from_=start)
    assert await numbers(sockets[0], subfeed.uri, 6) == list(range(6))
    assert await numbers(sockets[1], subfeed.uri, 2) == [4, 5]
    await asyncio.sleep(0.2)
    assert started._services.listeners == 1
    await elsewhere(subfeed.append_messages, list(range(6, 10)))
    assert await numbers(sockets[0], subfeed.uri, 4) == [6, 7, 8, 9]
    assert await numbers(sockets[1], subfeed.uri, 4) == [6, 7, 8, 9]
    assert await numbers(sockets[2], subfeed.uri, 2) == [8, 9]
    for socket in sockets:
        socket.close()
    for _ in range(100):
        if not started._services._tails._tails and started._services.listeners == 0:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the reader outlives its pages")


async def numbers(socket: Socket, uri: str, count: int) -> list[Any]:
    """The next so many messages of a feed."""
    found: list[Any] = []
    while len(found) < count:
        told = await socket.until(messages_of(uri))
        found += told["messages"]
    return found


async def test_a_long_history_comes_in_parts_and_large_messages_are_named(page: Visitor) -> None:
    subfeed = await elsewhere(lambda: kc.create_feed("f").load_subfeed("main"))
    large = "x" * (_LARGEST_MESSAGE + 1)
    await elsewhere(subfeed.append_messages, [*range(1200), large])
    socket = await page.listen()
    await socket.wish(tail=subfeed.uri, from_=0)
    found = await numbers(socket, subfeed.uri, 1201)
    assert found[:1200] == list(range(1200))
    assert found[1200] == {"too_large": len(large) + 2}
    assert max(len(json.dumps(one)) for one in socket.heard) < 300_000
    socket.close()


async def test_a_feed_that_cannot_be_followed_is_told_with_a_hint(page: Visitor) -> None:
    feed = await elsewhere(kc.create_feed, "f")
    socket = await page.listen()
    for uri in ("nonsense", feed.uri, f"feed://{'0' * 64}/main"):
        await socket.wish(tail=uri)
        told = await socket.until(lambda message: message["type"] == "tail_error")
        assert told["uri"] == uri
        assert told["error"]["message"]
    socket.close()


async def test_a_feed_that_is_deleted_ends_its_tail(page: Visitor) -> None:
    feed = await elsewhere(kc.create_feed, "f")
    subfeed = feed.load_subfeed("main")
    await elsewhere(subfeed.append_message, 1)
    socket = await page.listen()
    await socket.wish(tail=subfeed.uri, from_=-1)
    await socket.until(messages_of(subfeed.uri))
    await elsewhere(feed.delete)
    told = await socket.until(lambda message: message["type"] == "tail_error")
    assert told["error"]["code"] == "feed-not-found"
    socket.close()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"tail":7}', '{"from":"x"}', '{"run":"rm"}', '{"tail":"' + "x" * 5000]
)
async def test_a_page_that_sends_anything_else_is_shown_out(page: Visitor, text: str) -> None:
    socket = await page.listen()
    await socket.settled()
    await socket.send_text(text)
    assert await socket.next() is None


async def test_a_load_of_nothing_ends_with_a_word(page: Visitor) -> None:
    socket = await page.listen()
    await socket.settled()
    uri = f"sha1://{'0' * 40}/a.npy"
    load = (await page.ask("POST", "loads", {"uri": uri}))["load"]
    told = await socket.until(lambda message: message["type"] == "load" and "done" in message)
    assert told == {"type": "load", "load": load, "uri": uri, "done": False}
    status, error = await page.refused("DELETE", f"loads/{load}")
    assert (status, error["code"]) == (404, "content-not-found")
    load = (await page.ask("POST", "loads", {"uri": uri, "channels": ["none"]}))["load"]
    told = await socket.until(lambda message: message.get("load") == load and "error" in message)
    assert told["error"]["code"] == "channel-not-found"
    socket.close()


async def test_a_load_from_another_node_is_watched_and_can_be_given_up(
    page: Visitor, tmp_path: Path
) -> None:
    entering = community(tmp_path / "lab", 1)
    lab = await elsewhere(entering.__enter__)
    try:
        me = (await page.ask("GET", "status"))["node_id"]
        invitation = await elsewhere(invite, lab.owner, me)
        joined = await page.ask("POST", "channels/join", {"invitation": invitation})
        assert joined["state"] in {"connected", "connecting"}
        socket = await page.listen()
        data = os.urandom(1 << 20) * 48
        stored = await elsewhere(lab.owner.store, data, "big.dat")
        uri = f"sha1://{stored['sha1']}/big.dat?manifest={stored['manifest']}"
        load = (await page.ask("POST", "loads", {"uri": uri, "channels": ["lab"]}))["load"]
        heard = []
        while True:
            told = await socket.next()
            if told["type"] == "load":
                heard.append(told)
                if "progress" not in told:
                    break
        assert heard[-1] == {"type": "load", "load": load, "uri": uri, "done": True}
        assert all(one["progress"]["total"] >= one["progress"]["done"] for one in heard[:-1])
        assert (await page.ask("GET", f"files/{stored['sha1']}/info"))["held"]
        status = await page.ask("GET", "status")
        assert status["direct"]["reachable"] is True
        assert status["direct"]["port"]
        for cancel in ("loads", "transfers"):
            await cancelled(page, socket, lab, cancel)
        socket.close()
    finally:
        await elsewhere(entering.__exit__, None, None, None)


async def cancelled(page: Visitor, socket: Socket, lab: Any, cancel: str) -> None:
    """Begin to load what takes long, and give it up."""
    data = os.urandom(1 << 20) * 400
    stored = await elsewhere(lab.owner.store, data, "huge.dat")
    uri = f"sha1://{stored['sha1']}/huge.dat?manifest={stored['manifest']}"
    load = (await page.ask("POST", "loads", {"uri": uri}))["load"]
    while True:
        coming = (await page.ask("GET", "transfers"))["coming"]
        if coming and coming[0]["done"]:
            break
        await asyncio.sleep(0.01)
    name = load if cancel == "loads" else stored["sha1"]
    await page.ask("DELETE", f"{cancel}/{name}")
    told = await socket.until(lambda one: one["type"] == "load" and "progress" not in one)
    assert told["load"] == load
    assert told["error"]["code"] == "transfer-cancelled"
    for _ in range(200):
        if not (await page.ask("GET", "transfers"))["coming"]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it goes on")
