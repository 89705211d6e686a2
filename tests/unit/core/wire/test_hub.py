"""Between a node and the registrar of a hub: only what was meant, only from who says so."""

from __future__ import annotations

import os

import msgspec
import pytest

from kachery_core.errors import BadMembershipError, InvalidRequestError
from kachery_core.hub_urls import HubUrl
from kachery_core.jwts import decode_jwt
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_core.nkeys import account_nkey, encode_public, user_nkey
from kachery_core.wire.hub import (
    LOOKUP,
    MOST_DEPOSITS_AT_ONCE,
    Deposit,
    Found,
    Lookup,
    Registered,
    Registration,
    encode_lookup,
    guest_token,
    is_registered_by,
    lobby_subject,
    read_lobby_answer,
    read_lookup,
    read_registration,
    refuse,
    sign_registration,
)

CHANNEL = SeedSigner(bytes(range(SEED_SIZE)))
NODE = SeedSigner(bytes(SEED_SIZE))
REGISTRATION = Registration("a record", [Deposit("a membership", b"a letter")])


def test_a_registration_arrives_as_it_was_signed() -> None:
    registration, signed = read_registration(sign_registration(CHANNEL, REGISTRATION))
    assert registration == REGISTRATION
    assert is_registered_by(CHANNEL.public_key, signed)
    assert not is_registered_by(NODE.public_key, signed)


def test_no_bit_of_a_registration_can_be_changed() -> None:
    message = sign_registration(CHANNEL, REGISTRATION)
    for place in range(len(message)):
        changed = bytearray(message)
        changed[place] ^= 1
        try:
            _, signed = read_registration(bytes(changed))
        except InvalidRequestError:
            continue
        assert not is_registered_by(CHANNEL.public_key, signed)


@pytest.mark.parametrize("read", [read_registration, read_lookup, read_lobby_answer])
def test_what_is_not_understood_is_said_to_be(read: object) -> None:
    whole = sign_registration(CHANNEL, REGISTRATION)
    for message in (b"", b"\xc1", whole[:-1], msgspec.msgpack.encode({"a": 1}), os.urandom(64)):
        with pytest.raises(InvalidRequestError):
            read(message)  # type: ignore[operator]


def test_a_registration_of_too_many_members_at_once_is_refused() -> None:
    crowd = [Deposit("a membership", b"a letter")] * (MOST_DEPOSITS_AT_ONCE + 1)
    with pytest.raises(InvalidRequestError):
        read_registration(sign_registration(CHANNEL, Registration("a record", crowd)))


def test_a_question_arrives_as_it_was_asked() -> None:
    lookup = Lookup(account_nkey(CHANNEL.public_key))
    assert read_lookup(encode_lookup(lookup)) == lookup


@pytest.mark.parametrize(
    "answer", [Registered(3), Found("r", None), Found("r", Deposit("m", b"l"), 1.5)]
)
def test_an_answer_arrives_as_it_was_given(answer: Registered | Found) -> None:
    assert read_lobby_answer(msgspec.msgpack.encode(answer)) == answer


def test_a_refusal_is_raised_where_it_was_asked_for() -> None:
    refusal = refuse(BadMembershipError("too old", hint="ask", known_version=7))
    with pytest.raises(BadMembershipError, match="too old") as caught:
        read_lobby_answer(msgspec.msgpack.encode(refusal))
    assert caught.value.fields == {"known_version": 7}


def test_a_pass_for_the_lobby_is_for_one_node_and_signed_with_the_key_in_the_url() -> None:
    guest = SeedSigner(os.urandom(SEED_SIZE))
    url = HubUrl("localhost", 1, None, bytes(SEED_SIZE), guest._secret[:SEED_SIZE])
    claims = decode_jwt(guest_token(url, NODE.public_key))
    assert claims.issuer == account_nkey(guest.public_key)
    assert claims.subject == user_nkey(NODE.public_key)
    assert claims.nats["issuer_account"] == encode_public("account", bytes(SEED_SIZE))
    assert not {"pub", "sub", "subs"} & set(claims.nats)


def test_a_request_names_who_asks() -> None:
    assert lobby_subject(LOOKUP, NODE.public_key) == f"lobby.lookup.{user_nkey(NODE.public_key)}"
