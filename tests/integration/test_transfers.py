"""Content moves between nodes: on both paths, from several at once, interrupted, gone on with."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from kachery_core.digests import CHUNK_SIZE
from tests.support.channels import (
    Community,
    choose,
    community,
    grant,
    revoke,
    wait_for,
)
from tests.support.nodes import running_node
from tests.support.samples import leftovers, sample, wrong_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.nodes import RunningNode

pytestmark = pytest.mark.timeout(240)
BIG = sample(60 * CHUNK_SIZE + 4321, "transfers")
CHUNKS = 61
HUGE = 200


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Community]:
    with community(tmp_path, 2) as made:
        yield made


def load(node: RunningNode, *stored: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Have a node load contents; the last line of its answer."""
    uris = [{"sha1": one["sha1"], "manifest": one.get("manifest", "")} for one in stored]
    reply = node.ask("POST", "/api/v1/loads", {"uris": uris} | more)
    return json.loads(reply.body.splitlines()[-1])


def content_of(node: RunningNode, stored: dict[str, Any]) -> bytes:
    return node.ask("GET", f"/api/v1/files/{stored['sha1']}").body


def transfers(node: RunningNode) -> dict[str, Any]:
    """What goes on between a node and others."""
    return node.ask("GET", "/api/v1/transfers").json


def many_bytes(seed: str) -> bytes:
    """Content that takes a while to load."""
    return sample(CHUNK_SIZE, seed) * (HUGE - 1) + b"end"


class Loading:
    """A load that goes on in a thread."""

    def __init__(self, node: RunningNode, *stored: dict[str, Any], **more: Any) -> None:
        self.answer: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._run, args=(node, stored, more))
        self._thread.start()

    def _run(self, node: RunningNode, stored: tuple[dict[str, Any], ...], more: Any) -> None:
        try:
            self.answer = load(node, *stored, **more)
        except (OSError, http.client.HTTPException) as problem:
            self.answer = {"broke": str(problem)}

    def wait(self) -> dict[str, Any]:
        self._thread.join(120)
        assert not self._thread.is_alive(), "the load never ends"
        return self.answer


def wait_for_chunks(node: RunningNode, count: int) -> None:
    """Wait until a node has received some chunks of what is on its way."""
    wait_for(
        lambda: any(one["done"] >= count * CHUNK_SIZE for one in transfers(node)["coming"]),
        f"{count} chunks came",
    )


def test_small_and_large_content_comes_directly_and_each_chunk_once(lab: Community) -> None:
    provider, requester = lab.nodes
    small, large = provider.store(b"small"), provider.store(BIG, "big.dat", "file")
    assert load(requester, small, large)["done"] == [True, True]
    assert content_of(requester, small) == b"small"
    assert content_of(requester, large) == BIG
    assert transfers(provider)["sent_chunks"] == CHUNKS
    assert transfers(requester) == {"sent_chunks": 0, "received_chunks": CHUNKS, "coming": []}
    assert leftovers(requester.storage) == []
    info = requester.ask("GET", f"/api/v1/files/{large['sha1']}/info").json
    assert info["entry"]["fetched"] is True
    assert info["entry"]["origin"]["channel"] == "lab"


