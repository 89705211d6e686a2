"""Forged messages, feeds written twice, restored backups: refused, found, proved."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from kachery_core.errors import (
    BadSignatureError,
    BrokenChainError,
    FeedForkedError,
    FeedRollbackError,
    UntrustworthyError,
)
from kachery_core.feeds import subfeed_hash
from kachery_core.forks import check_fork
from kachery_core.messages import Head, SubfeedKey, check_run, encode_batch, make_batch
from kachery_daemon.feeds.log import SubfeedLog
from kachery_daemon.feeds.registry import Registry
from tests.support.feed_samples import (
    Chain,
    SeededKey,
    append_one,
    log_path,
    open_feeds,
    random_chain,
    signed,
)
from tests.support.nodes import running_node

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

REFUSED = (BadSignatureError, BrokenChainError)
MANY = 1 << 22


class Forger:
    """Knows everything but the writer's key, and has what the writer signed elsewhere."""

    def __init__(self, rnd: random.Random) -> None:
        self.rnd = rnd
        self.key = SeededKey(99)

    def flipped_bit(self, run: bytes, _: Chain) -> bytes:
        forged = bytearray(run)
        forged[self.rnd.randrange(len(run))] ^= 1 << self.rnd.randrange(8)
        return bytes(forged)

    def changed_message(self, _: bytes, chain: Chain) -> bytes:
        return self._with(chain, lambda one: {"payloads": [b'"forged"', *one.payloads[1:]]})

    def changed_time(self, _: bytes, chain: Chain) -> bytes:
        return self._with(chain, lambda one: {"time_us": one.time_us + 1})

    def changed_index(self, _: bytes, chain: Chain) -> bytes:
        return self._with(chain, lambda one: {"first": one.first + self.rnd.choice((-1, 1, 5)) & 7})

    def changed_entry(self, _: bytes, chain: Chain) -> bytes:
        def change(one):
            return {"head": Head(one.head.length, self.rnd.randbytes(32))}

        return self._with(chain, change)

    def changed_signature(self, _: bytes, chain: Chain) -> bytes:
        last = msgspec.structs.replace(chain.batches[-1], signature=self.rnd.randbytes(64))
        return b"".join(map(encode_batch, [*chain.batches[:-1], last]))

    def signature_of_another_head(self, _: bytes, chain: Chain) -> bytes:
        other = random_chain(self.rnd, 2, chain.signer).batches[-1]
        last = msgspec.structs.replace(chain.batches[-1], signature=other.signature)
        return b"".join(map(encode_batch, [*chain.batches[:-1], last]))

    def reordered(self, _: bytes, chain: Chain) -> bytes:
        batches = list(chain.batches)
        one, other = self.rnd.sample(range(len(batches)), 2)
        batches[one], batches[other] = batches[other], batches[one]
        return b"".join(map(encode_batch, batches))

    def replayed(self, run: bytes, chain: Chain) -> bytes:
        return run + encode_batch(self.rnd.choice(chain.batches))

    def left_out(self, _: bytes, chain: Chain) -> bytes:
        batches = list(chain.batches)
        del batches[self.rnd.randrange(len(batches) - 1)]
        return b"".join(map(encode_batch, batches))

    def spliced_from_another_subfeed(self, _: bytes, chain: Chain) -> bytes:
        """Of the same writer; re-chained, because the forger can hash."""
        place = self.rnd.randrange(len(chain.batches))
        other = Chain(chain.signer, "other")
        for one in chain.batches[:place]:
            other.append(one.payloads, time_us=one.time_us)
        other.append([b'"elsewhere"'])
        return b"".join(map(encode_batch, [*chain.batches[:place], other.batches[-1]]))

    def whole_other_subfeed(self, _: bytes, chain: Chain) -> bytes:
        made = Chain(chain.signer, "other")
        made.append([b'"elsewhere"'])
        return made.run

    def own_key(self, _: bytes, chain: Chain) -> bytes:
        """A batch that continues the chain, signed by the forger."""
        place = self.rnd.randrange(len(chain.batches))
        before = chain.batches[place - 1].head if place else Head()
        batch = make_batch(chain.key, before, 7, bytes(16), [b'"forged"'])
        forged = [*chain.batches[:place], signed(self.key, chain.key, batch)]
        return b"".join(map(encode_batch, forged))

    def not_signed(self, run: bytes, chain: Chain) -> bytes:
        return run + encode_batch(make_batch(chain.key, chain.head, 7, bytes(16), [b'"forged"']))

    def _with(self, chain, change):
        batches = list(chain.batches)
        place = self.rnd.randrange(len(batches))
        batches[place] = msgspec.structs.replace(batches[place], **change(batches[place]))
        return b"".join(map(encode_batch, batches))


