"""An archive keeps what passes, and serves it while everybody else is off: real hub, real nodes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.channels import (
    ALL_ROLES,
    channel,
    community,
    grant,
    members,
    node_id,
    programs_environment,
    revoke,
    wait_for,
)
from tests.support.programs import run_program
from tests.support.samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.channels import Community
    from tests.support.nodes import RunningNode

pytestmark = pytest.mark.timeout(240)
LARGE = 5 << 20
WRITE = """
import kachery_jupyter as kc
main = kc.create_feed('log').load_subfeed('main')
for number in range(50):
    main.append_message({'number': number})
print(main.uri)
"""
READ = """
import kachery_jupyter as kc
main = kc.load_subfeed({uri!r})
found = []
while len(found) < {count}:
    found += main.get_next_messages(wait_msec=20_000)
print([message['number'] for message in found] == list(range({count})))
"""


@contextlib.contextmanager
def archived_lab(folder: Path, quota: int | None = None) -> Iterator[Community]:
    """Nodes 0 (owner), 1, and the archive, 2."""
    with community(folder, 2) as lab:
        lab.join(lab.add(), is_archive=True)
        archive(lab.nodes[2], quota=quota)
        wait_known(lab)
        yield lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Community]:
    with archived_lab(tmp_path) as lab:
        yield lab


def archive(node: RunningNode, status: int = 200, **choice: Any) -> dict[str, Any]:
    reply = node.ask("POST", "/api/v1/channels/lab/archive", choice)
    assert reply.status == status, reply.body
    return reply.json


def wait_known(lab: Community) -> None:
    keeper = node_id(lab.nodes[2])
    for node in lab.nodes:
        if node.process.poll() is None:
            wait_for(lambda node=node: members(node).get(keeper, {}).get("keeps"), "it is known")


def kept(lab: Community, number: int = 2) -> dict[str, Any]:
    return channel(lab.nodes[number])["archive"]


def wait_kept(lab: Community, **expected: int) -> float:
    return wait_for(lambda: kept(lab).items() >= expected.items(), f"{expected} is archived")


def run(node: RunningNode, code: str) -> str:
    return run_program(code, programs_environment(node)).strip()


def load(node: RunningNode, uri: str) -> str:
    code = f"import kachery_jupyter as kc\nvalue = kc.load_bytes({uri!r})\n"
    return run(node, code + "print(None if value is None else len(value))")


def shell(node: RunningNode, *words: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "kachery_jupyter.cli", "channel", *words],
        env=programs_environment(node),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def test_content_is_there_when_its_provider_and_its_reader_are_off(lab: Community) -> None:
    small = lab.nodes[0].store(sample(1000), "small.dat")["uri"]
    large = lab.nodes[0].store(sample(LARGE), "large.dat")["uri"]
    unread = lab.nodes[0].store(sample(2000), "unread.dat")["uri"]
    assert (load(lab.nodes[1], small), load(lab.nodes[1], large)) == ("1000", str(LARGE))
    wait_kept(lab, contents=2, size=1000 + LARGE, waiting=0)
    newcomer = lab.add()
    lab.join(newcomer)
    lab.nodes[0].terminate()
    lab.nodes[1].terminate()
    wait_for(lambda: channel(lab.nodes[newcomer])["present"] == 1, "only the archive is there")
    assert load(lab.nodes[newcomer], small) == "1000"
    assert load(lab.nodes[newcomer], large) == str(LARGE)
    assert load(lab.nodes[newcomer], unread) == "None"
    said = run(lab.nodes[newcomer], f"import kachery_jupyter as kc\nprint(kc.explain({small!r}))")
    assert "It is here" in said
    assert "archive" in said


def test_a_feed_is_kept_live_and_read_when_its_writer_is_off(lab: Community) -> None:
    uri = run(lab.nodes[0], WRITE)
    assert run(lab.nodes[1], READ.format(uri=uri, count=50)) == "True"
    wait_kept(lab, subfeeds=1)
    more = (
        f"import kachery_jupyter as kc\nkc.load_subfeed({uri!r}).append_message({{'number': 50}})"
    )
    run(lab.nodes[0], more)
    feed = uri.split("/")[2]
    wait_for(lambda: length(lab.nodes[2], feed) == 51, "the archive has it live")
    newcomer = lab.add()
    lab.join(newcomer)
    lab.nodes[0].terminate()
    lab.nodes[1].terminate()
    wait_for(lambda: channel(lab.nodes[newcomer])["present"] == 1, "only the archive is there")
    assert run(lab.nodes[newcomer], READ.format(uri=uri, count=51)) == "True"


def length(node: RunningNode, feed: str) -> int:
    found = node.ask("GET", f"/api/v1/feeds/{feed}").json
    return max((one["length"] for one in found["subfeeds"]), default=0)


def test_it_goes_on_after_a_restart(lab: Community) -> None:
    first = lab.nodes[0].store(sample(1000), "first.dat")["uri"]
    second = lab.nodes[0].store(sample(3000), "second.dat")["uri"]
    feed_uri = run(lab.nodes[0], WRITE)
    load(lab.nodes[1], first)
    run(lab.nodes[1], READ.format(uri=feed_uri, count=50))
    wait_kept(lab, contents=1, subfeeds=1)
    lab.nodes[2].kill()
    lab.restart(2)
    wait_known(lab)
    assert kept(lab)["is_on"]
    load(lab.nodes[1], second)
    wait_kept(lab, contents=2, subfeeds=1)
    loaded = f"kc.load_subfeed({feed_uri!r})"
    more = f"import kachery_jupyter as kc\n{loaded}.append_message({{'number': 50}})"
    run(lab.nodes[0], more)
    feed = feed_uri.split("/")[2]
    wait_for(lambda: length(lab.nodes[2], feed) == 51, "it follows again, unasked")


def test_the_least_recently_used_goes_when_the_quota_is_reached(tmp_path: Path) -> None:
    with archived_lab(tmp_path, quota=25_000) as lab:
        uris = [lab.nodes[0].store(sample(10_000 + n), f"{n}.dat")["uri"] for n in range(4)]
        huge = lab.nodes[0].store(sample(26_000), "huge.dat")["uri"]
        own = lab.nodes[2].store(sample(9_000), "own.dat")["uri"]
        for number, uri in enumerate(uris[:2], 1):
            load(lab.nodes[1], uri)
            wait_kept(lab, contents=number)
        load(lab.nodes[1], own)
        load(lab.nodes[1], huge)
        load(lab.nodes[1], uris[2])
        wait_kept(lab, contents=2, size=10_001 + 10_002, waiting=0)
        stored = {
            one["name"]: one for one in lab.nodes[2].ask("GET", "/api/v1/files").json["files"]
        }
        assert stored.keys() == {"1.dat", "2.dat", "own.dat"}
        archive(lab.nodes[2], quota=10_002)
        assert kept(lab)["contents"] == 1
        load(lab.nodes[1], uris[3])
        wait_for(lambda: not kept(lab)["waiting"], "it was looked at")
        assert (kept(lab)["contents"], kept(lab)["size"]) == (1, 10_002)


def test_what_leaves_the_disk_is_served_from_an_object_store(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    with archived_lab(tmp_path, quota=LARGE) as lab:
        keeper = lab.nodes[2]
        assert archive(keeper, 400, store="no url")["error"]["code"]
        assert archive(keeper, store=f"file://{bucket}")["archive"]["quota"] == LARGE
        uris = [lab.nodes[0].store(sample(LARGE - n), f"{n}.dat")["uri"] for n in range(2)]
        small = lab.nodes[0].store(sample(1000), "small.dat")["uri"]
        for uri in (small, *uris):
            load(lab.nodes[1], uri)
            name = uri.split("/")[2]
            wait_for(lambda name=name: name in str(files(keeper)), "it is archived")
        wait_for(lambda: kept(lab)["contents"] == 1, "the others left the disk")
        assert "file://" in shell(keeper, "ls")
        newcomer = lab.add()
        lab.join(newcomer)
        lab.nodes[0].terminate()
        lab.nodes[1].terminate()
        keeper.terminate()
        lab.restart(2)
        node = lab.nodes[newcomer]
        wait_for(lambda: any(one["keeps"] for one in members(node).values()), "it is back")
        wait_for(lambda: channel(node)["present"] == 1, "only the archive is there")
        assert load(node, small) == "1000"
        assert [load(node, uri) for uri in uris] == [str(LARGE), str(LARGE - 1)]


def files(node: RunningNode) -> list[dict[str, Any]]:
    return node.ask("GET", "/api/v1/files").json["files"]


def test_without_the_grant_it_is_refused_and_with_it_the_shell_does_it(tmp_path: Path) -> None:
    with community(tmp_path, 2) as lab:
        keeper = lab.nodes[1]
        refused = archive(keeper, 403)["error"]
        assert (refused["code"], refused["fields"]["role"]) == ("role-missing", "archive")
        assert "--archive" in shell(keeper, "archive", "lab", status=1)
        shell(
            lab.owner, "grant", "lab", node_id(keeper), "--archive", "--roles", ",".join(ALL_ROLES)
        )
        wait_for(lambda: channel(keeper)["is_archive"], "the grant arrives")
        assert "archive (granted)" in shell(lab.owner, "members", "lab")
        found = json.loads(shell(keeper, "archive", "lab", "--quota", "10GB", "--json"))
        assert found["archive"]["quota"] == 10 * 10**9
        assert "archive: 0 contents, 0 subfeeds, 0 bytes of 10 GB" in shell(keeper, "ls")
        wait_for(lambda: members(lab.owner)[node_id(keeper)]["keeps"], "the owner sees the archive")
        assert "(granted)" not in shell(lab.owner, "members", "lab")
        assert "not a size" in shell(keeper, "archive", "lab", "--quota", "many", status=1)
        code = (
            "import kachery_jupyter as kc\nprint(kc.channels.archive('lab', enabled=False).archive)"
        )
        assert "'is_on': False" in run(keeper, code)
        wait_for(lambda: not members(lab.owner)[node_id(keeper)]["keeps"], "the owner sees it end")
        assert "archive, off" in shell(keeper, "ls")
        grant(lab.owner, keeper, ["provide-files", "request-feeds"])
        wait_for(lambda: len(channel(keeper)["granted"]) == 2, "other roles")
        assert archive(keeper, 403)["error"]["fields"]["role"] == "request-files"


def test_one_who_was_put_out_is_told_nothing_more(lab: Community) -> None:
    keeper = lab.nodes[2]
    lab.join(lab.add())
    revoke(lab.owner, keeper)
    wait_for(lambda: channel(keeper)["state"] == "revoked", "it knows")
    uri = lab.nodes[0].store(sample(1000), "later.dat")["uri"]
    assert load(lab.nodes[1], uri) == "1000"
    assert kept(lab)["waiting"] == kept(lab)["contents"] == 0
    assert archive(keeper, 403)["error"]["code"]
