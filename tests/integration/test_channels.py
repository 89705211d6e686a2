"""Channels as people use them: real hub, real nodes in processes; by HTTP, Python and the shell."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from kachery_core.keys import SeedSigner
from tests.support.channels import (
    ALL_ROLES,
    CHANNEL,
    channel,
    choose,
    community,
    create,
    grant,
    invite,
    join,
    members,
    node_id,
    programs_environment,
    revoke,
    wait_for,
)
from tests.support.hubs import running_hub
from tests.support.nodes import running_node
from tests.support.programs import run_program

pytestmark = pytest.mark.timeout(180)

NOBODY = SeedSigner(bytes(32)).public_key
KACHERY = [sys.executable, "-m", "kachery_jupyter.cli"]
SHARING = ["request-files", "provide-files", "request-feeds", "provide-feeds"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two nodes that share no channel; each test makes channels of its own names."""
    folder = tmp_path_factory.mktemp("pair")
    with running_node(folder / "a") as one, running_node(folder / "b") as two:
        yield one, two


class Shell:
    """The shell command beside one node."""

    def __init__(self, node):
        self.environment = programs_environment(node)

    def run(self, *arguments, status=0, **more):
        done = subprocess.run(
            [*KACHERY, *arguments],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=60,
            check=False,
            **more,
        )
        assert done.returncode == status, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def out(self, *arguments, **more):
        return self.run(*arguments, **more).stdout.strip()

    def facts(self, *arguments, **more):
        return json.loads(self.out(*arguments, "--json", **more))


def error_of(node, method, path, body=None):
    """The error that a node answers."""
    reply = node.ask(method, f"/api/v1{path}", body)
    assert reply.status >= 400, reply.body
    return reply.status, reply.json["error"]


def test_the_whole_story_in_the_shell(pair, hub):
    here, there = map(Shell, pair)
    made = here.facts("channel", "create", "shell", "--hub", hub.url)
    assert (made["state"], made["is_owner"]) == ("connected", True)
    identity = there.facts("node", "id")["node_id"]
    assert identity == there.out("node", "id")
    invitation = here.out("channel", "invite", "shell", identity, "--name", "there")
    assert invitation.startswith("kachery-invitation-1.")
    assert len(invitation.splitlines()) == 1, "the invitation stands alone on standard output"
    line = there.out("channel", "join", invitation)
    assert line.split()[:3] == ["shell", "connected", "member"]
    assert "1 other node " in line, "the owner is there, and was waited for"
    wait_for(
        lambda: (
            [one["is_present"] for one in here.facts("channel", "members", "shell")] == [True] * 2
        ),
        "both are there",
    )
    listed = here.out("channel", "members", "shell").splitlines()
    assert sorted(line.split()[0] for line in listed) == ["-", "there"], "the name comes first"
    assert "provide-files    enabled" in there.out("channel", "roles", "shell")
    changed = there.facts("channel", "roles", "shell", "--disable", "provide-files")
    assert sorted(changed["granted"]) == sorted(SHARING)
    assert "provide-files" not in changed["enabled"]
    after = here.facts("channel", "grant", "shell", identity, "--roles", "request-files")
    assert next(one for one in after if one["node_id"] == identity)["roles"] == ["request-files"]
    here.run("channel", "revoke", "shell", identity)
    wait_for(lambda: there.facts("channel", "ls")[0]["state"] == "revoked", "it is out", 5)
    assert "was revoked" in there.run("channel", "ls").stderr
    there.run("channel", "leave", "shell")
    assert there.facts("channel", "ls") == []
    assert "This node owns" in here.run("channel", "leave", "shell", status=1).stderr
    assert here.facts("channel", "leave", "shell", "--abandon") == {"left": "shell"}


