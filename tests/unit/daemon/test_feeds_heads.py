"""How far each subfeed was seen to go."""

import pytest

from kachery_core.messages import Head, SubfeedKey
from kachery_daemon.feeds.heads import Heads

KEY = SubfeedKey("0a" * 32, "0b" * 20)
OTHER = SubfeedKey("0a" * 32, "0c" * 20)


@pytest.fixture
def heads(tmp_path):
    heads = Heads(tmp_path / "heads.sqlite")
    yield heads
    heads.close()


def head(length):
    return Head(length, bytes([length]) * 32)


def test_a_subfeed_that_was_never_seen_has_nothing(heads):
    assert heads.find(KEY) == Head()


def test_the_highest_head_is_kept_whatever_is_noted_later(heads):
    heads.note({KEY: head(5), OTHER: head(1)})
    heads.note({KEY: head(3)})
    heads.note({KEY: Head(5, b"\7" * 32)})
    assert heads.find(KEY) == head(5)
    assert heads.find(OTHER) == head(1)
    heads.note({KEY: head(6)})
    assert heads.find(KEY) == head(6)


def test_heads_are_there_after_a_restart(heads, tmp_path):
    heads.note({KEY: head(5)})
    heads.close()
    again = Heads(tmp_path / "heads.sqlite")
    assert again.find(KEY) == head(5)
    again.close()


def test_a_deleted_feed_is_forgotten_with_all_its_subfeeds(heads):
    elsewhere = SubfeedKey("0d" * 32, "0b" * 20)
    heads.note({KEY: head(5), OTHER: head(6), elsewhere: head(7)})
    heads.forget(KEY.feed)
    assert [heads.find(key).length for key in (KEY, OTHER, elsewhere)] == [0, 0, 7]