def test_without_the_direct_path_everything_comes_through_the_hub(tmp_path: Path) -> None:
    with community(tmp_path, 2, environment={"KACHERY_DIRECT": "off"}) as lab:
        provider, requester = lab.nodes
        stored = [provider.store(data) for data in (b"", b"x", BIG[: CHUNK_SIZE // 2], BIG)]
        assert load(requester, *stored)["done"] == [True] * 4
        assert content_of(requester, stored[3]) == BIG
        assert transfers(provider)["sent_chunks"] == CHUNKS + 1


def test_what_was_loaded_is_provided_to_the_next(tmp_path: Path) -> None:
    with community(tmp_path, 3) as lab:
        first, second, third = lab.nodes
        stored = first.store(BIG)
        assert load(second, stored)["done"] == [True]
        first.terminate()
        assert load(third, stored)["done"] == [True]
        assert transfers(second)["sent_chunks"] == CHUNKS


def test_two_providers_are_used_at_once_and_no_chunk_comes_twice(tmp_path: Path) -> None:
    with community(tmp_path, 3) as lab:
        first, second, requester = lab.nodes
        data = many_bytes("two")
        stored = first.store(data)
        second.store(data)
        assert load(requester, stored)["done"] == [True]
        sent = [transfers(node)["sent_chunks"] for node in (first, second)]
        assert sum(sent) <= HUGE + 16
        assert min(sent) > 0
        assert content_of(requester, stored) == data


def test_a_provider_that_is_killed_is_replaced_by_the_other(tmp_path: Path) -> None:
    with community(tmp_path, 3) as lab:
        first, second, requester = lab.nodes
        data = many_bytes("killed")
        stored = first.store(data)
        second.store(data)
        loading = Loading(requester, stored)
        wait_for_chunks(requester, 10)
        first.kill()
        assert loading.wait()["done"] == [True]
        assert content_of(requester, stored) == data


def test_the_only_provider_comes_back_and_the_load_goes_on(lab: Community) -> None:
    provider, requester = lab.nodes
    data = many_bytes("back")
    stored = provider.store(data)
    loading = Loading(requester, stored)
    wait_for_chunks(requester, 10)
    provider.kill()
    lab.restart(0)
    assert loading.wait()["done"] == [True]
    assert content_of(requester, stored) == data
    assert transfers(requester)["received_chunks"] == HUGE


def test_a_requester_that_is_killed_goes_on_where_it_was(lab: Community) -> None:
    provider, requester = lab.nodes
    data = many_bytes("resumed")
    stored = provider.store(data)
    loading = Loading(requester, stored)
    wait_for_chunks(requester, 50)
    requester.kill()
    assert "broke" in loading.wait()
    again = lab.restart(1)
    lab.wait_present()
    assert load(again, stored)["done"] == [True]
    assert transfers(again)["received_chunks"] <= HUGE - 50
    assert content_of(again, stored) == data
    assert leftovers(again.storage) == []


def test_who_hangs_up_stops_the_transfer_and_the_next_goes_on(lab: Community) -> None:
    provider, requester = lab.nodes
    stored = provider.store(many_bytes("hang up"))
    answer = load(requester, stored, timeout_seconds=0.15)
    if "error" in answer:  # a fast machine is done by then
        assert answer["error"]["code"] == "transfer-stalled"
        assert transfers(requester)["coming"] == []
    came = transfers(requester)["received_chunks"]
    assert load(requester, stored)["done"] == [True]
    # Some more were on their way when it was stopped.
    assert transfers(requester)["received_chunks"] <= HUGE + 8
    assert came <= HUGE


def test_several_callers_share_one_transfer(lab: Community) -> None:
    provider, requester = lab.nodes
    stored = provider.store(many_bytes("shared"))
    loadings = [Loading(requester, stored) for _ in range(4)]
    assert all(loading.wait()["done"] == [True] for loading in loadings)
    assert transfers(provider)["sent_chunks"] == HUGE


def test_a_range_fetches_only_its_chunks_and_they_count_later(lab: Community) -> None:
    provider, requester = lab.nodes
    data = many_bytes("range")
    stored = provider.store(data)
    question = f"/api/v1/ranges?sha1={stored['sha1']}&manifest={stored['manifest']}"
    start = 90 * CHUNK_SIZE - 5
    reply = requester.ask("GET", f"{question}&start={start}&end={start + 10}")
    assert (reply.status, reply.body) == (200, data[start : start + 10])
    assert reply.headers["Content-Range"] == f"bytes {start}-{start + 9}/{len(data)}"
    assert transfers(requester)["received_chunks"] == 2
    beyond = requester.ask("GET", f"{question}&start=0&end={len(data) + 1}")
    assert (beyond.status, beyond.json["error"]["code"]) == (400, "invalid-range") or (
        beyond.status == 416
    )
    assert load(requester, stored)["done"] == [True]
    assert transfers(requester)["received_chunks"] == HUGE
    assert content_of(requester, stored) == data


def test_reading_on_fetches_ahead_and_ends_with_the_whole_in_the_store(lab: Community) -> None:
    provider, requester = lab.nodes
    data = many_bytes("ahead")[: 40 * CHUNK_SIZE]
    stored = provider.store(data)
    question = f"/api/v1/ranges?sha1={stored['sha1']}&manifest={stored['manifest']}"
    read = b""
    while len(read) < len(data):
        end = min(len(read) + CHUNK_SIZE // 2, len(data))
        reply = requester.ask("GET", f"{question}&start={len(read)}&end={end}")
        assert reply.status == 200, reply.body
        read += reply.body
    assert read == data
    wait_for(
        lambda: requester.ask("HEAD", f"/api/v1/files/{stored['sha1']}").status == 200,
        "it is in the store",
    )
    assert transfers(requester)["received_chunks"] == 40


def test_without_a_table_in_its_uri_the_whole_comes_before_any_byte_is_shown(
    lab: Community,
) -> None:
    provider, requester = lab.nodes
    stored = provider.store(BIG)
    reply = requester.ask("GET", f"/api/v1/ranges?sha1={stored['sha1']}&start=5&end=9")
    assert (reply.status, reply.body) == (200, BIG[5:9])
    assert requester.ask("HEAD", f"/api/v1/files/{stored['sha1']}").status == 200


def test_a_member_that_is_revoked_gets_nothing_more_on_either_path(lab: Community) -> None:
    owner, requester = lab.nodes
    stored = owner.store(many_bytes("revoked"))
    loading = Loading(requester, stored)
    wait_for_chunks(requester, 5)
    began = time.monotonic()
    revoke(owner, requester)
    answer = loading.wait()
    if "done" not in answer:  # a fast machine had everything by then
        assert answer["error"]["code"] in {
            "membership-revoked",
            "no-provider",
            "transfer-stalled",
            "hub-unreachable",
        }
        assert time.monotonic() - began < 45
    other = owner.store(b"later")
    wait_for(lambda: "error" in load(requester, other), "it notices")
    sent = transfers(owner)["sent_chunks"]
    time.sleep(1)
    assert transfers(owner)["sent_chunks"] == sent
    assert wrong_files(requester.storage) == []


def test_roles_count_on_both_sides_and_as_they_are_now(lab: Community) -> None:
    owner, member = lab.nodes
    stored, own = owner.store(BIG), member.store(b"of the member")
    grant(owner, member, ["provide-files"])
    wait_for(lambda: "error" in load(member, stored), "it may not ask")
    assert load(member, stored)["error"]["code"] == "role-missing"
    wait_for(lambda: load(owner, own).get("done") == [True], "it provides")
    grant(owner, member, ["request-files"])
    wait_for(lambda: "done" in load(member, stored), "it may ask again")
    assert load(owner, member.store(b"not provided"))["done"] == [False]
    choose(owner, disable=["provide-files"])
    assert load(member, owner.store(b"disabled"))["done"] == [False]


def test_content_of_an_old_storage_folder_is_found(tmp_path: Path) -> None:
    with community(tmp_path, 2) as lab:
        provider, requester = lab.nodes
        stored, small = provider.store(BIG), provider.store(b"old and small")
        provider.terminate()
        state = provider.storage / ".state"
        for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
            (state / name).unlink(missing_ok=True)
        for path in (provider.storage / "sha1").rglob("*.manifest"):
            path.unlink()
        lab.restart(0)
        lab.wait_present()
        wait_for(lambda: load(requester, small)["done"] == [True], "it is indexed")
        assert load(requester, {"sha1": stored["sha1"]})["done"] == [True]
        assert content_of(requester, stored) == BIG


def test_a_stopped_provider_is_a_clear_error_in_time_and_what_came_is_kept(
    lab: Community,
) -> None:
    provider, requester = lab.nodes
    stored = provider.store(many_bytes("stopped"))
    loading = Loading(requester, stored, timeout_seconds=4)
    wait_for_chunks(requester, 10)
    provider.process.send_signal(signal.SIGSTOP)
    try:
        answer = loading.wait()
        assert "done" in answer or answer["error"]["code"] == "transfer-stalled"
    finally:
        provider.process.send_signal(signal.SIGCONT)
    assert load(requester, stored)["done"] == [True]
    assert transfers(requester)["received_chunks"] <= HUGE + 16


def test_a_thousand_small_contents_come_in_one_load(lab: Community) -> None:
    provider, requester = lab.nodes
    stored = [provider.store(f"content {number}".encode()) for number in range(1000)]
    assert load(requester, *stored)["done"] == [True] * 1000
    assert content_of(requester, stored[777]) == b"content 777"


def test_a_node_without_channels_is_as_it_was(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        assert load(node, {"sha1": "0" * 40}) == {"done": [False], "asked": []}
        assert transfers(node) == {"sent_chunks": 0, "received_chunks": 0, "coming": []}
