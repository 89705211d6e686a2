"""Downloads among good and bad providers: thousands of schedules, each with its seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from kachery_core.digests import CHUNK_SIZE, blake3_hex, sha1_hex
from kachery_core.errors import (
    BadChunkError,
    NoProviderError,
    StorageFullError,
    TransferStalledError,
    UnavailableError,
)
from kachery_core.machines.candidates import Claim
from kachery_core.machines.download import Download
from kachery_core.machines.steps import CheckWhole, FetchChunks, FetchTable, Limits, UseTable
from kachery_core.manifests import read_table
from tests.support.download_world import HONEST, LIMITS, TEMPERS, World, variant

if TYPE_CHECKING:
    from kachery_core.manifests import Manifest

COUNTS = (0, 1, 2, 3, 5, 8, 13, 40)
SCHEDULES = 40
SEEDS_OF_EACH = 75


def a_world(seed: int) -> World:
    """A world of that seed: content, providers, what is there already."""
    chance = random.Random(seed)
    count = chance.choice(COUNTS)
    tempers = [chance.choice(TEMPERS) for _ in range(chance.randint(1, 5))]
    if chance.random() < 0.7:
        tempers.insert(chance.randint(0, len(tempers)), chance.choice(sorted(HONEST)))
    here = set(
        chance.sample(range(count), chance.randint(0, count)) if chance.random() < 0.3 else []
    )
    return World(count, tempers, seed, manifest=chance.random() < 0.5, here=here)


@pytest.mark.parametrize("block", range(SCHEDULES))
def test_any_schedule_ends_well_with_one_honest_provider_and_clearly_without(block: int) -> None:
    for seed in range(block * SEEDS_OF_EACH, (block + 1) * SEEDS_OF_EACH):
        world = a_world(seed)
        world.run()
        machine = world.machine
        if machine.is_complete:
            assert world.has_everything, seed
        else:
            assert isinstance(machine.error, (UnavailableError, BadChunkError, StorageFullError))
            assert not HONEST & set(world.tempers), (seed, world.tempers, machine.error)
        assert world.most_requests <= LIMITS.requests, seed
        assert not {name for name in machine.blamed if name.partition("-")[2] in HONEST}, seed


def test_one_honest_provider_sends_every_chunk_once() -> None:
    world = World(40, ["honest"], seed=1)
    world.run()
    assert world.machine.is_complete
    assert world.served == dict.fromkeys(range(40), 1)


def test_what_is_here_is_not_fetched_again() -> None:
    world = World(40, ["honest"], seed=1, here=set(range(0, 40, 2)))
    world.run()
    assert world.machine.is_complete
    assert world.served == dict.fromkeys(range(1, 40, 2), 1)


def test_two_providers_share_the_work() -> None:
    world = World(40, ["honest", "honest"], seed=3)
    world.run()
    assert world.machine.is_complete
    assert sum(world.served.values()) <= 44


def test_a_provider_that_lies_about_everything_costs_one_round() -> None:
    world = World(13, ["wrong table", "honest"], seed=5)
    world.run()
    assert world.machine.is_complete
    # Only the chunk that differs is fetched under the second table.
    assert sum(world.served.values()) <= 13 + 1 + 4


def test_a_table_named_by_the_uri_is_preferred_whoever_comes_first() -> None:
    for seed in range(50):
        world = World(13, ["wrong table", "wrong table", "honest"], seed, manifest=True)
        world.run()
        assert world.machine.is_complete
        assert world.machine.is_trusted
        assert world.machine.table == world.content.table


@pytest.mark.parametrize(
    ("tempers", "error"),
    [
        (["wrong"], BadChunkError),
        (["wrong table"], BadChunkError),
        (["junk table", "other table"], BadChunkError),
        (["silent"], TransferStalledError),
        (["vanishes"], NoProviderError),
        (["has nothing"], TransferStalledError),
        (["boasts"], StorageFullError),
    ],
)
def test_each_kind_of_failure_has_its_error(tempers: list[str], error: type[Exception]) -> None:
    world = World(40, tempers, seed=11)
    world.run()
    assert isinstance(world.machine.error, error)


def test_wrong_bytes_end_a_download_at_once_if_nobody_else_is_there() -> None:
    world = World(40, ["wrong", "wrong"], seed=11)
    world.run()
    assert world.now < 10


TABLE, ENCODED = variant(5).table, variant(5).encoded
CLAIM = Claim(TABLE.size, blake3_hex(ENCODED))


def opened(limits: Limits | None = None) -> tuple[Download, Manifest]:
    """A download that knows its table and has one provider."""
    machine = Download(TABLE.sha1, 0.0, manifest=sha1_hex(ENCODED), limits=limits)
    machine.offered("a", CLAIM, 0.0)
    assert machine.next(0.0) == []
    machine.want(0.0, 0, 0)
    assert machine.next(0.0) == [FetchTable(1, "a", CLAIM)]
    machine.table_came(1, read_table(ENCODED), 0.0)
    machine.ended(1, 0.0)
    assert machine.next(0.0) == [UseTable(TABLE)]
    assert machine.table is not None
    machine.opened(TABLE)  # another table, though equal
    assert not machine.has(0, 0)
    machine.opened(machine.table)
    return machine, machine.table


def test_nothing_is_fetched_that_nobody_wants() -> None:
    machine, table = opened()
    assert machine.is_trusted
    assert machine.next(0.0) == []
    machine.want(0.0, 3, 4)
    assert machine.next(0.0) == [FetchChunks(2, "a", 3, 1)]
    machine.chunk_came(2, 3, 0.1, under=table, is_right=True)
    machine.ended(2, 0.1)
    assert machine.has(3, 4)
    assert not machine.has(2, 4)
    assert machine.next(0.2) == []
    assert not machine.needs_providers


def test_what_is_urgent_comes_first() -> None:
    machine, _ = opened(Limits(slots=1))
    machine.want(0.0)
    machine.want(0.0, 4, 5)
    assert machine.next(0.0) == [FetchChunks(2, "a", 4, 1)]


def test_a_small_content_needs_no_table() -> None:
    machine = Download(sha1_hex(b"x"), 0.0)
    machine.want(0.0)
    machine.offered("a", Claim(1, "whatever"), 0.0)
    (use,) = machine.next(0.0)
    assert isinstance(use, UseTable)
    assert use.table.chunks[0].matches(b"x")
    machine.opened(use.table)
    assert machine.is_trusted
    assert machine.next(0.0) == [FetchChunks(1, "a", 0, 1)]
    machine.chunk_came(1, 0, 0.0, under=use.table, is_right=True)
    machine.ended(1, 0.0)
    assert machine.next(0.0) == [CheckWhole()]
    machine.checked(0.0, is_right=True)
    assert machine.is_complete


def test_a_table_is_asked_for_before_chunks_and_again_if_it_does_not_come() -> None:
    machine = Download(TABLE.sha1, 0.0)
    machine.want(0.0)
    machine.offered("a", CLAIM, 0.0)
    assert machine.next(0.0) == [FetchTable(1, "a", CLAIM)]
    machine.ended(1, 1.0)
    assert machine.next(1.0) == []
    assert machine.next(machine.wake_at(1.0)) == [FetchTable(2, "a", CLAIM)]


def test_a_blamed_provider_is_never_asked_again() -> None:
    machine, table = opened()
    machine.want(0.0)
    machine.next(0.0)
    machine.chunk_came(2, 0, 0.0, under=table, is_right=False)
    assert machine.blamed == {"a"}
    machine.offered("a", CLAIM, 1.0)
    assert machine.needs_providers
    machine.searched(1.0)
    assert isinstance(machine.error, BadChunkError)


def test_a_hesitating_provider_is_doubled_and_then_stopped() -> None:
    machine, table = opened(Limits(slots=1))
    machine.want(0.0)
    assert machine.next(0.0) == [FetchChunks(2, "a", 0, 3)]
    machine.offered("b", CLAIM, 0.0)
    assert machine.next(0.0) == [FetchChunks(3, "b", 3, 1)]
    machine.chunk_came(3, 3, 0.0, under=table, is_right=True)
    machine.ended(3, 0.0)
    assert machine.next(0.0) == [FetchChunks(4, "b", 4, 1)]
    machine.chunk_came(4, 4, 0.0, under=table, is_right=True)
    machine.ended(4, 0.0)
    assert machine.next(1.0) == []
    assert machine.next(2.5) == [FetchChunks(5, "b", 0, 3)]
    for index in range(3):
        machine.chunk_came(5, index, 3.0, under=table, is_right=True)
    machine.ended(5, 3.0)
    assert CheckWhole() in machine.next(3.0)
    assert machine.senders == set()


def test_a_content_of_no_chunk_is_only_checked() -> None:
    machine = Download(sha1_hex(b""), 0.0)
    machine.want(0.0)
    machine.offered("a", Claim(0), 0.0)
    machine.next(0.0)
    assert machine.table is not None
    machine.opened(machine.table)
    assert machine.next(0.0) == [CheckWhole()]


def test_a_megabyte_is_the_frame_of_everything() -> None:
    assert TABLE.chunks[0].end == CHUNK_SIZE
