"""Which packets came, came twice, and never came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.packets.stamps import Stamp
from kachery_jupyter.streams.sequence import Gap, Sequence


def stamp(number: int, key: str = "k", epoch: int = 1) -> Stamp:
    return Stamp(key, epoch, number, 0)


def test_the_first_one_heard_may_have_any_number():
    sequence = Sequence()
    assert sequence.note(stamp(7)) is True
    assert sequence.note(stamp(8)) is True
    assert sequence.note(stamp(8)) is False
    assert sequence.note(stamp(3)) is False
    assert sequence.note(stamp(11)) == Gap("k", 1, 9, 10)
    assert sequence.note(stamp(12)) is True


@pytest.mark.parametrize("other", [{"key": "other"}, {"epoch": 2}])
def test_publishers_and_their_runs_are_counted_apart(other):
    sequence = Sequence()
    assert sequence.note(stamp(5)) is True
    assert sequence.note(stamp(0, **other)) is True
    assert sequence.note(stamp(6)) is True
    assert sequence.note(stamp(1, **other)) is True


@given(st.lists(st.booleans(), min_size=1, max_size=100))
def test_what_came_and_the_gaps_are_all_there_was(arrives):
    sequence, came, lost = Sequence(), [], []
    for number, is_there in enumerate(arrives):
        if not is_there:
            continue
        noted = sequence.note(stamp(number))
        if isinstance(noted, Gap):
            lost += range(noted.first, noted.last + 1)
        came.append(number)
    if came:
        assert sorted(came + lost) == list(range(came[0], came[-1] + 1))
