"""A node that is killed while programs append: nothing acknowledged is lost, doubled or moved.

Writers ask again under the same id, as the client does. What is on the disk in the end is read by
a program that shares no code with kachery.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kachery_core.errors import KacheryError
from kachery_core.feeds import subfeed_hash
from kachery_core.messages import Head, SubfeedKey, check_run
from tests.support.feed_samples import log_path, open_feeds
from tests.support.feed_verifier import verify_log
from tests.support.killable_feeds import Killable
from tests.support.nodes import isolated_environment, wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]

SUBFEEDS = 4
WRITERS = 8
READERS = 3
# Of the whole node; the other test kills a thousand times in any case.
NODE_KILLS = int(os.environ.get("KACHERY_TEST_NODE_KILLS", "100"))
# So many go to one storage folder: a node checks all of a log when it opens it, and one that is
# killed before it has done that never answers.
KILLS_PER_FOLDER = 100


@dataclass
class Traffic:
    """Writers and readers that outlive the node."""

    socket: str
    keys: list[SubfeedKey]
    rnd: random.Random
    is_over: bool = False
    acknowledged: dict[SubfeedKey, dict[int, object]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    asked_again: int = 0
    problems: list[str] = field(default_factory=list)

    async def ask(self, question: dict) -> dict:
        """Ask until there is an answer."""
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self.socket, limit=1 << 25)
                try:
                    writer.write(json.dumps(question).encode() + b"\n")
                    await writer.drain()
                    if line := await reader.readline():
                        return json.loads(line)
                finally:
                    writer.close()
            except OSError:
                await asyncio.sleep(0.001)
            self.asked_again += 1

    async def write(self, writer: int) -> None:
        key = self.keys[writer % len(self.keys)]
        number = 0
        while not self.is_over:
            count = self.rnd.choice((1, 1, 1, 3, 20))
            messages = [[writer, number + place, "x" * 150] for place in range(count)]
            question = {
                "feed": key.feed,
                "subfeed": key.subfeed,
                "append_id": self.rnd.randbytes(16).hex(),
                "messages": messages,
            }
            answer = await self.ask(question)
            if "problem" in answer:
                self.problems.append(answer["problem"])
                return
            for place, message in enumerate(messages, answer["first"]):
                assert place not in self.acknowledged[key], "one place for two messages"
                self.acknowledged[key][place] = message
            number += count
            await asyncio.sleep(self.rnd.random() * 0.01)

    async def read(self, reader: int) -> None:
        """What was once read stays as it was: the chain goes on from there, or this raises."""
        key = self.keys[reader % len(self.keys)]
        head = Head()
        while not self.is_over:
            question = {"feed": key.feed, "subfeed": key.subfeed, "position": head.length}
            answer = await self.ask(question)
            if "problem" in answer:
                self.problems.append(answer["problem"])
                return
            run = base64.b64decode(answer["run"])
            if not run:
                continue
            try:
                head = check_run(key, head, run)[-1].head
            except KacheryError as problem:
                self.problems.append(f"after {head.length}: {problem}")
                return


def check_subfeed(key: SubfeedKey, messages: list, acknowledged: dict[int, object]) -> None:
    """What writers were told is there; each writer's messages once and in order."""
    for place, message in acknowledged.items():
        assert messages[place] == message, (key, place)
    numbers = defaultdict(list)
    for writer, number, _ in messages:
        numbers[writer].append(number)
    for found in numbers.values():
        assert found == list(range(len(found)))


def test_of_1000_kills_no_acknowledged_message_is_lost_doubled_or_moved():
    seed = 20261120
    print(f"seed {seed}")
    promised = there = asked_again = 0
    with tempfile.TemporaryDirectory(prefix="kachery-") as name:
        folder = Path(name)
        node = Killable("feeds", name)
        wait_until((folder / "socket").exists, "the node listens")
        for part in range(10):
            # Feeds of their own: a feed is read whole at each start, and a start is to be short.
            traffic = asyncio.run(_kill_often(node, folder, random.Random(seed + part), 100))
            for key in traffic.keys:
                messages = verify_log(log_path(folder, key), key.feed, key.subfeed)
                check_subfeed(key, messages, traffic.acknowledged[key])
                promised += len(traffic.acknowledged[key])
                there += len(messages)
            asked_again += traffic.asked_again
        node.close()
    print(f"1000 kills: {promised} promised, {there} there, asked again {asked_again} times")
    assert promised == there
    assert promised > 10_000
    assert asked_again > 1000