FORGERIES = [name for name in vars(Forger) if not name.startswith("_")]


def test_of_10000_forgeries_none_is_accepted():
    seed = 20261120
    print(f"seed {seed}")
    rnd = random.Random(seed)
    forger = Forger(rnd)
    refused = dict.fromkeys(FORGERIES, 0)
    for number in range(10_000):
        chain = random_chain(rnd, 4)
        kind = FORGERIES[number % len(FORGERIES)]
        forged = getattr(forger, kind)(chain.run, chain)
        if forged == chain.run:
            continue
        written = [(one.time_us, one.payloads) for one in chain.batches]
        try:
            found = [(one.time_us, one.payloads) for one in check_run(chain.key, Head(), forged)]
        except REFUSED:
            refused[kind] += 1
        else:
            # An append id, or a signature that a later one covers: no message is in them.
            assert found == written[: len(found)], kind
            assert kind == "flipped_bit"
    print(refused)
    assert min(refused.values()) > 400


def test_a_forged_log_is_not_opened_and_a_forged_copy_is_no_fork(tmp_path):
    seed = 20261121
    print(f"seed {seed}")
    rnd = random.Random(seed)
    forger = Forger(rnd)
    path = tmp_path / "a.log"
    kinds = [kind for kind in FORGERIES if kind not in {"flipped_bit", "replayed", "not_signed"}]
    for number in range(500):
        chain = random_chain(rnd, 4)
        path.write_bytes(getattr(forger, kinds[number % len(kinds)])(chain.run, chain))
        with contextlib.suppress(UntrustworthyError):
            log = SubfeedLog(path, chain.key, chain.head)
            log.close()
            assert path.read_bytes() == chain.run, kinds[number % len(kinds)]

    async def story():
        async with open_feeds(tmp_path) as feeds:
            record = await feeds.create(None)
            key = SubfeedKey(record.feed, subfeed_hash("main"))
            for number in range(5):
                await append_one(feeds, key, number)
            _, run = await feeds.read(key, 0, MANY)
            ours = check_run(key, Head(), run)
            for place in range(5):
                before = ours[place - 1].head if place else Head()
                batch = make_batch(key, before, 7, bytes(16), [b'"forged"'])
                for forged in (batch, signed(SeededKey(99), key, batch)):
                    with pytest.raises(REFUSED):
                        await feeds.compare(key, before, encode_batch(forged))
            # Nobody can make a feed look forked.
            assert await append_one(feeds, key, 5) == 5

    asyncio.run(story())


async def _write(folder: Path, witness: Path, key: SubfeedKey, first: int, count: int) -> bytes:
    async with open_feeds(folder, witness) as feeds:
        for number in range(first, first + count):
            await append_one(feeds, key, number)
        return (await feeds.read(key, 0, MANY))[1]


async def _new_feed(folder: Path, count: int) -> SubfeedKey:
    async with open_feeds(folder) as feeds:
        key = SubfeedKey((await feeds.create(None)).feed, subfeed_hash("main"))
        for number in range(count):
            await append_one(feeds, key, number)
    return key


def test_100_feeds_written_twice_are_all_found_out(tmp_path):
    """Both copies have the keys; neither knows of the other until they are compared."""
    seed = 20261122
    print(f"seed {seed}")
    rnd = random.Random(seed)

    async def story(folder):
        shared = rnd.randrange(6)
        key = await _new_feed(folder, shared)
        shutil.copytree(folder / "storage", folder / "copy" / "storage")
        await _write(folder, folder / "witness.sqlite", key, 100, rnd.randint(1, 4))
        theirs = await _write(
            folder / "copy", folder / "elsewhere.sqlite", key, 200, rnd.randint(1, 4)
        )
        async with open_feeds(folder) as feeds:
            with pytest.raises(FeedForkedError) as caught:
                await feeds.compare(key, Head(), theirs)
            assert caught.value.fields["index"] == shared
        async with open_feeds(folder) as feeds:
            assert await feeds.length(key) == shared
            if shared:
                assert (await feeds.read(key, 0, MANY))[1]
            for refused in (feeds.read(key, shared, MANY), append_one(feeds, key, 300)):
                with pytest.raises(FeedForkedError):
                    await refused
        registry = Registry(folder / "storage" / ".state")
        proof = registry.find_fork(key)
        registry.close()
        assert proof.index == shared
        check_fork(proof)

    for number in range(100):
        asyncio.run(story(tmp_path / str(number)))
        shutil.rmtree(tmp_path / str(number))