def test_the_whole_story_in_python(pair, hub):
    here, there = (programs_environment(node) for node in pair)
    identity = run_program("import kachery_jupyter as kc; print(kc.get_node_id())", there).strip()
    invitation = run_program(
        "import kachery_jupyter as kc\n"
        f"channel = kc.channels.create('python', {hub.url!r})\n"
        "assert channel.state == 'connected' and channel.is_owner, channel\n"
        f"print(kc.channels.invite('python', {identity!r}, name='there'))",
        here,
    ).strip()
    said = run_program(
        "import kachery_jupyter as kc\n"
        f"channel = kc.channels.join({invitation!r})\n"
        "assert channel.state == 'connected' and not channel.is_owner, channel\n"
        "assert channel.granted == sorted(kc.channels.SHARING_ROLES)\n"
        "assert 'python' in repr(channel) and '<table>' in channel._repr_html_()\n"
        "print([one.name for one in kc.channels.ls()])\n"
        "channel = kc.channels.roles('python', disable='provide-files,provide-feeds')\n"
        "assert channel.enabled == ['request-feeds', 'request-files'], channel.enabled\n"
        "channel = kc.channels.roles('python', enable=['provide-files'])\n"
        "assert 'provide-files' in channel.enabled\n",
        there,
    )
    assert said.strip() == "['python']"
    run_program(
        "import kachery_jupyter as kc\n"
        "members = {one.node_id: one for one in kc.channels.members('python')}\n"
        f"assert members[{identity!r}].name == 'there'\n"
        f"members = kc.channels.grant('python', {identity!r}, ['request-feeds'], archive=True)\n"
        f"(other,) = [one for one in members if one.node_id == {identity!r}]\n"
        "assert other.roles == ['request-feeds'] and other.is_archive\n"
        f"kc.channels.revoke('python', {identity!r})\n"
        "assert len(kc.channels.members('python')) == 1\n"
        "kc.channels.leave('python', abandon=True)\n",
        here,
    )
    run_program("import kachery_jupyter as kc; kc.channels.leave('python')", there)


def test_mistakes_are_explained(pair, hub):
    here = Shell(pair[0])
    for arguments, words in [
        (["create", "x", "--hub", "http://example.org"], "URL of the hub does not look like"),
        (["create", " ", "--hub", hub.url], "cannot be a name"),
        (["invite", "nowhere", NOBODY], "not in a channel 'nowhere'"),
        (["invite", "nowhere", "me"], "not a node id"),
        (["join", "kachery-invitation-1.x"], "cannot be opened"),
        (["join", "-"], "not an invitation"),
        (["roles", "nowhere", "--enable", "fly"], "'fly' is not a role"),
        (["leave", "nowhere"], "not in a channel 'nowhere'"),
    ]:
        done = here.run("channel", *arguments, status=1, input="")
        assert words in done.stderr, done.stderr
        assert done.stdout == ""


def test_an_invitation_is_for_one_node_only(pair, hub):
    one, two = pair
    create(one, hub.url, "sealed")
    invitation = invite(one, NOBODY, channel="sealed")
    status, error = error_of(two, "POST", "/channels/join", {"invitation": invitation})
    assert (status, error["code"]) == (400, "invalid-invitation")
    assert "for another node" in error["message"]
    no_key = {"node_id": "ab" * 32, "roles": []}
    assert error_of(one, "POST", "/channels/sealed/invite", no_key)[0] == 400
    assert len(members(one, "sealed")) == 2
    damaged = invitation[:-10] + ("A" if invitation[-10] != "A" else "B") + invitation[-9:]
    assert error_of(two, "POST", "/channels/join", {"invitation": damaged})[0] == 400


def test_joining_twice_is_joining_once(pair, hub):
    one, two = pair
    create(one, hub.url, "twice")
    invitation = invite(one, two, SHARING, channel="twice")
    first = join(two, invitation)
    second = join(two, invitation)
    changing = {"present": 0, "ignored": {}}
    assert second | changing == first | changing
    # A newer invitation brings what is newer.
    join(two, invite(one, two, ["request-files"], channel="twice"))
    wait_for(lambda: channel(two, "twice")["granted"] == ["request-files"], "the newer roles")
    join(two, invitation)
    assert channel(two, "twice")["granted"] == ["request-files"], "the old invitation is no more"
    assert len(members(one, "twice")) == 2


