"""Which feeds a node writes, what they are called, and the proofs it keeps for ever."""

import sqlite3

import pytest

from kachery_core.errors import FeedExistsError
from kachery_core.forks import check_fork, find_fork
from kachery_core.messages import Head
from kachery_daemon.feeds.registry import Registry
from tests.support.feed_samples import Chain

ONE, OTHER = "0a" * 32, "0b" * 32


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path)
    yield registry
    registry.close()


def proof_at(place):
    ours, theirs = Chain(), Chain()
    for number in range(place):
        for chain in (ours, theirs):
            chain.append([b"%d" % number])
    ours.append([b'"ours"'])
    theirs.append([b'"theirs"'])
    proof = find_fork(ours.key, Head(), ours.run, theirs.run)
    assert proof.index == place
    return proof


def test_feeds_are_there_after_a_restart(registry, tmp_path):
    record = registry.add(ONE, "näme", -1)
    again = Registry(tmp_path)
    assert again.all() == [record]
    again.close()


def test_one_writer_has_a_name_once_and_another_has_it_too(registry):
    registry.add(ONE, "mine", -1)
    with pytest.raises(FeedExistsError) as caught:
        registry.add(OTHER, "mine", -1)
    assert "load_feed" in caught.value.hint
    registry.add(OTHER, "mine", 12345)
    assert len(registry.all()) == 2


def test_any_number_of_feeds_have_no_name(registry):
    registry.add(ONE, None, -1)
    registry.add(OTHER, None, -1)
    assert [record.name for record in registry.all()] == [None, None]


def test_a_removed_feed_leaves_its_name_free(registry):
    registry.add(ONE, "mine", -1)
    registry.add_subfeed(ONE, "0c" * 20, "main")
    registry.remove(ONE)
    assert registry.subfeeds(ONE) == {}
    registry.add(OTHER, "mine", -1)


def test_a_subfeed_keeps_its_first_name_whatever_json_that_is(registry):
    registry.add_subfeed(ONE, "0c" * 20, {"b": [1, None], "a": "é"})
    registry.add_subfeed(ONE, "0c" * 20, "other")
    registry.add_subfeed(ONE, "0d" * 20, "main")
    assert registry.subfeeds(ONE) == {"0c" * 20: {"b": [1, None], "a": "é"}, "0d" * 20: "main"}
    assert registry.subfeeds(OTHER) == {}


def test_a_feed_stays_retired(registry, tmp_path):
    registry.add(ONE, None, -1)
    record = registry.retire(ONE, f"feed://{OTHER}", "stolen")
    assert record.retired == {"successor": f"feed://{OTHER}", "reason": "stolen"}
    again = Registry(tmp_path)
    assert again.all() == [record]
    again.close()


def test_the_proof_of_the_earliest_fork_is_kept(registry, tmp_path):
    key = Chain().key
    assert registry.find_fork(key) is None
    for place, kept in ((3, 3), (5, 3), (1, 1), (2, 1)):
        registry.add_fork(proof_at(place))
        assert registry.find_fork(key).index == kept
    again = Registry(tmp_path)
    check_fork(again.find_fork(key))
    again.close()


def test_a_proof_outlives_its_feed(registry):
    key = Chain().key
    registry.add(key.feed, None, -1)
    registry.add_fork(proof_at(1))
    registry.remove(key.feed)
    assert registry.find_fork(key) is not None


def test_a_commit_is_on_the_disk_before_it_counts(registry):
    registry.add(ONE, None, -1)
    with registry._database._connection() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    with sqlite3.connect(registry._database.path) as connection:
        assert connection.execute("SELECT count(*) FROM feeds").fetchone() == (1,)
    connection.close()


def test_under_one_id_a_writer_makes_one_feed(registry):
    made = registry.add(ONE, "mine", -1, "0c" * 16)
    assert registry.add(OTHER, "mine", -1, "0c" * 16) == made
    assert registry.all() == [made]
    theirs = registry.add(OTHER, "mine", 12345, "0c" * 16)
    assert theirs.feed == OTHER
    registry.remove(ONE)
    assert registry.add("0d" * 32, None, -1, "0c" * 16).feed == "0d" * 32


def test_copies_are_told_from_feeds_of_ones_own_and_go_when_they_are_removed(tmp_path):
    registry = Registry(tmp_path)
    own, other = "0a" * 32, "0b" * 32
    registry.add(own, "mine", -1)
    copy = registry.add_copy(other)
    assert copy.is_copy
    assert registry.add_copy(other) == copy
    assert [record.feed for record in registry.all()] == [own]
    registry.add_subfeeds(other, {"0c" * 20: "main"})
    retired = {"successor": None, "reason": "full"}
    assert registry.end_copy(other, retired).retired == retired
    assert registry.copies()[0].retired == retired
    assert registry.all_subfeeds() == [(other, "0c" * 20)]
    registry.mark_served(own)
    registry.mark_served(own)
    assert registry.served() == {own}
    registry.remove(other)
    assert registry.copies() == []
    assert registry.all_subfeeds() == []
    assert registry.end_copy(other, retired) is None
    registry.close()
