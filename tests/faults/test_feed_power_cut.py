"""Power cuts while messages are appended: what was acknowledged before is there after them."""

from __future__ import annotations

import asyncio
import os
import traceback
from typing import TYPE_CHECKING

import pytest

from kachery_core.feeds import subfeed_hash
from kachery_core.messages import SubfeedKey
from tests.support.feed_samples import append_one, log_path, open_feeds
from tests.support.feed_verifier import verify_batches, verify_log
from tests.support.power_cut import crashes, mounted_image, record, why_no_power_cuts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(why_no_power_cuts()), reason=why_no_power_cuts() or "power can be cut"),
]

DISK_SIZE = 16 << 20
CRASHES = 1000
# Notes go to the disk of the store and to its witness, which is elsewhere, as in life.
WRITER = """
import asyncio, json, random, sys
from pathlib import Path
from kachery_core.feeds import subfeed_hash
from kachery_core.messages import SubfeedKey
from tests.support.feed_samples import open_feeds
from tests.support.power_cut import mark
mounted, marks, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
rnd = random.Random(seed)

async def write(feeds, key, writer):
    for number in range(12):
        size = rnd.choice((1, 1, 2, 12))
        width = rnd.choice((10, 100, 700, 3000))
        payloads = [json.dumps([writer, number, place, "x" * width]).encode()
                    for place in range(size)]
        first, count = await feeds.append(key, rnd.randbytes(16), payloads)
        mark(marks, f"{key.feed[:20]} {key.subfeed[:10]} {first} {count} {writer} {number}")

async def story():
    for part in range(3):
        async with open_feeds(mounted / "work", mounted.parent / "witness") as feeds:
            record = await feeds.create(f"feed {part}")
            mark(marks, f"feed {record.feed[:50]}")
            keys = [SubfeedKey(record.feed, subfeed_hash(name)) for name in ("one", "other")]
            await asyncio.gather(*(write(feeds, keys[n % 2], n) for n in range(6)))

(mounted / "work").mkdir()
asyncio.run(story())
"""


def test_after_1000_power_cuts_no_acknowledged_message_is_lost(tmp_path):
    seed = 20261120
    record(WRITER, tmp_path, DISK_SIZE, seed)
    promised = looked_at = torn = 0
    for crash in crashes(tmp_path, DISK_SIZE, CRASHES, seed):
        with mounted_image(crash.disk, tmp_path / "after") as root:
            torn += int(_in_child(root / "work", crash.marks))
        looked_at += 1
        promised += len(crash.marks)
    print(f"{looked_at} power cuts, {promised} promises kept, {torn} appends torn and left out")
    assert looked_at == CRASHES
    assert promised > 50 * CRASHES
    assert torn > 0


def _in_child(folder: Path, marks: list[str]) -> str:
    """Check in a process of its own: nothing keeps the disk when it has ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = str(asyncio.run(_check(folder, marks)))
        except BaseException:  # noqa: BLE001 - told by the parent
            said = traceback.format_exc()
        os.write(writer, said.encode()[-4000:])
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    assert said.isdecimal(), said
    return said


async def _check(folder: Path, marks: list[str]) -> int:
    """Each feed and message that was acknowledged; the number of logs with a torn end."""
    if not (folder / "storage" / ".state" / "feeds.sqlite").exists():
        assert marks == []
        return 0
    torn = 0
    # Without a witness: what is on this disk must be enough.
    async with open_feeds(folder, folder / "new witness") as feeds:
        records = {record.feed[:50]: record for record in feeds.all()}
        for mark in marks:
            if mark.startswith("feed "):
                assert mark.removeprefix("feed ") in records
        keys = [
            SubfeedKey(record.feed, subfeed_hash(name))
            for record in records.values()
            for name in ("one", "other")
        ]
        for key in keys:
            path = log_path(folder, key)
            torn += path.exists() and _has_torn_end(path.read_bytes())
            _, run = await feeds.read(key, 0, 1 << 24)
            _check_messages(key, verify_batches(run, *_raw(key)), marks)
        if keys:
            key = keys[len(marks) % len(keys)]
            length = await feeds.length(key)
            assert await append_one(feeds, key, 1) == length
            messages = verify_log(log_path(folder, key), key.feed, key.subfeed)
            assert len(messages) == length + 1
            assert messages[-1] == {"n": 1}
    return torn


def _check_messages(key: SubfeedKey, messages: list, marks: list[str]) -> None:
    for mark in marks:
        feed, subfeed, *numbers = mark.split()
        if (feed, subfeed) != (key.feed[:20], key.subfeed[:10]):
            continue
        first, count, writer, number = map(int, numbers)
        found = [message[:3] for message in messages[first : first + count]]
        assert found == [[writer, number, place] for place in range(count)], mark
    appends = dict.fromkeys((message[0], message[1]) for message in messages)
    for writer in range(6):
        mine = [number for one, number in appends if one == writer]
        assert mine == list(range(len(mine)))


def _raw(key: SubfeedKey) -> tuple[bytes, bytes]:
    return bytes.fromhex(key.feed), bytes.fromhex(key.subfeed)


def _has_torn_end(data: bytes) -> bool:
    """Whether something was on its way and did not come whole."""
    at = 0
    while at + 4 <= len(data) and (size := int.from_bytes(data[at : at + 4], "big")):
        at += 4 + size
    return at > len(data) or any(data[at:])
