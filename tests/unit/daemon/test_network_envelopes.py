"""Envelopes: what a member says is taken once, as it was said; whatever else comes is refused."""

from __future__ import annotations

import functools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kachery_core import subjects
from kachery_core.errors import (
    BadEnvelopeError,
    BadMembershipError,
    KacheryError,
    MembershipExpiredError,
    MembershipRevokedError,
)
from kachery_core.keys import SeedSigner
from kachery_core.memberships import membership_hash
from kachery_core.sealing import NONCE_SIZE, seal_note
from kachery_core.wire.node import control_key, open_envelope, seal_envelope
from kachery_daemon.network import envelopes as module
from kachery_daemon.network.envelopes import (
    Envelopes,
    UnknownEpochError,
    UnknownMembershipError,
)
from kachery_daemon.network.standing import Standing
from tests.support.channel_samples import (
    ALICE,
    BOB,
    CHANNEL_KEY,
    HUB,
    MONTH,
    NOW,
    OTHER_CHANNEL,
    membership,
    record,
    seed,
)

SUBJECT = subjects.find("files")
KEY = control_key(CHANNEL_KEY)


usual_membership = functools.cache(membership)
usual_record = functools.cache(record)


def side(node=ALICE, now=NOW, version=1, keys=None, **more):
    """One node's envelopes, and where it stands."""
    standing = Standing(
        node,
        HUB,
        more.pop("own", None) or usual_membership(node),
        more.pop("record", None) or usual_record(version=version),
        keys=keys or {1: CHANNEL_KEY},
        disabled=frozenset(),
        clock=lambda: now,
    )
    return Envelopes(standing), standing


def refused(envelope, subject=SUBJECT, receiver=None):
    """Why an envelope is refused."""
    with pytest.raises((KacheryError, UnknownEpochError, UnknownMembershipError)) as caught:
        (receiver or side(BOB)[0]).open(envelope, subject)
    return caught.type


def changed(envelope, **changes):
    """The same message said otherwise, by somebody who has the channel's key."""
    message = msgspec.structs.replace(open_envelope(KEY, envelope), **changes)
    return seal_envelope(1, KEY, bytes(NONCE_SIZE), message)


@given(st.binary(max_size=2000), st.booleans())
def test_what_is_sealed_is_opened_by_the_other_side(body, in_full):
    receiver = side(BOB)[0]
    alice = side(ALICE)[0]
    receiver.open(alice.seal(SUBJECT, b"first"), SUBJECT)
    opened = receiver.open(alice.seal(SUBJECT, body, in_full=in_full), SUBJECT)
    assert opened.body == body
    assert opened.sender.node_id == ALICE.public_key
    assert opened.kind == "say"
    assert opened.was_full == in_full


def test_an_answer_says_what_it_answers():
    opened = side(BOB)[0].open(
        side(ALICE)[0].seal("x.y", b"", kind="last", re=b"q" * 16, message_id=b"i" * 16), "x.y"
    )
    assert (opened.re, opened.kind, opened.id) == (b"q" * 16, "last", b"i" * 16)


def test_nothing_that_is_said_is_on_the_outside():
    envelope = side(ALICE)[0].seal(SUBJECT, b"some secret words")
    for secret in (b"secret", ALICE.public_key.encode(), bytes.fromhex(ALICE.public_key), b"files"):
        assert secret not in envelope


def test_one_message_is_taken_once():
    receiver = side(BOB)[0]
    envelope = side(ALICE)[0].seal(SUBJECT, b"x")
    receiver.open(envelope, SUBJECT)
    assert refused(envelope, receiver=receiver) is BadEnvelopeError


def test_sealing_it_again_does_not_make_it_another_message():
    receiver = side(BOB)[0]
    envelope = side(ALICE)[0].seal(SUBJECT, b"x")
    receiver.open(envelope, SUBJECT)
    assert refused(changed(envelope), receiver=receiver) is BadEnvelopeError


def test_a_message_counts_only_where_it_was_sent():
    envelope = side(ALICE)[0].seal(SUBJECT, b"x")
    assert refused(envelope, "feeds.find") is BadEnvelopeError


def test_a_message_of_one_channel_is_none_of_another():
    own = membership(ALICE, channel=OTHER_CHANNEL)
    other = side(ALICE, own=own, record=record(channel=OTHER_CHANNEL))[0]
    envelope = other.seal(SUBJECT, b"x")
    assert refused(envelope) is BadMembershipError
    # Said in the other channel, and put by somebody else into this one with the right membership.
    text = membership(ALICE).text
    assert refused(changed(envelope, membership=text.encode())) is BadEnvelopeError


def test_the_newest_record_decides_who_is_a_member():
    envelope = side(ALICE)[0].seal(SUBJECT, b"x")
    out = record(version=2, revocations={ALICE.public_key: NOW})
    assert refused(envelope, receiver=side(BOB, record=out)[0]) is MembershipRevokedError
    receiver, standing = side(BOB)
    receiver.open(side(ALICE)[0].seal(SUBJECT, b"before"), SUBJECT)
    standing.take_record(out)
    assert refused(envelope, receiver=receiver) is MembershipRevokedError
    # Another membership, issued later, counts again.
    again = side(ALICE, own=membership(ALICE, issued_at=NOW + 1))[0].seal(SUBJECT, b"back")
    assert receiver.open(again, SUBJECT).body == b"back"
    assert receiver.newest_of(ALICE.public_key).issued_at == NOW + 1


