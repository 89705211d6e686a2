"""Keys: one accepted spelling, and only the holder signs."""

import pytest

from kachery_core.keys import SIGNATURE_SIZE, is_public_key, is_signed_by
from tests.support.feed_samples import SeededKey


@pytest.mark.parametrize(
    "text",
    ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, " " + "a" * 63, "a" * 64 + "\n", "\u0660" * 64],
)
def test_anything_but_64_lowercase_hex_digits_is_no_key(text):
    assert not is_public_key(text)


def test_a_key_is_64_lowercase_hex_digits():
    assert is_public_key("0123456789abcdef" * 4)
    assert is_public_key(SeededKey().public_key)


def test_a_signature_holds_for_its_bytes_and_its_key_alone():
    key, other = SeededKey(1), SeededKey(2)
    signature = key.sign(b"data")
    assert len(signature) == SIGNATURE_SIZE
    assert is_signed_by(key.public_key, signature, b"data")
    assert not is_signed_by(key.public_key, signature, b"datA")
    assert not is_signed_by(other.public_key, signature, b"data")
    for place in range(SIGNATURE_SIZE):
        forged = bytearray(signature)
        forged[place] ^= 1
        assert not is_signed_by(key.public_key, bytes(forged), b"data")


@pytest.mark.parametrize("signature", [b"", b"\0", bytes(63), bytes(64), bytes(65)])
def test_what_is_no_signature_is_refused_and_not_an_accident(signature):
    assert not is_signed_by(SeededKey().public_key, signature, b"data")


@pytest.mark.parametrize("key", ["", "zz" * 32, "00" * 31, "00" * 33, "00" * 32, "ff" * 32])
def test_what_is_no_key_signs_nothing(key):
    assert not is_signed_by(key, SeededKey().sign(b"data"), b"data")
