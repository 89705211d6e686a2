"""Turns: a burst, then a rate; for each, and for all together."""

from __future__ import annotations

from kachery_daemon.hub.limits import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(limit: RateLimit, name: str, tries: int) -> int:
    return sum(limit.take(name) == 0 for _ in range(tries))


def test_a_burst_passes_and_then_so_many_a_second() -> None:
    clock = Clock()
    limit = RateLimit(burst=5, per_second=2, together=100, clock=clock)
    assert taken(limit, "a", 10) == 5
    clock.now += 1
    assert taken(limit, "a", 10) == 2
    clock.now += 1000
    assert taken(limit, "a", 10) == 5


def test_who_has_to_wait_is_told_how_long() -> None:
    clock = Clock()
    limit = RateLimit(burst=1, per_second=2, together=100, clock=clock)
    assert limit.take("a") == 0
    assert limit.take("a") == 0.5
    clock.now += 0.5
    assert limit.take("a") == 0


def test_one_does_not_take_anothers_turns() -> None:
    limit = RateLimit(burst=5, per_second=1, together=100, clock=Clock())
    assert taken(limit, "a", 10) == 5
    assert taken(limit, "b", 10) == 5


def test_many_names_are_limited_together() -> None:
    limit = RateLimit(burst=5, per_second=1, together=10, clock=Clock())
    assert sum(taken(limit, str(number), 1) for number in range(1000)) == 50


def test_no_more_names_are_remembered_than_there_is_room_for() -> None:
    limit = RateLimit(burst=1, per_second=1, together=1_000_000, clock=Clock())
    for number in range(20_000):
        limit.take(str(number))
    assert len(limit._each) == 10_000


def test_a_clock_that_stands_still_or_a_refusal_costs_no_turn() -> None:
    clock = Clock()
    limit = RateLimit(burst=1, per_second=1, together=1, clock=clock)
    assert limit.take("a") == 0
    for _ in range(100):
        assert limit.take("a") == 1
    clock.now += 1
    assert limit.take("b") == 0
