"""Invitations and letters: one node can open them, and only the channel decides its key."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import SealedBox
from nacl.signing import SigningKey

from kachery_core.errors import InvalidInputError, InvalidInvitationError
from kachery_core.invitations import (
    INVITATION_PREFIX,
    Invitation,
    make_letter,
    open_invitation,
    open_letter,
    seal_invitation,
    seal_letter,
)
from tests.support.channel_samples import (
    ALICE,
    ALICE_SEED,
    BOB,
    BOB_SEED,
    CHANNEL,
    CHANNEL_ID,
    CHANNEL_KEY,
    HUB,
    OTHER_CHANNEL,
    bit_flips,
    invitation,
    membership,
    record,
    seed,
)

TEXT = seal_invitation(invitation())
SEALED = seal_letter(make_letter(CHANNEL, ALICE.public_key, CHANNEL_KEY, 7))


def raw(text):
    return base64.urlsafe_b64decode(text.removeprefix(INVITATION_PREFIX) + "===")


def as_text(sealed):
    return INVITATION_PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def closed_for(node_seed, data):
    """Anybody can close a sealed box, with anything in it."""
    return SealedBox(SigningKey(node_seed).to_curve25519_private_key().public_key).encrypt(data)


def test_an_invitation_brings_all_it_takes_to_join():
    opened = open_invitation(TEXT, ALICE_SEED)
    assert opened == invitation()
    assert (opened.channel_id, opened.channel_name) == (CHANNEL_ID, "lab")
    assert (opened.channel_key, opened.epoch) == (CHANNEL_KEY, 1)
    assert opened.hub_url == HUB


def test_an_invitation_is_for_one_node():
    for node_seed in (BOB_SEED, seed(99), seed(0)):
        with pytest.raises(InvalidInvitationError, match="for another node"):
            open_invitation(TEXT, node_seed)


def test_two_invitations_are_never_alike_though_they_say_the_same():
    assert seal_invitation(invitation()) != TEXT


def test_an_e_mail_may_break_its_line():
    broken = "\n  ".join(TEXT[start : start + 76] for start in range(0, len(TEXT), 76))
    assert open_invitation(f"\r\n{broken}\n\n", ALICE_SEED) == invitation()


def test_no_bit_may_change():
    for flipped in bit_flips(raw(TEXT), step=11):
        with pytest.raises(InvalidInvitationError):
            open_invitation(as_text(flipped), ALICE_SEED)


@pytest.mark.parametrize(
    "text",
    ["", "hello", INVITATION_PREFIX, INVITATION_PREFIX + "AAAA", INVITATION_PREFIX + "!!",
     INVITATION_PREFIX + "\u00e9", TEXT[:-1], TEXT[1:], TEXT[: len(TEXT) // 2], TEXT + "A",
     TEXT.replace("-1.", "-2."), TEXT.upper(), TEXT + TEXT, "A" * 10_000_000],
    # Its letters are of chance, and workers must find the same tests.
    ids=lambda text: f"{text[:4]!a}-{len(text)}",
)  # fmt: skip
def test_what_is_no_invitation_is_refused(text):
    with pytest.raises(InvalidInvitationError):
        open_invitation(text, ALICE_SEED)


@given(st.text(max_size=60) | st.binary(max_size=200).map(as_text))
def test_whatever_it_is_it_is_refused_in_words(text):
    with pytest.raises(InvalidInvitationError):
        open_invitation(text, ALICE_SEED)


@given(st.binary(max_size=200))
def test_whatever_is_in_the_box_is_refused_in_words(data):
    with pytest.raises(InvalidInvitationError):
        open_invitation(as_text(closed_for(ALICE_SEED, data)), ALICE_SEED)
    with pytest.raises(InvalidInvitationError):
        open_letter(closed_for(ALICE_SEED, data), ALICE_SEED, CHANNEL_ID)


OTHER_ID = record(OTHER_CHANNEL).channel_id
ALICES_LETTER = make_letter(CHANNEL, ALICE.public_key, CHANNEL_KEY, 1)
NOT_TOGETHER = {
    "the membership of another node": {"membership": membership(BOB)},
    "the membership of another channel": {"membership": membership(channel=OTHER_CHANNEL)},
    "the record of another channel": {"record": record(OTHER_CHANNEL)},
    "a letter to another node": {"letter": make_letter(CHANNEL, BOB.public_key, CHANNEL_KEY, 1)},
    "a letter of another channel": {
        "letter": make_letter(OTHER_CHANNEL, ALICE.public_key, CHANNEL_KEY, 1)
    },
    "a key that the channel did not choose": {
        "letter": msgspec.structs.replace(ALICES_LETTER, channel_key=seed(66))
    },
    "another epoch": {"letter": msgspec.structs.replace(ALICES_LETTER, epoch=2)},
    "a letter without a signature": {
        "letter": msgspec.structs.replace(ALICES_LETTER, signature=b"")
    },
}


@pytest.mark.parametrize("change", NOT_TOGETHER.values(), ids=NOT_TOGETHER)
def test_parts_that_do_not_belong_together_are_refused(change):
    forged = msgspec.structs.replace(invitation(), **change)
    inside = [str(forged.hub_url), forged.membership.text, forged.record.text, forged.letter]
    sealed = closed_for(ALICE_SEED, msgspec.msgpack.encode(inside))
    with pytest.raises(InvalidInvitationError):
        open_invitation(as_text(sealed), ALICE_SEED)


def test_a_box_with_a_right_invitation_in_it_opens_whoever_closed_it():
    whole = invitation()
    inside = [str(whole.hub_url), whole.membership.text, whole.record.text, whole.letter]
    assert (
        open_invitation(as_text(closed_for(ALICE_SEED, msgspec.msgpack.encode(inside))), ALICE_SEED)
        == whole
    )
    for garbage in (inside[:3], [*inside, 1], dict(enumerate(inside))):
        sealed = closed_for(ALICE_SEED, msgspec.msgpack.encode(garbage))
        with pytest.raises(InvalidInvitationError):
            open_invitation(as_text(sealed), ALICE_SEED)
    sealed = closed_for(ALICE_SEED, msgspec.msgpack.encode(["tls://evil", *inside[1:]]))
    with pytest.raises(InvalidInvitationError):
        open_invitation(as_text(sealed), ALICE_SEED)


def test_a_letter_brings_a_key_of_one_epoch():
    letter = open_letter(SEALED, ALICE_SEED, CHANNEL_ID)
    assert (letter.channel_key, letter.epoch) == (CHANNEL_KEY, 7)
    assert (letter.channel_id, letter.node_id) == (CHANNEL_ID, ALICE.public_key)


def test_a_letter_is_for_one_node_and_from_one_channel():
    with pytest.raises(InvalidInvitationError):
        open_letter(SEALED, BOB_SEED, CHANNEL_ID)
    for channel_id in (OTHER_ID, "", "A" * 56, BOB.public_key):
        with pytest.raises(InvalidInvitationError):
            open_letter(SEALED, ALICE_SEED, channel_id)


def test_a_hub_cannot_choose_the_key():
    """A hub may close boxes to anybody; it has no key that the channel would sign with."""
    for signer in (OTHER_CHANNEL, BOB, ALICE):
        letter = make_letter(signer, ALICE.public_key, seed(66), 8)
        forged = msgspec.structs.replace(letter, channel_id=CHANNEL_ID)
        sealed = closed_for(ALICE_SEED, msgspec.msgpack.encode(forged))
        with pytest.raises(InvalidInvitationError):
            open_letter(sealed, ALICE_SEED, CHANNEL_ID)


@pytest.mark.parametrize(
    "change",
    [{"epoch": 0}, {"epoch": -1}, {"epoch": 2**32}, {"epoch": 2**64 - 1}, {"channel_key": b""},
     {"channel_key": bytes(33)}, {"node_id": BOB.public_key}, {"node_id": ""}, {"node_id": "g"}],
    ids=ascii,
)  # fmt: skip
def test_letters_that_make_no_sense_are_refused(change):
    forged = msgspec.structs.replace(ALICES_LETTER, **change)
    sealed = closed_for(ALICE_SEED, msgspec.msgpack.encode(forged))
    with pytest.raises(InvalidInvitationError):
        open_letter(sealed, ALICE_SEED, CHANNEL_ID)


def test_no_bit_of_a_letter_may_change():
    for flipped in bit_flips(SEALED):
        with pytest.raises(InvalidInvitationError):
            open_letter(flipped, ALICE_SEED, CHANNEL_ID)


@pytest.mark.parametrize("node_id", ["", "zz", "00" * 31, "ff" * 32, "01" + "00" * 31])
def test_nothing_is_sealed_to_what_is_no_node(node_id):
    with pytest.raises(InvalidInputError, match="kachery node id"):
        seal_letter(msgspec.structs.replace(ALICES_LETTER, node_id=node_id))


@pytest.mark.parametrize("node_id", ["", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_no_letter_is_written_to_what_is_no_node(node_id):
    with pytest.raises(InvalidInputError, match="kachery node id"):
        make_letter(CHANNEL, node_id, CHANNEL_KEY, 1)


def test_secrets_are_not_shown_by_accident():
    letter = make_letter(CHANNEL, ALICE.public_key, b"S" * 32, 1)
    whole = Invitation(HUB, membership(), record(), letter)
    assert "SSSS" not in repr(letter)
    assert "SSSS" not in repr(whole)
    assert str(HUB) not in repr(whole)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_channel_key_has_32_bytes(size):
    with pytest.raises(ValueError, match="channel key"):
        make_letter(CHANNEL, ALICE.public_key, bytes(size), 1)
