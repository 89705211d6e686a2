"""The limits of a download fit together."""

from kachery_core.machines.steps import FetchChunks, Limits


def test_who_hesitates_is_helped_before_it_is_given_up() -> None:
    limits = Limits()
    assert limits.hesitation < limits.stall < limits.patience
    assert limits.stall < limits.slowest_chunk
    assert limits.slots <= limits.requests


def test_steps_are_equal_if_they_say_the_same() -> None:
    assert FetchChunks(1, "a", 0, 2) == FetchChunks(1, "a", 0, 2)
