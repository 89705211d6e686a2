"""Nodes that are killed, and lose power, while they copy feeds: what was shown once stays."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kachery_core.messages import Head, check_run, encode_batch
from tests.support.feed_samples import Chain, SeededKey, log_path, open_feeds
from tests.support.feed_verifier import verify_log
from tests.support.killable_feeds import Killable
from tests.support.nodes import wait_until
from tests.support.power_cut import crashes, mounted_image, recorded_ext4, why_no_power_cuts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SUBFEEDS = 6
KILLS = 300
CRASHES = 300
DISK_SIZE = 16 << 20


def written(number: int, batches: int) -> Chain:
    """A subfeed that another node wrote; of its batches some wait for a later signature."""
    rnd = random.Random(number)
    chain = Chain(SeededKey(number + 1), name=f"subfeed {number}")
    for place in range(batches):
        size, width = rnd.choice((1, 1, 3)), rnd.choice((20, 300, 3000))
        payloads = [json.dumps([place, one, "x" * width]).encode() for one in range(size)]
        chain.append(payloads, is_signed=place == batches - 1 or rnd.random() < 0.7)
    return chain


def piece(chain: Chain, first: int, count: int) -> tuple[Head, bytes, int]:
    """About so many batches, up to a signed one: the head before, the run, the place after."""
    last = first + count
    while last < len(chain.batches) and not chain.batches[last - 1].signature:
        last += 1
    before = chain.batches[first - 1].head if first else Head()
    return before, b"".join(map(encode_batch, chain.batches[first:last])), last


@dataclass
class Copying:
    """Follows subfeeds through a node that is killed again and again."""

    socket: str
    rnd: random.Random
    chains: list[Chain] = field(default_factory=list)
    shown: dict[int, int] = field(default_factory=dict)
    asked_again: int = 0
    problems: list[str] = field(default_factory=list)
    is_over: bool = False

    async def ask(self, question: dict) -> dict:
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

    async def copy(self, number: int) -> None:
        """Hand on runs, from where the copy is known to be or from before that."""
        chain, place = self.chains[number], 0
        while not self.is_over and place < len(chain.batches):
            place = max(0, place - self.rnd.choice((0, 0, 0, 2)))
            place = next((n for n in range(place, 0, -1) if chain.batches[n - 1].signature), 0)
            before, run, after = piece(chain, place, self.rnd.choice((1, 1, 2, 8)))
            question = {
                "feed": chain.key.feed,
                "subfeed": chain.key.subfeed,
                "before": before.length,
                "entry": before.entry.hex(),
                "taken": base64.b64encode(run).decode(),
            }
            answer = await self.ask(question)
            if "problem" in answer or answer["length"] < self.shown.get(number, 0):
                self.problems.append(str(answer))
                return
            self.shown[number] = answer["length"]
            place = after
            await asyncio.sleep(self.rnd.random() * 0.01)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_of_300_kills_no_copy_loses_what_it_showed():
    seed = 20261121
    print(f"seed {seed}")
    shown = asked_again = 0
    with tempfile.TemporaryDirectory(prefix="kachery-") as name:
        folder = Path(name)
        node = Killable("feeds", name)
        wait_until((folder / "socket").exists, "the node listens")
        for part in range(3):
            copying = Copying(str(folder / "socket"), random.Random(seed + part))
            copying.chains = [written(part * SUBFEEDS + n, 3000) for n in range(SUBFEEDS)]
            asyncio.run(_kill_often(node, copying))
            for number, chain in enumerate(copying.chains):
                found = verify_log(log_path(folder, chain.key), chain.key.feed, chain.key.subfeed)
                assert len(found) >= copying.shown[number]
                payloads = [payload for one in chain.batches for payload in one.payloads]
                assert found == [json.loads(payload) for payload in payloads[: len(found)]]
                shown += copying.shown[number]
            asked_again += copying.asked_again
        node.close()
    print(f"{KILLS} kills: {shown} messages shown, asked again {asked_again} times")
    assert shown > 1000
    assert asked_again > KILLS / 2


async def _kill_often(node: Killable, copying: Copying) -> None:
    tasks = [asyncio.ensure_future(copying.copy(number)) for number in range(SUBFEEDS)]
    for _ in range(KILLS // 3):
        await asyncio.to_thread(node.start)
        await asyncio.sleep(copying.rnd.choice((0.0, 0.03, 0.06)) + copying.rnd.random() * 0.08)
        await asyncio.to_thread(node.kill)
        if copying.problems:
            break
    await asyncio.to_thread(node.start)
    copying.is_over = True
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    await asyncio.to_thread(node.kill)
    assert copying.problems == []


COPIER = """
import asyncio, random, sys
from pathlib import Path
from tests.faults.test_killed_copies import SUBFEEDS, piece, written
from tests.support.feed_samples import open_feeds
from tests.support.power_cut import mark
mounted, marks, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
rnd = random.Random(seed)

