"""Messages that a kachery daemon of 2020-2022 signed."""

import copy
import hashlib
import json

import pytest

from kachery_core.errors import BadSignatureError, BrokenChainError
from kachery_core.legacy_messages import check_legacy_messages
from tests.support.feed_samples import SeededKey
from tests.support.samples import VECTORS

REFUSED = (BrokenChainError, BadSignatureError)
needs_vectors = pytest.mark.skipif(
    not (VECTORS / "golden_feed.json").exists(), reason="needs the golden feed beside the checkout"
)


def golden():
    return json.loads((VECTORS / "golden_feed.json").read_text())


def signed_messages(messages, key=None):
    """The same form, signed here."""
    key = key or SeededKey()
    made = []
    for number, message in enumerate(messages):
        body = {"message": message, "messageNumber": number, "timestamp": 1_600_000_000_000}
        if made:
            body["previousSignature"] = made[-1]["signature"]
        made.append(sign(body, key))
    return made


def sign(body, key):
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signature = key.sign(hashlib.sha1(text.encode("utf-8", "surrogatepass")).digest())
    return {"body": body, "signature": signature.hex()}


@needs_vectors
def test_a_feed_of_the_old_daemon_is_verified():
    feed = golden()
    messages = check_legacy_messages(feed["feedId"], feed["signedMessages"])
    assert messages == [{"i": 0}, {"i": 1}, {"i": 2}]
    assert check_legacy_messages(feed["feedId"], feed["signedMessages"][1:], 1) == messages[1:]


@needs_vectors
def test_each_change_to_a_feed_of_the_old_daemon_is_refused():
    feed = golden()

    def refused(change, first=0):
        signed = copy.deepcopy(feed["signedMessages"])
        with pytest.raises(REFUSED):
            check_legacy_messages(feed["feedId"], change(signed), first)

    refused(lambda s: [s[0], s[2]])
    refused(lambda s: [s[1], s[0], s[2]])
    refused(lambda s: s[1:])
    refused(lambda s: [s[0], s[0]])
    refused(lambda s: s[1:], first=2)
    for number in range(3):
        for name, value in (("message", {"i": 9}), ("timestamp", 0), ("messageNumber", 7)):
            refused(lambda s, n=number, k=name, v=value: s[n]["body"].update({k: v}) or s)
        refused(lambda s, n=number: s[n].update(signature="00" * 64) or s)
    with pytest.raises(BadSignatureError):
        check_legacy_messages(SeededKey().public_key, feed["signedMessages"])


def test_text_beyond_ascii_was_signed_as_it_is():
    messages = [{"é": "ü\u2028😀"}, [1.5, None, True], {"b": 1, "a": {"d": 1, "c": 2}}]
    signed = signed_messages(messages)
    assert check_legacy_messages(SeededKey().public_key, signed) == messages


def test_a_signature_of_another_place_in_the_chain_is_refused():
    """Both are signed by the writer, and the second names another message before it."""
    key = SeededKey()
    one, other = signed_messages([1, 2]), signed_messages([3, 4])
    with pytest.raises(BrokenChainError):
        check_legacy_messages(key.public_key, [one[0], other[1]])
    body = {"message": 1, "messageNumber": 0, "previousSignature": "00", "timestamp": 0}
    with pytest.raises(BrokenChainError):
        check_legacy_messages(key.public_key, [sign(body, key)])


@pytest.mark.parametrize(
    "false",
    [None, 1, "text", [], {}, {"body": {}}, {"signature": "00"}, {"body": None, "signature": "00"},
     {"body": [], "signature": "00"}, {"body": "text", "signature": "00"},
     {"body": {"message": 1}, "signature": "00"}, {"body": {"messageNumber": 0}, "signature": "00"},
     {"body": {"message": 1, "messageNumber": 0}, "signature": "zz"},
     {"body": {"message": 1, "messageNumber": 0}, "signature": 5}],
    ids=str,
)  # fmt: skip
def test_what_is_no_signed_message_is_refused_and_not_an_accident(false):
    with pytest.raises(REFUSED):
        check_legacy_messages(SeededKey().public_key, [false])