def test_only_the_owner_decides(pair, hub):
    one, two = pair
    create(one, hub.url, "owned")
    join(two, invite(one, two, channel="owned"))
    identity = node_id(two)
    for what, body in [
        ("invite", {"node_id": identity, "roles": []}),
        ("grant", {"node_id": identity, "roles": list(ALL_ROLES)}),
        ("revoke", {"node_id": identity}),
    ]:
        status, error = error_of(two, "POST", f"/channels/owned/{what}", body)
        assert (status, error["code"]) == (403, "not-owner")
        assert node_id(one) in error["message"]
    for what in ("grant", "revoke"):
        body = {"node_id": "cd" * 32, "roles": []} if what == "grant" else {"node_id": "cd" * 32}
        assert (
            error_of(one, "POST", f"/channels/owned/{what}", body)[1]["code"] == "member-not-found"
        )
    assert error_of(one, "POST", "/channels/owned/revoke", {"node_id": node_id(one)})[0] == 400


def test_names_and_ids_both_name_a_channel(pair, hub):
    one, two = pair
    made = create(one, hub.url, "näme with ünicode / and %")
    assert channel(one, made["name"])["channel_id"] == made["channel_id"]
    assert node_id(one) in members(one, made["channel_id"])
    status, error = error_of(one, "POST", "/channels", {"name": made["name"], "hub": hub.url})
    assert (status, error["code"]) == (400, "channel-exists")
    # Somebody else's channel of the same name: only the ids say which is which.
    create(two, hub.url, made["name"])
    join(one, invite(two, one, channel=_id(two, made["name"])))
    found = one.ask("GET", "/api/v1/channels").json["channels"]
    assert [each["name"] for each in found].count(made["name"]) == 2
    shell = Shell(one)
    assert "2 channels named" in shell.run("channel", "members", made["name"], status=1).stderr
    assert shell.facts("channel", "members", made["channel_id"])


def test_a_channel_needs_its_hub_when_it_is_made(pair, hub, tmp_path):
    one, _ = pair
    with running_hub(tmp_path / "other") as other:
        url = other.url
    status, error = error_of(one, "POST", "/channels", {"name": "too late", "hub": url})
    assert (status, error["code"]) == (503, "hub-unreachable")
    assert channel(one, "too late") == {}
    wrong = hub.url.split("/")
    wrong[3] = "A" * len(wrong[3])
    status, error = error_of(one, "POST", "/channels", {"name": "trap", "hub": "/".join(wrong)})
    assert (status, error["code"]) == (503, "hub-not-trusted")


def test_other_users_of_the_computer_may_look_and_not_touch(tmp_path, hub):
    with running_node(tmp_path, "--shared") as node:
        create(node, hub.url)
        as_user = {"Kachery-Token": node.client_token}
        assert node.ask("GET", "/api/v1/channels", headers=as_user).json["channels"]
        for method, path, body in [
            ("POST", "/channels", {"name": "x", "hub": hub.url}),
            ("POST", "/channels/join", {"invitation": "x"}),
            ("POST", f"/channels/{CHANNEL}/invite", {"node_id": NOBODY, "roles": []}),
            ("POST", f"/channels/{CHANNEL}/grant", {"node_id": NOBODY, "roles": []}),
            ("POST", f"/channels/{CHANNEL}/revoke", {"node_id": NOBODY}),
            ("POST", f"/channels/{CHANNEL}/roles", {}),
            ("POST", f"/channels/{CHANNEL}/leave", {}),
            ("GET", f"/channels/{CHANNEL}/members", None),
        ]:
            reply = node.ask(method, f"/api/v1{path}", body, headers=as_user)
            assert (reply.status, reply.json["error"]["code"]) == (403, "owner-only"), path