def test_an_older_record_changes_nothing():
    receiver, standing = side(BOB, version=7)
    for version in (6, 7):
        standing.take_record(record(version=version, revocations={ALICE.public_key: NOW}))
    assert receiver.open(side(ALICE)[0].seal(SUBJECT, b"x"), SUBJECT).body == b"x"


def test_a_membership_ends():
    envelope = side(ALICE)[0].seal(SUBJECT, b"x")
    assert refused(envelope, receiver=side(BOB, NOW + MONTH)[0]) is MembershipExpiredError


@pytest.mark.parametrize("hours", [-1, 1, -24, 24])
def test_no_clock_matters_but_for_the_end_of_memberships(hours):
    receiver = side(BOB, NOW + MONTH // 2 + 3600 * hours)[0]
    sender = side(ALICE, NOW + MONTH // 2)[0]
    assert receiver.open(sender.seal(SUBJECT, b"x"), SUBJECT).body == b"x"


def test_a_key_that_is_not_known_yet_is_asked_for():
    newer = side(ALICE, keys={1: CHANNEL_KEY, 2: seed(99)})[0].seal(SUBJECT, b"x")
    receiver, standing = side(BOB)
    assert refused(newer, receiver=receiver) is UnknownEpochError
    standing.take_key(2, seed(99))
    assert receiver.open(newer, SUBJECT).body == b"x"
    assert standing.epoch == 2


def test_a_hash_is_enough_only_for_who_has_seen_the_membership():
    receiver = side(BOB)[0]
    short = side(ALICE)[0].seal(SUBJECT, b"x", message_id=b"m" * 16, in_full=False)
    with pytest.raises(UnknownMembershipError) as caught:
        receiver.open(short, SUBJECT)
    assert caught.value.id == b"m" * 16
    # The same message in full is taken: it was not taken before.
    full = side(ALICE)[0].seal(SUBJECT, b"x", message_id=b"m" * 16)
    assert receiver.open(full, SUBJECT).body == b"x"


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED_IDS", 50)
    monkeypatch.setattr(module, "_REMEMBERED_MEMBERSHIPS", 5)
    receiver = side(BOB)[0]
    for number in range(120):
        own = membership(ALICE, issued_at=NOW + number, expires_at=NOW + MONTH)
        receiver.open(side(ALICE, own=own)[0].seal(SUBJECT, b"x"), SUBJECT)
    assert len(receiver._ids) == 50
    assert len(receiver._members) == 5


FORGERIES = st.fixed_dictionaries(
    {},
    optional={
        "to": st.sampled_from(["feeds.find", "files.find.x", "", "files"]),
        "id": st.binary(min_size=16, max_size=16),
        "re": st.binary(min_size=1, max_size=16),
        "kind": st.sampled_from(["answer", "last", "busy", "who"]),
        "body": st.binary(max_size=100).filter(lambda body: body != b"body"),
        "signature": st.binary(min_size=64, max_size=64),
        "membership": st.sampled_from(
            [
                membership(BOB).text.encode(),
                membership(ALICE, roles=[]).text.encode(),
                membership(ALICE, issued_at=NOW + 5).text.encode(),
                membership(ALICE, channel=OTHER_CHANNEL).text.encode(),
                membership_hash(membership(BOB).text),
                b"x" * 30,
                "ü".encode() * 20,
            ]
        ),
    },
)


@settings(max_examples=2000)
@given(FORGERIES)
def test_a_member_cannot_speak_for_another(changes):
    """With the channel's key, anything in somebody's message changed: refused, never a crash."""
    if not changes:
        return
    receiver = side(BOB)[0]
    receiver.open(side(BOB)[0].seal("presence.x", b""), "presence.x")
    envelope = side(ALICE)[0].seal(SUBJECT, b"body")
    subject = changes.get("to", SUBJECT)
    try:
        forged = changed(envelope, **changes)
    except msgspec.ValidationError:
        return
    refused(forged, subject, receiver)


@settings(max_examples=2000)
@given(st.data())
def test_a_changed_envelope_is_refused(data):
    """Without the channel's key: any bits, anywhere."""
    envelope = bytearray(side(ALICE)[0].seal(SUBJECT, b"body"))
    places = data.draw(st.sets(st.integers(0, len(envelope) - 1), min_size=1, max_size=3))
    for place in places:
        envelope[place] ^= data.draw(st.integers(1, 255))
    refused(bytes(envelope))


@settings(max_examples=2000)
@given(st.binary(max_size=300))
def test_garbage_is_refused(garbage):
    refused(garbage)
    refused((1).to_bytes(4, "big") + garbage)


@given(st.binary(max_size=300))
def test_garbage_under_the_channels_key_is_refused(garbage):
    prefix = (1).to_bytes(4, "big")
    refused(prefix + seal_note(KEY, bytes(NONCE_SIZE), garbage, prefix))


def test_a_stranger_with_the_channels_key_is_refused():
    stranger = SeedSigner(seed(77))
    forged = side(stranger, own=membership(ALICE))[0].seal(SUBJECT, b"x")
    assert refused(forged) is BadEnvelopeError
