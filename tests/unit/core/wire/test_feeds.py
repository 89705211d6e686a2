"""What may be asked about feeds: wrong questions do not get through the door."""

import json

import msgspec
import pytest

from kachery_core.wire import feeds

FEED, SUBFEED, ID = "0a" * 32, "0b" * 20, "0c" * 16
WHERE = {"feed": FEED, "subfeed": SUBFEED}
APPEND = {**WHERE, "append_id": ID, "messages": [{"a": 1}]}


def read(kind, value):
    return msgspec.json.decode(json.dumps(value), type=kind)


def test_messages_arrive_as_the_bytes_they_were_sent_as():
    text = b'{"feed":"%b","subfeed":"%b","append_id":"%b","messages":[{"b": 1.50,"a":[ ]},1e3]}' % (
        FEED.encode(),
        SUBFEED.encode(),
        ID.encode(),
    )
    body = msgspec.json.decode(text, type=feeds.NewMessages)
    assert [bytes(one) for one in body.messages] == [b'{"b": 1.50,"a":[ ]}', b"1e3"]


@pytest.mark.parametrize(
    "change",
    [{"feed": FEED[:-1]}, {"feed": FEED.upper()}, {"feed": f"{FEED}\n"}, {"feed": "../" * 21 + "a"},
     {"subfeed": SUBFEED + "0"}, {"subfeed": f"{SUBFEED}\n"}, {"append_id": f"{ID}\n"},
     {"subfeed": "../../../../../../../etc/pass"}, {"subfeed": None},
     {"append_id": ""}, {"append_id": ID * 2}, {"append_id": 1}, {"messages": {}},
     {"messages": None}, {"unknown": 1}],
    ids=str,
)  # fmt: skip
def test_an_append_that_is_none_is_refused(change):
    assert read(feeds.NewMessages, APPEND)
    with pytest.raises(msgspec.ValidationError):
        read(feeds.NewMessages, APPEND | change)


@pytest.mark.parametrize(
    "change",
    [{"position": -1}, {"position": 1.5}, {"position": 2**63}, {"max_bytes": 0},
     {"max_bytes": feeds.LONGEST_READ + 1}, {"wait_msec": -1}, {"wait_msec": 600_001},
     {"wait_msec": "10"}],
    ids=str,
)  # fmt: skip
def test_a_question_that_is_none_is_refused(change):
    assert read(feeds.ReadRequest, WHERE) == feeds.ReadRequest(FEED, SUBFEED)
    with pytest.raises(msgspec.ValidationError):
        read(feeds.ReadRequest, WHERE | change)


def test_a_run_to_compare_is_bytes():
    body = {**WHERE, "before_length": 0, "before_entry": "00" * 32, "run": "AAEC"}
    assert read(feeds.Comparison, body).run == b"\0\1\2"
    for change in ({"before_entry": "00"}, {"before_length": -1}, {"run": "no base64!"}):
        with pytest.raises(msgspec.ValidationError):
            read(feeds.Comparison, body | change)


def test_at_most_10000_subfeeds_are_watched_at_once():
    position = {**WHERE, "position": 0}
    assert len(read(feeds.Watch, {"positions": [position] * 10_000}).positions) == 10_000
    with pytest.raises(msgspec.ValidationError):
        read(feeds.Watch, {"positions": [position] * 10_001})


def test_a_reason_is_no_essay():
    assert read(feeds.Retirement, {"reason": "x" * 1000}).successor is None
    with pytest.raises(msgspec.ValidationError):
        read(feeds.Retirement, {"reason": "x" * 1001})


def test_a_newer_node_may_say_more():
    answer = {"first": 1, "count": 2, "new": 3}
    assert read(feeds.Appended, answer) == feeds.Appended(1, 2)
