"""Keys: one accepted spelling, and only the holder signs."""

import pytest

from kachery_core.keys import SIGNATURE_SIZE, SeedSigner, is_public_key, is_signed_by
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


def test_a_seed_signs_as_rfc_8032_says():
    # The second test of section 7.1.
    signer = SeedSigner(
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    )
    assert signer.public_key == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert signer.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert SeededKey(7).sign(b"data") == SeedSigner(bytes([7]) * 32).sign(b"data")
    assert "fb" * 3 not in repr(signer)
    assert signer.public_key in repr(signer)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_seed_has_32_bytes(size):
    with pytest.raises(ValueError, match="Invalid seed"):
        SeedSigner(bytes(size))


def test_a_signature_has_no_second_form():
    """Adding the order of the group to its second half gives the same point; not the same bytes."""
    order = 2**252 + 27742317777372353535851937790883648493
    signer = SeedSigner(bytes(32))
    signature = signer.sign(b"data")
    scalar = int.from_bytes(signature[32:], "little") + order
    second = signature[:32] + scalar.to_bytes(32, "little")
    assert not is_signed_by(signer.public_key, second, b"data")


# The points of small order and their other spellings: for these keys the signature below holds for
# a share of all data (for the first one, for any), whoever made it. From the Ed25519 literature.
SMALL_ORDER = [
    "01" + "00" * 31,
    "00" * 32,
    "00" * 31 + "80",
    "01" + "00" * 30 + "80",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_for_which_anybody_can_sign_signs_nothing(key):
    """R is the neutral point and S is 0: the equation holds wherever the hash suits the key."""
    signature = bytes.fromhex("01" + "00" * 63)
    for number in range(64):
        assert not is_signed_by(key, signature, b"data %d" % number)
