"""What nodes say to each other: exactly what is expected, sealed, and signed for one place."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import BadEnvelopeError
from kachery_core.keys import is_signed_by
from kachery_core.memberships import membership_hash
from kachery_core.nkeys import account_nkey
from kachery_core.roles import ALL_ROLES, Role
from kachery_core.wire import node
from kachery_core.wire.node import (
    AskMembers,
    AskRecord,
    AskRenewal,
    MembersAnswer,
    Presence,
    RecordNews,
    Signed,
    control_key,
    epoch_of,
    open_envelope,
    pack,
    seal_envelope,
    signed_bytes,
    unpack,
    unpack_any,
)
from kachery_core.wire.node_files import FileOffer, FileOffers
from tests.support.channel_samples import (
    ALICE,
    CHANNEL_ID,
    CHANNEL_KEY,
    OTHER_CHANNEL,
    bit_flips,
    membership,
    seed,
)

KEY, NONCE = control_key(CHANNEL_KEY), bytes(12)
HASH = membership_hash(membership().text)
UNSIGNED = Signed(
    membership=HASH,
    to="files.find",
    id=bytes(range(16)),
    re=b"",
    kind="say",
    body=b"body",
    signature=bytes(64),
)


def signed(message=UNSIGNED, channel_id=CHANNEL_ID, hashed=HASH):
    signature = ALICE.sign(signed_bytes(channel_id, hashed, message))
    return msgspec.structs.replace(message, signature=signature)


SIGNED = signed()
ENVELOPE = seal_envelope(1, KEY, NONCE, SIGNED)


def test_an_envelope_brings_what_was_put_into_it():
    assert epoch_of(ENVELOPE) == 1
    assert open_envelope(KEY, ENVELOPE) == SIGNED
    whole = msgspec.structs.replace(SIGNED, membership=membership().text.encode())
    assert open_envelope(KEY, seal_envelope(2**32 - 1, KEY, NONCE, whole)) == whole
    assert whole.has_whole_membership
    assert not SIGNED.has_whole_membership


def test_a_whole_membership_and_a_long_subject_fit_into_what_is_set_aside():
    large = membership(is_owner=True, is_archive=True, name="\U0001f52c" * 64).text.encode()
    to = f"_INBOX_{'U' * 56}.{'x' * 100}.123456"
    message = msgspec.structs.replace(SIGNED, membership=large, to=to, re=bytes(16), body=b"")
    assert len(seal_envelope(1, KEY, NONCE, message)) < node.LARGEST_ENVELOPE_EXTRA


def test_no_bit_of_an_envelope_may_change():
    for flipped in bit_flips(ENVELOPE):
        with pytest.raises(BadEnvelopeError):
            open_envelope(KEY, flipped)


def test_another_channel_or_epoch_does_not_open_it():
    for key in (control_key(seed(5)), CHANNEL_KEY, bytes(32)):
        with pytest.raises(BadEnvelopeError):
            open_envelope(key, ENVELOPE)


@pytest.mark.parametrize("length", [0, 1, 3, 4, 15, 16, 31, 32, 33])
def test_a_piece_of_an_envelope_is_none(length):
    with pytest.raises(BadEnvelopeError):
        open_envelope(KEY, ENVELOPE[:length])
    if length < 16:
        with pytest.raises(BadEnvelopeError, match="too short"):
            epoch_of(ENVELOPE[:length])


@given(st.binary(max_size=200))
def test_whatever_a_member_seals_is_refused_in_words(garbage):
    prefix = bytes([0, 0, 0, 1])
    envelope = prefix + node.seal_note(KEY, NONCE, garbage, prefix)
    with pytest.raises(BadEnvelopeError):
        open_envelope(KEY, envelope)


def test_the_hub_sees_neither_where_from_nor_what():
    for part in (b"body", HASH, b"files", ALICE.public_key.encode(), bytes(range(16))):
        assert part not in ENVELOPE


CHANGES = {
    "to": "files.findX",
    "id": bytes(16),
    "re": bytes(16),
    "kind": "last",
    "body": b"other",
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_signature_covers_all_that_is_said(field):
    changed = msgspec.structs.replace(SIGNED, **{field: CHANGES[field]})
    data = signed_bytes(CHANNEL_ID, HASH, changed)
    assert not is_signed_by(ALICE.public_key, SIGNED.signature, data)


def test_a_signature_is_for_one_channel_and_one_membership():
    assert is_signed_by(ALICE.public_key, SIGNED.signature, signed_bytes(CHANNEL_ID, HASH, SIGNED))
    other = account_nkey(OTHER_CHANNEL.public_key)
    for channel_id, hashed in ((other, HASH), (CHANNEL_ID, bytes(16))):
        data = signed_bytes(channel_id, hashed, SIGNED)
        assert not is_signed_by(ALICE.public_key, SIGNED.signature, data)


TEXTS = st.text(st.sampled_from("ab.\0\1é"), min_size=1, max_size=6)
BYTES = st.binary(max_size=3)
IDS = st.sampled_from([bytes(16), b"a" * 16, b"\0" * 15 + b"\1"])
MESSAGES = st.builds(
    Signed,
    membership=st.just(HASH),
    to=TEXTS,
    id=IDS,
    re=st.sampled_from([b"", b"\0", bytes(16)]),
    kind=st.sampled_from(["say", "answer", "last", "busy", "who"]),
    body=st.one_of(BYTES, IDS),
    signature=st.just(bytes(64)),
)


@given(MESSAGES, MESSAGES)
def test_two_messages_never_sign_alike(one, other):
    """Else somebody could move letters from the subject into the body."""
    same = signed_bytes(CHANNEL_ID, HASH, one) == signed_bytes(CHANNEL_ID, HASH, other)
    assert same == (one == other)


GOOD = [HASH, "files.find", bytes(16), b"", "say", b"", bytes(64)]


def test_what_is_as_it_should_be_is_read():
    assert unpack(msgspec.msgpack.encode(GOOD), Signed).to == "files.find"


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, b""), (0, bytes(15)), (0, bytes(10_000)), (0, "text"), (1, ""), (1, "x" * 513), (1, b"x"),
     (1, None), (2, bytes(15)), (2, bytes(17)), (2, None), (3, bytes(17)), (3, None), (4, "shout"),
     (4, 0), (5, "text"), (5, None), (5, []), (6, bytes(63)), (6, bytes(65)), (6, None)],
)  # fmt: skip
def test_a_message_with_anything_else_in_it_is_refused(place, value):
    with pytest.raises(BadEnvelopeError, match="not understood"):
        unpack(msgspec.msgpack.encode([*GOOD[:place], value, *GOOD[place + 1 :]]), Signed)


def test_more_less_or_other_than_a_message_is_refused():
    data = msgspec.msgpack.encode(GOOD)
    others = [GOOD[:-1], [*GOOD, 1], dict(enumerate(GOOD)), None, {}, [], "", 3, [GOOD]]
    wrong = [msgspec.msgpack.encode(other) for other in others]
    for garbage in (b"", data[:-1], data + b"\0", data + data, b"\xc1", b"\x91" * 100_000, *wrong):
        with pytest.raises(BadEnvelopeError):
            unpack(garbage, Signed)


def test_text_that_is_none_is_refused():
    with pytest.raises(BadEnvelopeError):
        unpack(b"\x91\xa2\xff\xfe", RecordNews)


@pytest.mark.parametrize("roles", [[], list(Role), [Role.REQUEST_FILES]])
def test_who_is_there_says_what_it_may(roles):
    presence = Presence("0123456789abcdef", roles, is_archive=True, version="1", record_version=3)
    assert unpack(pack(presence), Presence) == presence


def test_a_presence_of_a_newer_kachery_is_refused_and_no_accident():
    good = ["0" * 16, ["request-files"], False, "1", 1, False]
    assert unpack(msgspec.msgpack.encode(good), Presence).roles == [Role.REQUEST_FILES]
    changes = [(0, "0" * 15), (0, "0" * 16 + "\n"), (1, ["rule"]), (1, ["request-files"] * 7)]
    for place, value in [*changes, (3, "v" * 65), (4, -1)]:
        bad = [*good[:place], value, *good[place + 1 :]]
        with pytest.raises(BadEnvelopeError):
            unpack(msgspec.msgpack.encode(bad), Presence)


@pytest.mark.parametrize("question", [AskRecord(3), AskRenewal(bytes(16), 2)])
def test_one_subject_may_take_several_questions(question):
    assert unpack_any(pack(question), AskMembers) == question
    with pytest.raises(BadEnvelopeError):
        unpack_any(pack(MembersAnswer()), AskMembers)


@given(count=st.integers(0, 40))
def test_an_answer_is_filled_up(count):
    offers = [FileOffer(bytes(16), bytes(count)) for _ in range(count)]
    answer = FileOffers("0" * 16, [], offers)
    data = node.pack_padded(answer)
    assert len(data) % node.PADDING_STEP == 0
    assert len(data) - len(pack(answer)) < node.PADDING_STEP
    assert unpack(data, FileOffers).offers == offers


def test_nothing_looks_like_something_of_the_same_length():
    nothing = node.pack_padded(FileOffers("0" * 16, [], []))
    something = node.pack_padded(FileOffers("0" * 16, [], [FileOffer(bytes(16), bytes(100))]))
    assert len(nothing) == len(something) == node.PADDING_STEP


def test_all_roles_can_be_said():
    assert len(ALL_ROLES) == len(Role)
