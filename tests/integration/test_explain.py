"""Real hub, real nodes: what people are told when something is not found, and by the doctor."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.channels import (
    Community,
    channel,
    choose,
    community,
    grant,
    node_id,
    programs_environment,
    revoke,
    wait_for,
)
from tests.support.nodes import RunningNode, running_node
from tests.support.programs import run_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)
URI = "sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Community]:
    with community(tmp_path, 2) as lab:
        yield lab


def run(node: RunningNode, code: str) -> str:
    return run_program(f"import kachery_jupyter as kc\n{code}", programs_environment(node))


def explained(node: RunningNode, uri: str = URI) -> dict:
    return json.loads(run(node, f"import json\nprint(json.dumps(kc.explain({uri!r}).as_dict()))"))


def shell(node: RunningNode, *words: str) -> str:
    """What `kachery` says, whether or not all is well."""
    code = (
        "import contextlib\nfrom kachery_jupyter.cli import run\n"
        f"with contextlib.suppress(SystemExit): run({list(words)!r})"
    )
    return run_program(code, programs_environment(node))


def found_by_doctor(node: RunningNode, level: str) -> list[str]:
    marks = {"ok": "  ok   ", "warning": "  look ", "wrong": "  WRONG"}
    return [line for line in shell(node, "doctor").splitlines() if line.startswith(marks[level])]


def test_a_node_without_channels_says_so(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        said = explained(node)
        assert said["channels"] == []
        assert "in no channel" in said["conclusion"]
        assert run(node, f"print(kc.load_text({URI!r}))").strip() == "None"
        assert "this node is in none" in shell(node, "doctor")


def test_who_has_it_is_told_and_who_has_not(lab: Community) -> None:
    owner, other = lab.nodes
    stored = owner.store(b"some-random-text", "file.txt", "text")
    said = explained(other, stored["uri"])
    (seen,) = said["channels"]
    assert (seen["name"], seen["state"], seen["was_asked"]) == ("lab", "connected", True)
    assert abs(seen["clock_offset"]) < 2
    (provider,) = seen["providers"]
    assert (provider["node_id"], provider["answer"]) == (node_id(owner), "has it")
    assert (provider["size"], provider["path"]) == (16, "direct")
    assert said["conclusion"] == "1 other node has it, on channel 'lab': it can be loaded."
    assert not said["is_here"]
    assert channel(other)["present"] == 1
    nothing = explained(other, f"sha1://{'0' * 40}")
    assert nothing["channels"][0]["providers"][0]["answer"] == "has it not"
    assert "Nobody who is there has it" in nothing["conclusion"]
    text = shell(other, "explain", stored["uri"])
    assert "reached directly" in text
    assert json.loads(shell(other, "explain", "--json", stored["uri"]))["uri"] == stored["uri"]
    assert explained(owner, stored["uri"])["conclusion"] == "It is here."


def test_feeds_are_explained_as_well(lab: Community) -> None:
    owner, other = lab.nodes
    code = "subfeed = kc.create_feed().load_subfeed('picks')\nsubfeed.append_messages([1, 2])"
    uri = run(owner, f"{code}\nprint(subfeed.uri)").strip()
    assert "has it, 2 messages, reached through the hub" in shell(other, "explain", uri)
    assert "has it, 1 subfeeds" in shell(other, "explain", uri.rpartition("/")[0])
    assert explained(other, f"{uri}x")["channels"][0]["providers"][0]["answer"] == "has it not"
    assert "written here, 2 messages" in shell(owner, "explain", uri)
    run(other, f"assert len(kc.load_subfeed({uri!r}).get_next_messages()) == 2")
    assert "a copy of another node's, 2 messages" in shell(other, "explain", uri)
    choose(other, disable=["request-feeds"])
    assert "may not request feeds" in explained(other, f"{uri}x")["conclusion"]


def test_a_role_that_is_missing_is_named_with_the_way_to_it(lab: Community) -> None:
    owner, other = lab.nodes
    choose(other, disable=["request-files"])
    said = explained(other)
    assert "may not request files on any of its channels" in said["conclusion"]
    assert "kachery channel roles lab --enable request-files" in said["advice"]
    assert "disabled here: request-files" in "".join(found_by_doctor(other, "ok"))
    choose(other, enable=["request-files"])
    grant(owner, other, ["request-feeds"])
    wait_for(lambda: channel(other)["granted"] == ["request-feeds"], "the roles are gone")
    said = explained(other)
    assert "may not request files on any of its channels" in said["conclusion"]
    assert node_id(other) in said["advice"]
    grant(owner, owner, ["request-files"])
    wait_for(lambda: channel(owner)["granted"] == ["request-files"], "the owner provides nothing")
    assert "Nobody who may provide files is there" in explained(owner)["conclusion"]


def test_a_hub_that_is_gone_is_named(lab: Community) -> None:
    _, other = lab.nodes
    lab.hub.kill()
    wait_for(lambda: channel(other)["state"] == "connecting", "the hub is missed")
    said = explained(other)
    assert not said["channels"][0]["was_asked"]
    assert "no channel could be asked" in said["conclusion"]
    assert str(lab.hub.port) in said["conclusion"]
    wrong = found_by_doctor(other, "wrong")
    assert any("hub of lab" in line for line in wrong)
    assert any("channel lab" in line for line in wrong)
    lab.hub.restart()
    wait_for(lambda: channel(other)["state"] == "connected", "the hub is back")
    assert not found_by_doctor(other, "wrong")


def test_a_revoked_member_is_told(lab: Community) -> None:
    owner, other = lab.nodes
    revoke(owner, other)
    wait_for(lambda: channel(other)["state"] == "revoked", "the revocation is known")
    said = explained(other)
    assert said["channels"][0]["state"] == "revoked"
    assert "revoked" in said["channels"][0]["problem"]
    assert any("membership in lab" in line for line in found_by_doctor(other, "wrong"))


def test_two_nodes_with_one_key_are_noticed(lab: Community, tmp_path: Path) -> None:
    _, other = lab.nodes
    copied = tmp_path / "copied"
    shutil.copytree(other.storage, copied / "storage", ignore=shutil.ignore_patterns("*.sock"))
    (copied / "storage" / ".state" / "node.json").unlink()
    with running_node(copied) as twin:
        assert node_id(twin) == node_id(other)
        for node in (other, twin):
            wait_for(
                lambda node=node: "has this node's key" in shell(node, "doctor"),
                "the twin is noticed",
            )


def test_the_doctor_finds_nothing_wrong_where_nothing_is(lab: Community) -> None:
    for node in lab.nodes:
        said = shell(node, "doctor")
        assert not found_by_doctor(node, "wrong"), said
        for part in (
            "with the certificate its URL names",
            "connected, 1 other node there",
            "direct path of lab: 127.0.0.1:",
        ):
            assert part in said
