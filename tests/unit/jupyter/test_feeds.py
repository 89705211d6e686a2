"""Making feeds, old feeds: what is asked of the node, also when its answer is lost."""

import json

import pytest

import kachery_jupyter as kc
from kachery_core.errors import FeedNotFoundError, InvalidInputError
from kachery_core.messages import SubfeedKey
from kachery_jupyter.client import feed_exports, feeds, legacy_readers, line
from kachery_jupyter.client.connection import Node
from kachery_jupyter.client.legacy_readers import LegacyReader
from kachery_jupyter.client.node import Door
from kachery_jupyter.client.replies import Reply

FEED = "0a" * 32
INFO = {
    "feed": FEED,
    "uri": f"feed://{FEED}",
    "name": None,
    "is_writeable": True,
    "created_at": 1.0,
    "retired": None,
    "subfeeds": [],
}


class LosesAnswers:
    """A kept line on which the node hangs up after it has read the question, once."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def __call__(self, _line, head, body, _wait_seconds):
        self.asked.append((head, body))
        if len(self.asked) == 1:
            raise ConnectionResetError("it closed the connection")
        return Reply({}, self.answer)


def test_a_feed_whose_making_was_not_answered_is_asked_for_under_the_same_id(monkeypatch):
    node = LosesAnswers(json.dumps(INFO).encode())
    monkeypatch.setattr(line, "_ask", node)
    monkeypatch.setattr(line, "_kept_line", lambda *_: object())
    monkeypatch.setattr(line, "_Line", lambda door: door)
    monkeypatch.setattr(line, "current_node", lambda: Node(Door(1), None))
    assert kc.create_feed().feed_id == FEED
    (_, first), (_, second) = node.asked
    assert first == second
    assert len(json.loads(first)["creation_id"]) == 32
    node.asked.clear()
    node.asked.append(None)
    kc.create_feed()
    assert json.loads(node.asked[-1][1])["creation_id"] != json.loads(first)["creation_id"]


def test_a_feed_that_is_gone_when_asked_for_the_second_time_was_deleted(monkeypatch):
    asked = []

    def answer(path, method):
        asked.append((method, path))
        if method == "DELETE":
            raise FeedNotFoundError("it is not here")
        return Reply({}, json.dumps({"feeds": here}).encode())

    monkeypatch.setattr(feeds, "ask_patiently", answer)
    here = [INFO]
    kc.delete_feed(f"feed://{FEED}")
    assert asked == [("GET", "/feeds"), ("DELETE", f"/feeds/{FEED}")]
    here = []
    with pytest.raises(FeedNotFoundError):
        kc.delete_feed(f"feed://{FEED}")


def test_more_old_messages_than_one_answer_holds_are_given_as_they_were_signed(monkeypatch):
    signed = [{"body": {"messageNumber": number}, "signature": ""} for number in range(25_000)]

    def answer(_path, body):
        request = json.loads(body)
        assert 1 <= request["limit"] <= 10_000, "the node takes no more"
        page = signed[request["position"] :][: request["limit"]]
        return Reply({}, json.dumps({"messages": page, "length": len(signed)}).encode())

    monkeypatch.setattr(legacy_readers, "ask_patiently", answer)
    reader = LegacyReader(SubfeedKey(FEED, "0b" * 20))
    assert reader.signed(0, 25_000) == signed
    assert reader.signed(24_990, 100) == signed[24_990:]
    assert reader.signed(3, 12_000) == signed[3:12_003]
    assert reader.signed(3, 0) == []


def test_an_old_feed_cannot_be_exported_and_this_is_said(monkeypatch, tmp_path):
    reply = Reply({}, json.dumps(INFO | {"legacy": True}).encode())
    monkeypatch.setattr(feed_exports, "ask_patiently", lambda *_, **__: reply)
    with pytest.raises(InvalidInputError, match="old kachery daemon") as caught:
        kc.export_feed(f"feed://{FEED}", tmp_path / "a.feed")
    assert "feeds.db" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
