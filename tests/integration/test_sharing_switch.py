"""Sharing turned off and on: no hub, nothing served, and remembered."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.channels import CHANNEL, Community, channel, community, invite, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.nodes import RunningNode

pytestmark = [pytest.mark.timeout(240), pytest.mark.skipif(os.name == "nt", reason="POSIX")]


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    with community(tmp_path_factory.mktemp("lab"), 2) as lab:
        yield lab


def turn(node: RunningNode, *, enabled: bool) -> None:
    """Turn sharing on or off."""
    reply = node.ask("POST", "/api/v1/sharing", {"enabled": enabled})
    assert reply.json == {"enabled": enabled}


def status(node: RunningNode) -> dict[str, Any]:
    """How a node is."""
    return node.ask("GET", "/api/v1/status").json


def load(node: RunningNode, sha1: str) -> Any:
    """Ask for a content; what the last line says."""
    body = {"uris": [{"sha1": sha1}], "timeout_seconds": 20}
    reply = node.ask("POST", "/api/v1/loads", body)
    return reply.body.splitlines()[-1].decode()


def connections(node: RunningNode) -> set[int]:
    """The ports of other processes to which a node has a connection."""
    sockets = set()
    for name in os.listdir(f"/proc/{node.process.pid}/fd"):
        try:
            target = os.readlink(f"/proc/{node.process.pid}/fd/{name}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            sockets.add(target[8:-1])
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[9] in sockets}


@pytest.mark.skipif(not os.path.isdir("/proc/net"), reason="looks at the system's own tables")
def test_off_is_no_hub_and_nothing_served_and_on_is_as_before(lab: Community) -> None:
    owner, member = lab.nodes
    stored = owner.store(b"x" * (3 << 20), "x.dat")
    other = owner.store(b"y" * (3 << 20), "y.dat")
    assert '"done":[true]' in load(member, stored["sha1"])
    assert status(owner)["direct"]["reachable"] is True
    assert lab.hub.port in connections(owner)

    turn(owner, enabled=False)
    assert lab.hub.port not in connections(owner), "no hub"
    told = status(owner)
    assert told["sharing"] == {"enabled": False}
    assert told["direct"] == {"reachable": None, "port": None, "addresses": []}
    assert channel(owner)["state"] == "off"
    assert "off" in channel(owner)["problem"]
    wait_for(lambda: channel(member)["present"] == 0, "the other sees that it has gone")
    assert '"done":[true]' not in load(member, other["sha1"])

    turn(owner, enabled=True)
    lab.wait_present()
    wait_for(lambda: '"done":[true]' in load(member, other["sha1"]), "it is served again")
    wait_for(lambda: status(owner)["direct"]["reachable"], "directly, too")


def test_off_is_remembered_over_a_restart(lab: Community) -> None:
    turn(lab.nodes[1], enabled=False)
    lab.nodes[1].kill()
    member = lab.restart(1)
    assert status(member)["sharing"] == {"enabled": False}
    assert channel(member)["state"] == "off"
    assert lab.hub.port not in connections(member)
    turn(member, enabled=True)
    lab.wait_present()


def test_what_needs_a_channel_is_refused_in_words_while_it_is_off(lab: Community) -> None:
    owner, member = lab.nodes
    stored = owner.store(b"z", "z.dat")
    turn(member, enabled=False)
    assert "sharing-off" in load(member, stored["sha1"])
    made = member.ask("POST", "/api/v1/channels", {"name": "new", "hub": lab.hub.url})
    assert (made.status, made.json["error"]["code"]) == (503, "sharing-off")
    explained = member.ask("GET", f"/api/v1/explain?uri=sha1://{stored['sha1']}")
    assert explained.status == 200
    checks = member.ask("GET", "/api/v1/checks").json["checks"]
    assert [(one["level"], one["subject"]) for one in checks] == [("warning", "sharing")]
    assert member.ask("DELETE", f"/api/v1/transfers/{stored['sha1']}").status == 404


def test_an_owner_decides_while_it_is_off_and_tells_later(lab: Community) -> None:
    third = lab.add()
    turn(lab.owner, enabled=False)
    invitation = invite(lab.owner, lab.nodes[third])
    assert lab.hub.port not in connections(lab.owner)
    turn(lab.owner, enabled=True)
    joined = lab.nodes[third].ask("POST", "/api/v1/channels/join", {"invitation": invitation})
    assert joined.json["name"] == CHANNEL
    lab.wait_present()


def test_a_choice_that_cannot_be_read_is_no_wish_to_share(lab: Community) -> None:
    member = lab.nodes[1]
    member.kill()
    path = member.storage / ".state" / "sharing.json"
    path.write_text("{")
    path.chmod(0o600)
    assert status(lab.restart(1))["sharing"] == {"enabled": False}


def test_other_users_may_ask_and_not_turn_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    with community(tmp_path_factory.mktemp("shared"), 1, "--shared") as lab:
        headers = {"Kachery-Token": lab.owner.client_token}
        asked = lab.owner.ask("GET", "/api/v1/sharing", headers=headers)
        assert asked.json == {"enabled": True}
        body = {"enabled": False}
        assert lab.owner.ask("POST", "/api/v1/sharing", body, headers).status == 403
        assert lab.owner.ask("GET", "/api/v1/events", headers=headers).status == 403
