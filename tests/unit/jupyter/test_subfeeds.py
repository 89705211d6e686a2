"""One log of a feed, as programs use it."""

import asyncio
import itertools
import json
import sys

import pytest

from kachery_core.errors import (
    ExtraMissingError,
    FeedForkedError,
    FeedNotWriteableError,
    InvalidInputError,
)
from kachery_jupyter.client import readers, subfeeds
from kachery_jupyter.client.subfeeds import Subfeed, Truth
from tests.support.feed_samples import Chain
from tests.support.scripted_feed import ScriptedNode


@pytest.fixture
def node(monkeypatch):
    node = ScriptedNode(Chain())
    for module in (readers, subfeeds):
        monkeypatch.setattr(module, "ask_patiently", node)
    return node


@pytest.fixture
def subfeed(node):
    return Subfeed(node.chain.key.feed, "main", is_writeable=True)


@pytest.fixture
def ten(subfeed):
    subfeed.append_messages(range(10))
    return subfeed


def appends(node):
    return [one for one in node.asked if one["path"] == "/messages/append"]


def test_appends_say_where_the_messages_are(subfeed):
    assert subfeed.append_message({"a": 1}) == 0
    assert subfeed.append_messages([1, 2, 3]) == 1
    assert subfeed.append_message(None) == 4
    assert subfeed.append_messages([]) == 5
    assert len(subfeed) == 5
    assert subfeed[:] == [{"a": 1}, 1, 2, 3, None]


def test_each_append_has_an_id_of_its_own_unless_one_is_given(subfeed, node):
    for _ in range(3):
        subfeed.append_message(1)
    subfeed.append_message(1, append_id="0a" * 16)
    ids = [one["append_id"] for one in appends(node)]
    assert len(set(ids)) == 4
    assert ids[3] == "0a" * 16


def test_the_name_goes_along_once(subfeed, node):
    subfeed.append_message(1)
    subfeed.append_message(2)
    assert [one.get("name") for one in appends(node)] == ["main", None]


def test_an_append_is_one_question_however_large_or_none_at_all(subfeed, node):
    """In two questions, the first could be durable when the second one fails."""
    messages = ["x" * 900_000] * 25
    assert subfeed.append_messages(messages, append_id="0b" * 16) == 0
    [one] = appends(node)
    assert (one["append_id"], len(one["messages"])) == ("0b" * 16, 25)
    with pytest.raises(InvalidInputError, match="all of them or none"):
        subfeed.append_messages(["x" * 900_000] * 40)
    assert len(appends(node)) == 1


def test_messages_that_are_none_are_refused_before_anything_is_sent(subfeed, node):
    with pytest.raises(InvalidInputError):
        subfeed.append_messages([1, float("nan")])
    assert appends(node) == []


def test_a_feed_of_somebody_else_is_not_asked_to_append(node):
    subfeed = Subfeed(node.chain.key.feed, "main")
    for work in (lambda: subfeed.append_message(1), lambda: subfeed.append_messages([])):
        with pytest.raises(FeedNotWriteableError):
            work()
    assert node.asked == []


def test_reading_goes_on_where_it_ended(ten):
    assert ten.get_next_message() == 0
    assert ten.get_next_messages(max_num_messages=3) == [1, 2, 3]
    assert ten.position == ten.get_position() == 4
    assert ten.get_next_messages(advance_position=False) == [4, 5, 6, 7, 8, 9]
    assert ten.position == 4
    assert ten.get_next_messages() == [4, 5, 6, 7, 8, 9]
    assert ten.get_next_messages(wait_msec=0) == []
    assert ten.get_next_message(wait_msec=0) is None
    ten.set_position(8)
    assert ten.get_next_messages() == [8, 9]
    ten.position = 20
    assert ten.get_next_messages(wait_msec=0) == []
    assert ten.position == 20


@pytest.mark.parametrize(
    "index",
    [slice(None), slice(2, 5), slice(-3, None), slice(None, None, -1), slice(8, 2, -2),
     slice(5, 100), slice(7, 3), slice(0, 10, 3), slice(-100, 2), slice(20, 30)],
    ids=str,
)  # fmt: skip
def test_slices_are_those_of_a_list(ten, index):
    assert ten[index] == list(range(10))[index]


def test_indices_are_those_of_a_list(ten):
    assert [ten[number] for number in (0, 9, -1, -10)] == [0, 9, 9, 0]
    for index in (10, -11):
        with pytest.raises(IndexError):
            ten[index]
    with pytest.raises(TypeError):
        ten["0"]


def test_iterating_never_ends_by_itself_and_can_be_left(ten):
    assert list(itertools.islice(ten, 10)) == list(range(10))
    again = Subfeed(ten.feed_id, "main", position=7)
    assert list(itertools.islice(again.message_stream(), 3)) == [7, 8, 9]


def test_who_leaves_a_loop_and_comes_back_misses_nothing(ten):
    for message in ten:
        if message == 3:
            break
    assert next(iter(ten)) == 4
    for message in ten:
        if message == 8:
            break
        ten.position = 8


def test_async_iteration_gives_the_same_and_can_be_left(ten):
    async def story():
        found = []
        async for message in ten:
            found.append(message)
            if len(found) == 4:
                break
        stream = aiter(ten)
        return [*found, await anext(stream)]

    assert asyncio.run(story()) == [0, 1, 2, 3, 4]


def test_both_spellings_of_truth_work():
    for value in (True, False):
        truth = Truth(value)
        assert bool(truth) is truth() is value
        assert truth == value
        assert repr(truth) == repr(value)


def test_names_uris_and_hashes_go_together(node):
    feed = node.chain.key.feed
    plain = Subfeed(feed, "a b/ü")
    assert plain.uri == plain.get_uri() == f"feed://{feed}/a%20b/%C3%BC"
    other = Subfeed(feed, {"a": 1, "b": 2})
    assert other.uri == f"feed://{feed}/~4acc71e0547112eb432f0a36fb1924c4a738cb49"
    assert other.subfeed_hash == Subfeed(feed, f"~{other.subfeed_hash}").subfeed_hash


def test_signed_messages_have_their_places(ten):
    ten.position = 8
    signed = ten.get_next_messages(signed=True)
    assert [one["body"]["messageNumber"] for one in signed] == [8, 9]
    assert [one["body"]["message"] for one in signed] == [8, 9]
    assert ten.position == 10


def test_payloads_are_the_bytes_that_were_signed(subfeed):
    subfeed.append_messages([{"b": 1, "a": [1.5]}])
    assert [json.loads(one) for one in subfeed.payloads(0)] == [{"b": 1, "a": [1.5]}]


def test_of_a_forked_feed_the_prefix_is_readable(ten, node):
    node.fork = 4
    assert len(ten) == 4
    assert ten[:] == ten.get_next_messages() == [0, 1, 2, 3]
    with pytest.raises(FeedForkedError):
        ten.get_next_messages()


def test_a_table_without_pandas_says_how_to_install_it(subfeed, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ExtraMissingError, match="pip install pandas"):
        subfeed.to_dataframe()


def test_a_table_has_a_row_for_each_message(subfeed):
    subfeed.append_messages([{"n": 1, "deep": {"p": 2}}, {"n": 2}])
    table = subfeed.to_dataframe()
    assert list(table["n"]) == [1, 2]
    assert table["deep.p"][0] == 2
