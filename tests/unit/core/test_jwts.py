"""Tokens: one way to write them, one way to read them, and only the issuer's word counts."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import BadMembershipError
from kachery_core.jwts import LARGEST_JWT, LAST_SECOND, decode_jwt, encode_jwt
from kachery_core.nkeys import encode_public, user_nkey
from tests.support.channel_samples import (
    ALICE,
    BOB,
    CHANNEL,
    CHANNEL_ID,
    NOW,
    OTHER_CHANNEL,
    bit_flips,
    claims_of,
    to_base64,
    token,
)

CLAIMS = {
    "iss": CHANNEL_ID,
    "sub": user_nkey(ALICE.public_key),
    "name": "alice",
    "iat": NOW,
    "exp": NOW + 60,
    "nats": {"type": "user", "version": 2, "tags": ["a"]},
}
TEXT = encode_jwt(CLAIMS, CHANNEL)


def changed(**changes):
    """The claims with changes; None takes one away."""
    claims = {**CLAIMS, "jti": "x", **changes}
    return {name: value for name, value in claims.items() if value is not None}


def test_what_was_signed_is_read():
    claims = decode_jwt(TEXT, now=NOW)
    assert (claims.issuer, claims.subject, claims.name) == (CHANNEL_ID, CLAIMS["sub"], "alice")
    assert (claims.issued_at, claims.expires_at) == (NOW, NOW + 60)
    assert claims.nats == CLAIMS["nats"]
    assert claims.text == TEXT


def test_the_same_claims_are_the_same_text_and_have_a_name_of_their_own():
    assert encode_jwt(CLAIMS, CHANNEL) == TEXT
    names = {
        claims_of(encode_jwt({**CLAIMS, "iat": NOW + each}, CHANNEL))["jti"] for each in range(9)
    }
    assert len(names) == 9


def test_whoever_signs_has_to_be_the_issuer():
    with pytest.raises(ValueError, match="is not the signer"):
        encode_jwt(CLAIMS, OTHER_CHANNEL)


@pytest.mark.parametrize("kind", ["operator", "account", "user"])
def test_any_kind_of_key_may_sign(kind):
    issuer = encode_public(kind, bytes.fromhex(BOB.public_key))
    assert decode_jwt(encode_jwt({**CLAIMS, "iss": issuer}, BOB)).issuer == issuer


def test_a_token_ends_for_who_has_a_clock():
    assert decode_jwt(TEXT, now=NOW + 59.9)
    assert decode_jwt(TEXT).has_expired(NOW + 60)
    for now in (NOW + 60, NOW + 60.1, 1e18):
        with pytest.raises(BadMembershipError, match="has ended"):
            decode_jwt(TEXT, now=now)


def test_a_token_may_have_no_end():
    for claims in (changed(exp=None), changed(exp=0)):
        assert decode_jwt(token(claims), now=1e18).expires_at is None


def test_somebody_else_cannot_sign_for_the_issuer():
    with pytest.raises(BadMembershipError, match="did not sign it"):
        decode_jwt(token(changed(), OTHER_CHANNEL))


def test_no_bit_of_a_token_may_change():
    for flipped in bit_flips(TEXT.encode()):
        text = flipped.decode("latin-1")
        with pytest.raises(BadMembershipError):
            decode_jwt(text)


def test_a_signature_is_not_for_another_token():
    other = encode_jwt({**CLAIMS, "name": "mallory"}, CHANNEL)
    with pytest.raises(BadMembershipError):
        decode_jwt(other.rpartition(".")[0] + "." + TEXT.rpartition(".")[2])


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT", "alg": "none"},
        {"typ": "JWT", "alg": "HS256"},
        {"typ": "JWT", "alg": "EdDSA"},
        {"typ": "JWT", "alg": "ed25519"},
        {"typ": "JWT", "alg": "ED25519-NKEY"},
        {"typ": "jwt", "alg": "ed25519-nkey"},
        {"alg": "ed25519-nkey"},
        {"typ": "JWT", "alg": "ed25519-nkey", "kid": "x"},
        b'{"typ":"JWT","alg":"none","alg":"ed25519-nkey"}',
        b'{"typ":"JWT","alg":"ed25519-nkey","ALG":"none"}',
        [],
        "JWT",
        b"",
        b"\xff",
    ],
    ids=repr,
)
def test_there_is_one_header(header):
    with pytest.raises(BadMembershipError):
        decode_jwt(token(changed(), header=header))


def test_no_signature_is_none():
    unsigned = TEXT.rpartition(".")[0]
    for text in (
        unsigned,
        unsigned + ".",
        f"{unsigned}.{to_base64(bytes(64))}",
        f"{TEXT}.",
        f".{TEXT}",
    ):
        with pytest.raises(BadMembershipError):
            decode_jwt(text)


def _json(**changes):
    return json.dumps(changed(**changes))


@pytest.mark.parametrize(
    "body",
    [
        _json()[:-1] + ',"name":"mallory"}',
        _json()[:-1] + ',"Name":"mallory"}',
        _json()[:-1] + ',"\\u006eame":"mallory"}',
        _json()[:-1] + ',"i\u017fs":"mallory"}',  # Go reads the long s as an s
        _json(nats=None)[:-1] + ',"nats":{"type":"user","type":"account"}}',
        _json(nats=None)[:-1] + ',"nats":{"pub":{"allow":[],"Allow":[">"]}}}',
        _json() + "{}",
        "[" * 100_000,
        '{"iat":' + "9" * 5000 + "}",
        '{"iat":NaN}',
        "null",
        "",
    ],
    ids=lambda body: body[-40:],
)
def test_json_that_can_be_read_in_two_ways_is_not_read(body):
    with pytest.raises(BadMembershipError):
        decode_jwt(token(body.encode()))


@pytest.mark.parametrize(
    "change",
    [
        {"iat": None},
        {"iat": "1"},
        {"iat": 1.5},
        {"iat": True},
        {"iat": -1},
        {"iat": LAST_SECOND + 1},
        {"iat": 1e18},
        {"exp": -1},
        {"exp": 2**63},
        {"exp": False},
        {"exp": "never"},
        {"sub": 3},
        {"name": ["x"]},
        {"nats": None},
        {"nats": []},
        {"nats": "user"},
        {"iss": None},
        {"iss": ""},
        {"iss": CHANNEL_ID.lower()},
        {"iss": CHANNEL.public_key},
        {"iss": [CHANNEL_ID]},
        {"nbf": NOW},
        {"aud": "x"},
    ],
    ids=str,
)
def test_claims_that_make_no_sense_are_refused_though_signed(change):
    with pytest.raises(BadMembershipError):
        decode_jwt(token(changed(**change)))


def test_one_token_has_one_text():
    header, body, signature = TEXT.split(".")
    last = signature[-1]
    # The last letter of 64 bytes has four bits that mean nothing.
    alike = [
        letter
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        if letter != last
        and base64.urlsafe_b64decode(signature[:-1] + letter + "==")
        == base64.urlsafe_b64decode(signature + "==")
    ]
    assert len(alike) == 15
    spellings = [signature[:-1] + letter for letter in alike] + [f"{signature}=="]
    spellings += [
        f"{signature}\n",
        f" {signature}",
        signature.replace("-", "+").replace("_", "/") + "=",
    ]
    for spelling in spellings:
        with pytest.raises(BadMembershipError):
            decode_jwt(f"{header}.{body}.{spelling}")


def test_more_than_is_accepted_is_not_looked_at():
    with pytest.raises(BadMembershipError):
        decode_jwt(TEXT + "A" * LARGEST_JWT)
    with pytest.raises(BadMembershipError):
        decode_jwt("." * 10_000_000)
    fits = token(changed(nats={"tags": ["x" * 700_000]}))
    assert decode_jwt(fits)


@given(st.text(max_size=200) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,90}"))
def test_whatever_it_is_it_is_refused_in_words(text):
    with pytest.raises(BadMembershipError):
        decode_jwt(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*CLAIMS, "jti", "other"]), JSON))
def test_whatever_a_channel_signs_is_read_or_refused(changes):
    try:
        claims = decode_jwt(token({**CLAIMS, **changes}))
    except BadMembershipError:
        return
    assert claims.issuer == CHANNEL_ID
    assert 0 <= claims.issued_at <= LAST_SECOND
    assert set(changes) <= {*CLAIMS, "jti"}


@given(st.binary(max_size=100), st.binary(max_size=200))
def test_whatever_bytes_a_channel_signs_are_refused(header, body):
    with pytest.raises(BadMembershipError):
        decode_jwt(token(body, header=header))
    with pytest.raises(BadMembershipError):
        decode_jwt(token(body))
