"""What an archive remembers: durable, the least recently used known, floods kept small."""

from __future__ import annotations

import time

import pytest

from kachery_core.wire.node_archives import Passed, PassedContent, PassedSubfeed
from kachery_daemon.sharing.archive_ledger import (
    MOST_OF_ONE,
    MOST_WAITING,
    ArchiveLedger,
    Holding,
    KeptArchive,
)

LAB, HOME = "A" * 56, "B" * 56


def sha1_of(number: int) -> bytes:
    return number.to_bytes(20, "big")


def note(*numbers: int, subfeeds: tuple[int, ...] = (), feed: int = 0) -> Passed:
    return Passed(
        bytes(32),
        bytes(32),
        [PassedContent(sha1_of(number), b"", f"name {number}") for number in numbers],
        [PassedSubfeed(bytes([feed]) * 32, sha1_of(number)) for number in subfeeds],
    )


@pytest.fixture
def ledger(tmp_path):
    ledger = ArchiveLedger(tmp_path)
    yield ledger
    ledger.close()


def test_a_node_that_is_no_archive_has_no_file(tmp_path):
    ledger = ArchiveLedger(tmp_path)
    assert (ledger.archives(), ledger.holding(LAB)) == ([], Holding())
    assert not list(tmp_path.iterdir())


def test_what_was_told_is_there_after_a_restart(ledger, tmp_path):
    ledger.set(KeptArchive(LAB, 10, is_on=True))
    ledger.set(KeptArchive(LAB, 20, is_on=False))
    assert ledger.take(LAB, "bob", note(1, 2, subfeeds=(3,))) == 3
    (first, _) = ledger.waiting(LAB, 10)
    ledger.fetched(first, 7)
    ledger.close()
    again = ArchiveLedger(tmp_path)
    assert again.archives() == [KeptArchive(LAB, 20, is_on=False)]
    assert again.holding(LAB) == Holding(contents=1, subfeeds=0, size=7, waiting=2)
    assert [thing.label for thing in again.waiting(LAB, 10)] == ["name 2"]
    (subfeed,) = again.subfeeds(LAB, 10)
    assert (subfeed.key.feed, subfeed.key.subfeed) == ("00" * 32, sha1_of(3).hex())
    assert again.waiting(HOME, 10) == again.subfeeds(HOME, 10) == []
    again.close()


def test_what_is_told_again_is_used_now_and_not_twice_there(ledger):
    for number in (1, 2, 3):
        assert ledger.take(LAB, "bob", note(number)) == 1
    for thing in ledger.waiting(LAB, 10):
        ledger.fetched(thing, 5)
    assert ledger.take(LAB, "carol", note(1)) == 0
    assert [thing.label for thing in ledger.oldest(LAB, 10)] == ["name 2", "name 3", "name 1"]
    assert ledger.waiting(LAB, 10) == []


def test_the_subfeeds_of_a_feed_are_used_together(ledger):
    ledger.take(LAB, "bob", note(subfeeds=(1, 2), feed=1))
    ledger.take(LAB, "bob", note(9))
    for thing in [*ledger.waiting(LAB, 10), *ledger.subfeeds(LAB, 10)]:
        ledger.fetched(thing, 5)
    ledger.take(LAB, "bob", note(subfeeds=(2,), feed=1))
    assert [thing.feed[:2] for thing in ledger.oldest(LAB, 10)] == ["", "01", "01"]
    assert len(ledger.of_feed("01" * 32)) == 2


def test_what_failed_waits_and_what_is_forgotten_is_gone(ledger):
    ledger.take(LAB, "bob", note(1, 2))
    one, two = ledger.waiting(LAB, 10)
    ledger.failed(one, time.time() + 3600)
    ledger.forget(two)
    assert ledger.waiting(LAB, 10) == []
    ledger.failed(one, 0)
    (again,) = ledger.waiting(LAB, 10)
    assert again.attempts == 2


def test_one_who_floods_leaves_room_for_the_others(ledger):
    numbers = iter(range(10**6))

    def tell(teller: str) -> int:
        return ledger.take(LAB, teller, note(*(next(numbers) for _ in range(250))))

    assert sum(tell("mallory") for _ in range(20)) == MOST_OF_ONE
    assert tell("bob") == 250
    for other in range(8):
        for _ in range(9):
            tell(f"sybil {other}")
    assert ledger.holding(LAB).waiting == MOST_WAITING
    assert tell("bob") == 0
