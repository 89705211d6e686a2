"""The disk runs full while content comes from another node: a clear error, and on it goes later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kachery_core.digests import CHUNK_SIZE
from tests.support.channels import Community, community
from tests.support.faulty_disk import filled, small_disk, why_no_mounts
from tests.support.samples import leftovers, sample, wrong_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.nodes import RunningNode

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(why_no_mounts()), reason=why_no_mounts() or "disks can be mounted"),
]
DATA = sample(40 * CHUNK_SIZE + 11, "full disk")
# What a node leaves free for others, and some more for what it keeps itself.
LEFT_FREE = 64 << 20


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Community]:
    """The second node's storage is on a disk of its own, of 160 MiB."""
    with small_disk(tmp_path / "disk", "size=160m"), community(tmp_path / "lab", 1) as made:
        environment = {"KACHERY_STORAGE_DIR": str(tmp_path / "disk" / "storage")}
        made.join(made.add(environment=environment))
        made.wait_present()
        yield made


def load(node: RunningNode, stored: dict[str, Any]) -> dict[str, Any]:
    question = {"uris": [{"sha1": stored["sha1"], "manifest": stored["manifest"]}]}
    return json.loads(node.ask("POST", "/api/v1/loads", question).body.splitlines()[-1])


def received(node: RunningNode) -> int:
    return node.ask("GET", "/api/v1/transfers").json["received_chunks"]


def test_what_does_not_fit_is_refused_before_a_byte_comes(lab: Community, tmp_path: Path) -> None:
    provider, requester = lab.nodes
    stored = provider.store(DATA)
    with filled(tmp_path / "disk", leaving=LEFT_FREE + 20 * CHUNK_SIZE):
        error = load(requester, stored)["error"]
        assert error["code"] == "storage-full"
        assert "kachery gc" in error["hint"]
        assert received(requester) == 0
    assert load(requester, stored)["done"] == [True]
    assert requester.ask("GET", f"/api/v1/files/{stored['sha1']}").body == DATA


def test_small_content_finds_a_full_disk_too(lab: Community, tmp_path: Path) -> None:
    provider, requester = lab.nodes
    stored = provider.store(sample(16_000, "small"))
    with filled(tmp_path / "disk"):
        assert load(requester, stored)["error"]["code"] == "storage-full"
        assert requester.process.poll() is None
    assert load(requester, stored)["done"] == [True]
    assert wrong_files(requester.storage) == []
    assert leftovers(requester.storage) == []


def test_a_disk_that_fills_up_later_stops_what_does_not_fit_any_more(
    lab: Community, tmp_path: Path
) -> None:
    """Two ranges of a content fit and the whole does not: what came is kept, and used later."""
    provider, requester = lab.nodes
    stored = provider.store(DATA)
    question = f"/api/v1/ranges?sha1={stored['sha1']}&manifest={stored['manifest']}"
    assert requester.ask("GET", f"{question}&start=5&end=10").body == DATA[5:10]
    with filled(tmp_path / "disk", leaving=2 * CHUNK_SIZE):
        assert load(requester, stored)["error"]["code"] == "storage-full"
        first, last = 10 * CHUNK_SIZE, 14 * CHUNK_SIZE
        reply = requester.ask("GET", f"{question}&start={first}&end={last}")
        assert reply.status == 507
        assert reply.json["error"]["code"] == "storage-full"
    came = received(requester)
    assert 1 <= came <= 4
    assert load(requester, stored)["done"] == [True]
    assert received(requester) <= 41 + 4
    assert requester.ask("GET", f"/api/v1/files/{stored['sha1']}").body == DATA
    assert wrong_files(requester.storage) == []
