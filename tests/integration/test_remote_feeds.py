"""Feeds of other nodes, with a real hub, real nodes and real programs."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from kachery_core.feeds import parse_feed_uri, subfeed_hash
from kachery_core.messages import SubfeedKey
from tests.support.channels import (
    ALL_ROLES,
    Community,
    channel,
    choose,
    community,
    grant,
    programs_environment,
    revoke,
    wait_for,
)
from tests.support.feed_samples import log_path
from tests.support.feed_verifier import verify_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.nodes import RunningNode

pytestmark = pytest.mark.timeout(240)

# One line in, one line of JSON out: a program that stays, as a notebook does.
PROGRAM = """
import json, sys
import kachery_jupyter as kc
for line in sys.stdin:
    try:
        said = eval(line)
    except Exception as error:
        said = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(said), flush=True)
"""


class Notebook:
    """A program beside a node, asked line by line."""

    def __init__(self, node: RunningNode) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=programs_environment(node),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, line: str) -> Any:
        self.begin(line)
        return self.end()

    def begin(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def notebooks() -> Iterator[Any]:
    """Opens a program beside a node."""
    with contextlib.ExitStack() as stack:

        def opened(node: RunningNode) -> Notebook:
            return stack.enter_context(contextlib.closing(Notebook(node)))

        yield opened


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Community]:
    with community(tmp_path, 3) as lab:
        yield lab


def new_subfeed(writer: Notebook, count: int = 5) -> str:
    writer("globals().__setitem__('s', kc.create_feed().load_subfeed('main'))")
    if count:
        writer(f"s.append_messages([{{'n': n}} for n in range({count})])")
    return writer("s.uri")


def tried(reader: Notebook, uri: str, more: str = "") -> Any:
    """None if a subfeed could be loaded, otherwise the error."""
    return reader(f"globals().__setitem__('s', kc.load_subfeed({uri!r}{more}))")


def load(reader: Notebook, uri: str, more: str = "") -> None:
    assert tried(reader, uri, more) is None


def refused(reader: Notebook, uri: str, more: str = "") -> str:
    """The name of the error with which a subfeed could not be loaded."""
    return tried(reader, uri, more)["error"]


def numbers(reader: Notebook, wait_msec: int = 0) -> list[int]:
    found = reader(f"s.get_next_messages(wait_msec={wait_msec})")
    assert isinstance(found, list), found
    return [one["n"] for one in found]


def kept(folder: Path, uri: str) -> list[Any]:
    """What a node has of a subfeed, read by a program that shares no code with kachery."""
    parts = parse_feed_uri(uri)
    key = SubfeedKey(parts.feed, subfeed_hash(parts.subfeed))
    return verify_log(log_path(folder, key), key.feed, key.subfeed)


def test_a_feed_is_read_followed_and_listed_on_another_node(lab, notebooks):
    writer, reader = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    uri = new_subfeed(writer)
    load(reader, uri)
    assert numbers(reader) == list(range(5))
    assert reader("len(s)") == 5
    assert reader("[bool(f.is_copy) for f in kc.list_feeds()]") == [True]
    assert reader("kc.load_feed(kc.list_feeds()[0].uri).list_subfeeds()") == {"main": 5}
    assert reader("s.append_message(1)")["error"] == "FeedNotWriteableError"
    # An endless loop over the feed, in a program that waits.
    reader.begin("[m['n'] for _, m in zip(range(3), s)]")
    for number in range(5, 8):
        writer(f"s.append_message({{'n': {number}}})")
    assert reader.end() == [5, 6, 7]
    reader.begin("s.get_next_messages(wait_msec=60000)")
    writer("s.append_message({'n': 8})")
    assert reader.end() == [{"n": 8}]
    reader.begin("kc.watch_for_new_messages({'a': s}, wait_msec=60000)")
    writer("s.append_message({'n': 9})")
    assert reader.end() == {"a": [{"n": 9}]}
    reader(f"kc.delete_feed({uri.rpartition('/')[0]!r})")
    assert reader("kc.list_feeds()") == []
    load(reader, uri, ", position=7")
    assert numbers(reader) == [7, 8, 9]


def test_50000_messages_are_caught_up_in_one_call(lab, notebooks):
    writer, reader = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    uri = new_subfeed(writer, 0)
    for part in range(50):
        first = part * 1000
        writer(f"[s.append_messages([{{'n': {first} + n, 'x': 'x' * 80}} for n in range(1000)])]")
    load(reader, uri)
    start = time.monotonic()
    found = reader("[m['n'] for m in s.get_next_messages()]")
    seconds = time.monotonic() - start
    assert found == list(range(50_000))
    print(f"50,000 messages in {seconds:.2f} s: {50_000 / seconds:,.0f} a second")
    assert reader("s[-1]['n']") == 49_999
    assert len(kept(lab.folders[1], uri)) == 50_000


def test_arrays_in_messages_come_with_them(lab, notebooks):
    writer, reader = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    uri = new_subfeed(writer, 0)
    writer("globals().__setitem__('np', __import__('numpy'))")
    writer("s.append_message({'x': np.arange(1000)})")
    load(reader, uri)
    assert reader("int(s.get_next_message()['x'].sum())") == 499_500


def test_the_writer_may_be_killed_and_come_back_while_it_is_followed(lab, notebooks):
    writer, reader = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    uri = new_subfeed(writer)
    load(reader, uri)
    assert numbers(reader) == list(range(5))
    expected = 5
    for _ in range(3):
        lab.nodes[0].kill()
        assert numbers(reader, 100) == []
        lab.restart(0)
        writer = notebooks(lab.nodes[0])
        load(writer, uri)
        reader.begin("s.get_next_messages(wait_msec=60000)")
        assert writer(f"s.append_message({{'n': {expected}}})") == expected
        assert reader.end() == [{"n": expected}]
        expected += 1
    assert kept(lab.folders[1], uri) == [{"n": number} for number in range(expected)]


def test_while_the_writer_is_off_a_follower_serves_others(lab, notebooks):
    writer, second = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    uri = new_subfeed(writer)
    load(second, uri)
    assert numbers(second) == list(range(5))
    lab.nodes[0].terminate()
    third = notebooks(lab.nodes[2])
    load(third, uri)
    assert numbers(third) == list(range(5))
    assert third("kc.load_feed(kc.list_feeds()[0].uri).list_subfeeds()") == {"main": 5}
    third.begin("s.get_next_messages(wait_msec=60000)")
    lab.restart(0)
    writer = notebooks(lab.nodes[0])
    load(writer, uri)
    writer("s.append_message({'n': 5})")
    assert third.end() == [{"n": 5}]


def test_a_killed_hub_ends_nothing(lab, notebooks):
    writer, reader = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    uri = new_subfeed(writer)
    load(reader, uri)
    assert numbers(reader) == list(range(5))
    lab.hub.kill()
    wait_for(lambda: channel(lab.nodes[1])["state"] != "connected", "the hub is missed")
    for number in range(5, 10):
        writer(f"s.append_message({{'n': {number}}})")
    load(reader, uri)
    assert numbers(reader) == list(range(5))
    reader.begin("s.get_next_messages(wait_msec=100000)")
    lab.hub.restart()
    assert reader.end()[0] == {"n": 5}
    while len(reader("s[:]")) < 10:
        time.sleep(0.1)
    reader.begin("s[:] and s.set_position(10) or s.get_next_messages(wait_msec=60000)")
    writer("s.append_message({'n': 10})")
    assert reader.end() == [{"n": 10}]


def test_without_the_role_a_feed_is_not_found_and_with_it_it_is(lab, notebooks):
    writer, reader = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    uri = new_subfeed(writer)
    without = [role for role in ALL_ROLES if role != "request-feeds"]
    grant(lab.owner, lab.nodes[1], without)
    wait_for(
        lambda: "request-feeds" not in channel(lab.nodes[1])["granted"], "the role is taken away"
    )
    assert refused(reader, uri) == "FeedNotFoundError"
    assert refused(reader, uri, ", channel='lab'") == "RoleMissingError"
    assert refused(reader, uri, ", channel='club'") == "ChannelNotFoundError"
    grant(lab.owner, lab.nodes[1], ALL_ROLES)
    wait_for(lambda: "request-feeds" in channel(lab.nodes[1])["granted"], "the role is given")
    # The node connects anew with it: for a moment nobody is there.
    wait_for(lambda: tried(reader, uri) is None, "the hub lets it ask", 5)
    assert numbers(reader) == list(range(5))
    # And the other side: who does not provide feeds is not asked.
    choose(lab.nodes[0], disable=["provide-feeds"])
    uri = new_subfeed(writer)
    assert refused(reader, uri) == "FeedNotFoundError"
    choose(lab.nodes[0], enable=["provide-feeds"])
    wait_for(lambda: tried(reader, uri) is None, "feeds are provided again")


def test_a_revoked_follower_keeps_what_it_has_and_gets_nothing_more(lab, notebooks):
    writer, reader = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    uri = new_subfeed(writer)
    load(reader, uri)
    assert numbers(reader) == list(range(5))
    revoke(lab.owner, lab.nodes[1])
    wait_for(lambda: channel(lab.nodes[1])["state"] == "revoked", "the member is put out", 5)
    writer("s.append_message({'n': 5})")
    assert numbers(reader, 6000) == []
    load(reader, uri)
    assert numbers(reader) == list(range(5))
    other = new_subfeed(writer)
    assert refused(reader, other) == "FeedNotFoundError"
    third = notebooks(lab.nodes[2])
    load(third, uri)
    assert numbers(third) == list(range(6))


LIAR = """
import os, random, sys
import msgspec
from kachery_core.wire.node_feeds import RunPiece, seal_facts
from kachery_daemon.sharing import feeds
rnd, sealed = random.Random(1), feeds._sealed

