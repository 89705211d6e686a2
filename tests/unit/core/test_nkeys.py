"""nkeys: the text that NATS understands, one for each key, and no mistyping goes unnoticed."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import InvalidInputError
from kachery_core.keys import SeedSigner
from kachery_core.nkeys import (
    account_key_of,
    account_nkey,
    decode_public,
    decode_seed,
    encode_public,
    encode_seed,
    node_id_of,
    user_nkey,
)
from tests.support.channel_samples import ALICE, CHANNEL

RAW = st.binary(min_size=32, max_size=32)
KINDS = st.sampled_from(["operator", "account", "user"])
LETTERS = {"operator": "O", "account": "A", "user": "U"}


@given(KINDS, RAW)
def test_a_key_is_written_and_read(kind, raw):
    text = encode_public(kind, raw)
    assert (len(text), text[0]) == (56, LETTERS[kind])
    assert decode_public(text) == (kind, raw)
    seed = encode_seed(kind, raw)
    assert (len(seed), seed[:2]) == (58, "S" + LETTERS[kind])
    assert decode_seed(seed) == (kind, raw)


def test_the_example_of_the_nats_documentation_is_read():
    kind, raw = decode_seed("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY")
    public = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
    assert kind == "user"
    assert user_nkey(SeedSigner(raw).public_key) == public


@given(KINDS, RAW, st.integers(0, 55), st.sampled_from(string.ascii_uppercase + "234567"))
def test_one_wrong_letter_is_noticed(kind, raw, place, letter):
    text = encode_public(kind, raw)
    if text[place] != letter:
        with pytest.raises(InvalidInputError):
            decode_public(text[:place] + letter + text[place + 1 :])


@given(KINDS, RAW, st.integers(0, 57), st.sampled_from(string.ascii_uppercase + "234567"))
def test_one_wrong_letter_of_a_seed_is_noticed_and_not_repeated(kind, raw, place, letter):
    seed = encode_seed(kind, raw)
    if seed[place] != letter:
        wrong = seed[:place] + letter + seed[place + 1 :]
        with pytest.raises(InvalidInputError) as caught:
            decode_seed(wrong)
        assert wrong[5:30] not in str(caught.value)
        assert caught.value.__cause__ is None


@given(st.text(max_size=70))
def test_whatever_else_is_refused(text):
    for read in (decode_public, decode_seed, node_id_of, account_key_of):
        with pytest.raises(InvalidInputError):
            read(text)


def test_one_key_has_one_spelling():
    text = user_nkey(ALICE.public_key)
    others = [text.lower(), f"{text}=", f"{text}\n"]
    others += [f"{letter}{text[1:]}" for letter in " é\u0661"]
    for other in others:
        with pytest.raises(InvalidInputError):
            decode_public(other)


@pytest.mark.parametrize("prefix", [13 << 3, 2 << 3, 18 << 3, 23 << 3, 255])
def test_kinds_that_have_no_place_here_are_refused(prefix):
    from kachery_core.nkeys import _with_crc

    with pytest.raises(InvalidInputError):
        decode_public(_with_crc(bytes([prefix]) + bytes(32)))


def test_nodes_and_channels_have_names_of_their_own():
    assert node_id_of(user_nkey(ALICE.public_key)) == ALICE.public_key
    assert account_key_of(account_nkey(CHANNEL.public_key)) == CHANNEL.public_key
    with pytest.raises(InvalidInputError, match="stands for an account"):
        node_id_of(account_nkey(CHANNEL.public_key))
    with pytest.raises(InvalidInputError, match="stands for an user"):
        account_key_of(user_nkey(ALICE.public_key))


@pytest.mark.parametrize("node_id", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n", "U" * 56])
def test_what_is_no_node_id_has_no_nkey(node_id):
    with pytest.raises(InvalidInputError, match="kachery node id"):
        user_nkey(node_id)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_has_32_bytes(size):
    for encode in (encode_public, encode_seed):
        with pytest.raises(ValueError, match="a key of"):
            encode("user", bytes(size))