def test_100_restored_backups_refuse_to_append(tmp_path):
    seed = 20261123
    print(f"seed {seed}")
    rnd = random.Random(seed)

    async def story(folder):
        before, after = rnd.randint(0, 5), rnd.randint(1, 5)
        key = await _new_feed(folder, before)
        shutil.copytree(folder / "storage", folder / "backup")
        await _write(folder, folder / "witness.sqlite", key, before, after)
        shutil.rmtree(folder / "storage")
        os.rename(folder / "backup", folder / "storage")
        async with open_feeds(folder) as feeds:
            for _ in range(3):
                with pytest.raises(FeedRollbackError) as caught:
                    await append_one(feeds, key, 300)
                fields = caught.value.fields
                assert (fields["here"], fields["seen"]) == (before, before + after)
        async with open_feeds(folder) as feeds:
            assert await feeds.length(key) == before

    for number in range(100):
        asyncio.run(story(tmp_path / str(number)))
        shutil.rmtree(tmp_path / str(number))


def test_100_copies_that_went_elsewhere_as_far_or_farther_refuse_to_append(tmp_path):
    """The witness knows the entry, not only the length."""
    seed = 20261124
    print(f"seed {seed}")
    rnd = random.Random(seed)

    async def story(folder):
        key = await _new_feed(folder, rnd.randrange(4))
        shutil.copytree(folder / "storage", folder / "copy" / "storage")
        after = rnd.randint(1, 4)
        await _write(folder, folder / "witness.sqlite", key, 100, after)
        farther = after + rnd.randrange(3)
        await _write(folder / "copy", folder / "elsewhere.sqlite", key, 200, farther)
        async with open_feeds(folder / "copy", folder / "witness.sqlite") as feeds:
            with pytest.raises(FeedForkedError):
                await append_one(feeds, key, 300)
        assert log_path(folder / "copy", key).exists()

    for number in range(100):
        asyncio.run(story(tmp_path / str(number)))
        shutil.rmtree(tmp_path / str(number))


WRITE = """
import json, sys
import kachery_jupyter as kc
subfeed = kc.load_feed("mine", create=True).load_subfeed("main")
subfeed.append_messages(json.loads(sys.argv[1]))
kc.export_feed(subfeed.uri, sys.argv[2])
print(subfeed.uri)
"""
COMPARE = """
import json, sys
import kachery_jupyter as kc
subfeed = kc.load_subfeed(sys.argv[1])
said = []
for work in (
    lambda: kc.compare_export(sys.argv[2]),
    lambda: subfeed[:],
    lambda: subfeed.get_next_messages(),
    lambda: subfeed.get_next_messages(),
    lambda: subfeed.append_message("more"),
    lambda: kc.load_subfeed(sys.argv[1], position=5).get_next_message(),
    lambda: len(subfeed),
):
    try:
        said.append(work())
    except kc.KacheryError as error:
        said.append([type(error).__name__, error.fields.get("index")])
print(json.dumps(said))
"""


def test_real_nodes_find_a_feed_that_was_written_twice(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"

    def run(node, program, *arguments):
        environment = node.environment | {"KACHERY_DAEMON_PORT": str(node.port)}
        command = [sys.executable, "-c", program, *map(str, arguments)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with running_node(one) as node:
        uri = run(node, WRITE, '["both"]', tmp_path / "before")
    (other / "home").mkdir(parents=True)
    shutil.copytree(
        one / "storage", other / "storage", ignore=lambda *_: ["node.sock", "feeds.sock"]
    )
    with running_node(other) as node:
        run(node, WRITE, '["theirs", 1, 2, 3]', tmp_path / "theirs")
    with running_node(one) as node:
        run(node, WRITE, '["ours"]', tmp_path / "ours")
        for honest, length in ((tmp_path / "before", 1), (tmp_path / "ours", 2)):
            said = json.loads(run(node, COMPARE.replace('"more"', "None"), uri, honest))
            assert said[0] == length
        assert said[-1] == 4  # each look at an honest copy appended one message
    forked = ["FeedForkedError", 1]
    expected = [forked, ["both"], ["both"], forked, forked, forked, 1]
    for _ in range(2):
        with running_node(one) as node:
            said = json.loads(run(node, COMPARE, uri, tmp_path / "theirs"))
        assert said == expected
    key = SubfeedKey(uri.split("/")[2], subfeed_hash("main"))
    registry = Registry(one / "storage" / ".state")
    check_fork(registry.find_fork(key))
    registry.close()