def lie(key, discovery, facts):
    if isinstance(facts, RunPiece) and facts.piece:
        data = bytearray(facts.piece)
        data[rnd.randrange(50, 80)] ^= 1
        facts = msgspec.structs.replace(facts, piece=bytes(data))
    return sealed(key, discovery, facts)

feeds._sealed = lie
from kachery_daemon.__main__ import main
sys.exit(main(["--json", "--port", "0"]))
"""


def test_a_lying_provider_is_passed_over(lab, notebooks):
    """It has a copy, offers it with the writer's own signature, and sends something else."""
    writer, second = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    uri = new_subfeed(writer)
    load(second, uri)
    assert numbers(second) == list(range(5))
    lab.nodes[1].terminate()
    environment = lab.nodes[1].environment
    liar = subprocess.Popen(
        [sys.executable, "-c", LIAR], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert liar.stdout is not None
        assert json.loads(liar.stdout.readline())["ready"]
        lab.nodes[0].terminate()
        third = notebooks(lab.nodes[2])
        wait_for(lambda: channel(lab.nodes[2])["present"] == 1, "only the liar is there", 60)
        load(third, uri)
        assert numbers(third) == []
        lab.restart(0)
        writer = notebooks(lab.nodes[0])
        load(writer, uri)
        writer("s.append_message({'n': 5})")
        wait_for(lambda: third("len(s)") == 6, "the writer is asked")
        assert kept(lab.folders[2], uri) == [{"n": number} for number in range(6)]
    finally:
        liar.kill()
        liar.communicate()


def test_a_restored_node_is_warned_by_its_followers(lab, notebooks):
    """Its folder and its witness are from a backup; only the others know better."""
    writer, reader = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    uri = new_subfeed(writer, 2)
    load(reader, uri)
    assert numbers(reader) == [0, 1]
    lab.nodes[0].terminate()
    backup = lab.folders[0].with_name("backup")
    shutil.copytree(lab.folders[0], backup, ignore=shutil.ignore_patterns("*.sock"))
    lab.restart(0)
    writer = notebooks(lab.nodes[0])
    load(writer, uri)
    reader.begin("s.get_next_messages(wait_msec=60000)")
    writer("s.append_message({'n': 2})")
    assert reader.end() == [{"n": 2}]
    lab.nodes[0].terminate()
    shutil.rmtree(lab.folders[0])
    shutil.copytree(backup, lab.folders[0])
    node = lab.restart(0)
    wait_for(lambda: channel(node).get("state") == "connected", "it is connected")
    writer = notebooks(node)
    load(writer, uri)
    said = writer("s.append_message('other')")
    assert said["error"] == "FeedRollbackError"


def test_median_of_the_live_tail(lab, notebooks):
    """Printed; no test asserts a time."""
    writer, reader = notebooks(lab.nodes[0]), notebooks(lab.nodes[1])
    writer("globals().__setitem__('time', __import__('time'))")
    reader("globals().__setitem__('time', __import__('time'))")
    uri = new_subfeed(writer, 1)
    load(reader, uri)
    numbers(reader)
    seconds = []
    for _ in range(50):
        reader.begin("[time.time() - one for one in s.get_next_messages(wait_msec=60000)]")
        time.sleep(0.02)
        writer("s.append_message(time.time())")
        seconds += reader.end()
    median = sorted(seconds)[len(seconds) // 2]
    print(f"append to remote reader: median {median * 1000:.1f} ms of {len(seconds)}")
    assert len(seconds) == 50