async def _kill_often(node: Killable, folder: Path, rnd: random.Random, kills: int) -> Traffic:
    async with open_feeds(folder) as feeds:
        feed = (await feeds.create(None)).feed
    keys = [SubfeedKey(feed, subfeed_hash(f"subfeed {number}")) for number in range(SUBFEEDS)]
    traffic = Traffic(str(folder / "socket"), keys, rnd)
    tasks = [asyncio.ensure_future(traffic.write(number)) for number in range(WRITERS)]
    tasks += [asyncio.ensure_future(traffic.read(number)) for number in range(READERS)]
    for _ in range(kills):
        await asyncio.to_thread(node.start)
        await asyncio.sleep(rnd.choice((0.0, 0.03, 0.06)) + rnd.random() * 0.08)
        await asyncio.to_thread(node.kill)
        if traffic.problems:
            break
    await asyncio.to_thread(node.start)
    traffic.is_over = True
    # Everybody gets the answer they wait for: what is there is what was promised.
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    await asyncio.to_thread(node.kill)
    assert traffic.problems == []
    return traffic


PROGRAM = """
import json, os, random, sys
import kachery_jupyter as kc
uri, writer = sys.argv[1], int(sys.argv[2])
subfeed = kc.load_subfeed(uri)
print("ready", flush=True)
rnd, number = random.Random(writer), 0
while not os.path.exists(sys.argv[3]):
    count = rnd.choice((1, 1, 10))
    messages = [[writer, number + place, "x" * 100] for place in range(count)]
    first = subfeed.append_messages(messages)
    print(json.dumps([first, messages]), flush=True)
    number += count
"""


@pytest.mark.timeout(300 + 2 * NODE_KILLS)
def test_programs_go_on_through_many_kills_of_the_whole_node(tmp_path):
    """The node and the client as they are: four programs, two subfeeds, one port."""
    promised = 0
    for first in range(0, NODE_KILLS, KILLS_PER_FOLDER):
        folder = tmp_path / str(first)
        folder.mkdir()
        promised += _killed_nodes(folder, 20261121 + first, min(KILLS_PER_FOLDER, NODE_KILLS))
    print(f"{NODE_KILLS} kills: {promised} promised")
    assert promised > 5 * NODE_KILLS


def _killed_nodes(folder, seed, kills):
    """Kill the nodes of one folder, and compare what was promised with what is there."""
    print(f"seed {seed}")
    feed = _kill_nodes(folder, random.Random(seed), kills)
    promised = 0
    for number in range(2):
        key = SubfeedKey(feed.removeprefix("feed://"), subfeed_hash(f"subfeed{number}"))
        acknowledged = {}
        for writer in (number, number + 2):
            for line in (folder / f"said {writer}").read_text().splitlines()[1:]:
                first, messages = json.loads(line)
                acknowledged |= dict(enumerate(messages, first))
        promised += len(acknowledged)
        messages = verify_log(log_path(folder, key), key.feed, key.subfeed)
        check_subfeed(key, messages, acknowledged)
        assert len(messages) == len(acknowledged)
    return promised


def _kill_nodes(folder: Path, rnd: random.Random, kills: int) -> str:
    """Kill nodes under four programs; the feed they wrote."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = isolated_environment(folder, KACHERY_DAEMON_PORT=str(port))
    node = Killable("node", "--port", str(port), environment=environment)
    node.start()
    wait_until((folder / "storage" / ".state" / "node.json").exists, "the node is ready")
    create = [sys.executable, "-c", "import kachery_jupyter as kc; print(kc.create_feed().uri)"]
    feed = subprocess.check_output(create, env=environment, text=True).strip()
    stop = folder / "stop"
    writers = []
    for number in range(4):
        arguments = [f"{feed}/subfeed{number % 2}", str(number), str(stop)]
        with (folder / f"said {number}").open("wb") as said:
            command = [sys.executable, "-c", PROGRAM, *arguments]
            writers.append(subprocess.Popen(command, env=environment, stdout=said))
    for number in range(4):
        wait_until((folder / f"said {number}").read_text, "the program is ready")
    for _ in range(kills):
        time.sleep(0.15 + rnd.random() * 0.25)
        node.kill()
        node.start()
    stop.touch()
    assert [one.wait(60) for one in writers] == [0] * 4
    node.kill()
    node.close()
    return feed