def test_everything_is_there_after_nodes_and_hub_were_restarted(tmp_path):
    with community(tmp_path, 2, roles=SHARING) as lab:
        choose(lab.nodes[1], disable=["provide-feeds"])
        changing = {"ignored": {}}
        before = [channel(node) | changing for node in lab.nodes]
        for number, node in enumerate(lab.nodes):
            assert node.terminate() == 0
            lab.restart(number)
        assert lab.hub.stop() == 0
        lab.hub.restart()
        lab.wait_present()
        assert [channel(node) | changing for node in lab.nodes] == before
        assert members(lab.owner)[node_id(lab.nodes[1])]["roles"] == sorted(SHARING)


def test_a_channel_is_there_after_a_kill_at_once(tmp_path, hub):
    with running_node(tmp_path) as node:
        made = create(node, hub.url, "killed")
        node.kill()
    with running_node(tmp_path) as node:
        wait_for(lambda: channel(node, "killed").get("state") == "connected", "it is back")
        assert channel(node, "killed")["channel_id"] == made["channel_id"]
        assert channel(node, "killed")["is_owner"]


def test_a_member_may_return_after_it_was_put_out(tmp_path):
    with community(tmp_path, 2) as lab:
        one, two = lab.nodes
        for _ in range(2):
            revoke(one, two)
            wait_for(lambda: channel(two)["state"] == "revoked", "it is out", 5)
            assert lab.join(1)["state"] == "connected"
            lab.wait_present()


def test_roles_that_are_taken_or_given_count_at_once(tmp_path):
    with community(tmp_path, 2) as lab:
        one, two = lab.nodes
        for roles in (["request-files"], ["provide-files", "request-feeds"], list(ALL_ROLES), []):
            grant(one, two, roles)
            took = wait_for(
                lambda roles=roles: channel(two)["enabled"] == sorted(roles), "they count", 5
            )
            assert took < 5
            wait_for(lambda: channel(two)["state"] == "connected", "it is back", 5)
            lab.wait_present()
        choose(two, disable=["request-files"])
        grant(one, two, ["request-files", "request-feeds"])
        wait_for(lambda: channel(two)["enabled"] == ["request-feeds"], "granted and enabled", 5)


def test_what_was_decided_survives_a_kill_and_reaches_a_hub_that_was_away(tmp_path):
    with community(tmp_path, 3) as lab:
        one, two, three = lab.nodes
        lab.hub.kill()
        wait_for(lambda: channel(one)["state"] == "connecting", "noticed")
        revoke(one, two)
        grant(one, three, ["request-files"])
        invitation = invite(one, NOBODY, SHARING)
        assert invitation
        one.kill()
        owner = lab.restart(0)
        assert set(members(owner)) == {node_id(owner), node_id(three), NOBODY}
        lab.hub.restart()
        wait_for(lambda: channel(two)["state"] == "revoked", "it is out", 20)
        wait_for(lambda: channel(three)["granted"] == ["request-files"], "it has them", 20)
        wait_for(lambda: channel(three)["present"] == 1, "they meet", 20)


def test_a_hub_that_lost_its_directory_is_told_everything_again(tmp_path):
    with community(tmp_path, 2) as lab:
        lab.hub.stop()
        for path in lab.hub.data.glob("directory*"):
            path.unlink()
        accounts = lab.hub.data / "accounts"
        assert accounts.exists() or list(lab.hub.data.iterdir())
        lab.hub.restart()
        wait_for(lambda: all(channel(node)["state"] == "connected" for node in lab.nodes), "back")
        lab.wait_present()
        status = time.monotonic()
        lab.nodes[1].terminate()
        lab.restart(1)
        lab.wait_present()
        assert time.monotonic() - status < 30


def _id(node, name):
    """The id of the channel of this name that a node owns."""
    found = node.ask("GET", "/api/v1/channels").json["channels"]
    return next(one["channel_id"] for one in found if one["name"] == name and one["is_owner"])