async def copy(feeds, number):
    chain, place = written(number, 40), 0
    await feeds.copies.add(chain.key.feed)
    while place < len(chain.batches):
        before, run, place = piece(chain, place, rnd.choice((1, 2, 5)))
        head = await feeds.copies.take(chain.key, before, run)
        mark(marks, f"{number} {head.length}")

async def story():
    for part in range(2):
        async with open_feeds(mounted / "work", mounted.parent / "witness") as feeds:
            await asyncio.gather(*(copy(feeds, part * SUBFEEDS + n) for n in range(SUBFEEDS)))

(mounted / "work").mkdir()
asyncio.run(story())
"""


@pytest.mark.skipif(bool(why_no_power_cuts()), reason=why_no_power_cuts() or "power can be cut")
def test_after_300_power_cuts_copies_have_what_they_showed_and_go_on(tmp_path):
    seed = 20261121
    print(f"seed {seed}")
    with recorded_ext4(tmp_path, DISK_SIZE) as (mounted, marks):
        subprocess.run(
            [sys.executable, "-c", COPIER, str(mounted), str(marks), str(seed)],
            cwd=Path(__file__).parents[2],
            check=True,
        )
    looked_at = shown = 0
    for crash in crashes(tmp_path, DISK_SIZE, CRASHES, seed):
        with mounted_image(crash.disk, tmp_path / "after") as root:
            _in_child(root / "work", crash.marks)
        looked_at += 1
        shown += len(crash.marks)
    print(f"{looked_at} power cuts, {shown} shown heads kept")
    assert looked_at == CRASHES
    assert shown > 50 * CRASHES


def _in_child(folder: Path, marks: list[str]) -> None:
    """Check in a process of its own: nothing keeps the disk when it has ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(_check(folder, marks))
            said = "right"
        except BaseException:  # noqa: BLE001 - told by the parent
            said = traceback.format_exc()
        os.write(writer, said.encode()[-4000:])
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    assert said == "right", said


async def _check(folder: Path, marks: list[str]) -> None:
    if not (folder / "storage" / ".state" / "feeds.sqlite").exists():
        assert marks == []
        return
    shown: dict[int, int] = {}
    for mark in marks:
        number, length = map(int, mark.split())
        shown[number] = max(length, shown.get(number, 0))
    # Without a witness: what is on this disk must be enough.
    async with open_feeds(folder, folder / "new witness") as feeds:
        for number, length in shown.items():
            chain = written(number, 40)
            held = await feeds.copies.head(chain.key)
            assert held.length >= length
            before, run = await feeds.read(chain.key, 0, 1 << 24)
            if held.length:
                assert check_run(chain.key, before, run)[-1].head == held
        if shown:
            chain = written(len(marks) % len(shown), 40)
            await feeds.copies.add(chain.key.feed)
            assert await feeds.copies.take(chain.key, Head(), chain.run) == chain.head
