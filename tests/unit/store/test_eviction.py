"""Eviction: enough is chosen, no more than enough, and only what may go."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from kachery_store.eviction import choose_evictions


@dataclass(frozen=True)
class _Content:
    size: int
    pinned: bool
    fetched: bool


CONTENTS = st.lists(st.builds(_Content, st.integers(0, 100), st.booleans(), st.booleans()))


def _total(contents: list[_Content]) -> int:
    return sum(content.size for content in contents if content.fetched)


@given(CONTENTS, st.integers(0, 500))
def test_own_and_pinned_content_is_never_chosen(contents: list[_Content], quota: int) -> None:
    assert all(each.fetched and not each.pinned for each in choose_evictions(contents, quota))


@given(CONTENTS, st.integers(0, 500))
def test_afterwards_the_quota_is_kept_or_nothing_more_can_go(
    contents: list[_Content], quota: int
) -> None:
    chosen = choose_evictions(contents, quota)
    may_go = [each for each in contents if each.fetched and not each.pinned]

    assert _total(contents) - _total(chosen) <= quota or chosen == may_go


@given(CONTENTS, st.integers(0, 500))
def test_the_oldest_go_first_and_no_more_than_needed(contents: list[_Content], quota: int) -> None:
    chosen = choose_evictions(contents, quota)
    may_go = [each for each in contents if each.fetched and not each.pinned]

    assert chosen == may_go[: len(chosen)]
    if chosen:
        assert _total(contents) - _total(chosen[:-1]) > quota
