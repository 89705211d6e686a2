"""Sealing: only the key opens, and not one bit may change."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core import sealing
from kachery_core.errors import BadEnvelopeError
from kachery_core.sealing import seal, seal_into, seal_note, unseal, unseal_into, unseal_note
from tests.support.channel_samples import bit_flips

KEY, NONCE = bytes(range(32)), bytes(range(12))


@given(data=st.binary(max_size=300), aad=st.binary(max_size=20))
def test_what_was_sealed_is_unsealed(data, aad):
    sealed = seal(KEY, NONCE, data, aad)
    assert len(sealed) == len(data) + sealing.TAG_SIZE
    assert unseal(KEY, NONCE, sealed, aad) == data


def test_no_bit_may_change():
    sealed = seal(KEY, NONCE, b"a message", b"where")
    for changed in bit_flips(sealed):
        with pytest.raises(BadEnvelopeError):
            unseal(KEY, NONCE, changed, b"where")


@pytest.mark.parametrize(
    ("key", "nonce", "aad"),
    [(bytes(32), NONCE, b""), (KEY, bytes(12), b""), (KEY, NONCE, b"elsewhere"), (KEY, b"", b"")],
)
def test_another_key_nonce_or_place_does_not_open(key, nonce, aad):
    with pytest.raises(BadEnvelopeError):
        unseal(key, nonce, seal(KEY, NONCE, b"a message"), aad)


@pytest.mark.parametrize("length", range(29))
def test_pieces_are_refused_and_no_accident(length):
    sealed = seal(KEY, NONCE, b"a message")
    for cut in (sealed[:length], sealed[-length:] if length else b""):
        if cut != sealed:
            with pytest.raises(BadEnvelopeError):
                unseal(KEY, NONCE, cut)
    with pytest.raises(BadEnvelopeError):
        unseal_note(KEY, seal_note(KEY, NONCE, b"")[:length][:27])


@pytest.mark.parametrize("has_into", [True, False])
@pytest.mark.parametrize("size", [0, 1, 1000, 1 << 20])
def test_into_a_buffer_it_is_the_same(size, has_into, monkeypatch):
    monkeypatch.setattr(sealing, "_HAS_INTO", has_into and sealing._HAS_INTO)
    data = random.Random(size).randbytes(size)
    sealed, opened = bytearray(size + 16), bytearray(size)
    seal_into(KEY, NONCE, data, sealed, b"aad")
    assert sealed == seal(KEY, NONCE, data, b"aad")
    unseal_into(KEY, NONCE, sealed, opened, b"aad")
    assert opened == data
    sealed[-1] ^= 1
    with pytest.raises(BadEnvelopeError):
        unseal_into(KEY, NONCE, sealed, opened, b"aad")


@pytest.mark.parametrize("has_into", [True, False])
def test_one_buffer_is_enough(has_into, monkeypatch):
    monkeypatch.setattr(sealing, "_HAS_INTO", has_into and sealing._HAS_INTO)
    data = random.Random(1).randbytes(100_000)
    buffer = bytearray(data) + bytes(16)
    plain = memoryview(buffer)[: len(data)]
    seal_into(KEY, NONCE, plain, buffer)
    assert buffer == seal(KEY, NONCE, data)
    unseal_into(KEY, NONCE, buffer, plain)
    assert plain == data


@pytest.mark.parametrize("has_into", [True, False])
def test_a_buffer_of_another_size_is_refused(has_into, monkeypatch):
    monkeypatch.setattr(sealing, "_HAS_INTO", has_into and sealing._HAS_INTO)
    with pytest.raises(ValueError, match="buffer"):
        seal_into(KEY, NONCE, b"four", bytearray(19))
    sealed = seal(KEY, NONCE, b"four")
    for size in (3, 5):
        with pytest.raises((BadEnvelopeError, ValueError)):
            unseal_into(KEY, NONCE, sealed, bytearray(size))


def test_a_note_carries_its_nonce():
    note = seal_note(KEY, NONCE, b"a message", b"aad")
    assert note == NONCE + seal(KEY, NONCE, b"a message", b"aad")
    assert unseal_note(KEY, note, b"aad") == b"a message"
    for changed in bit_flips(note):
        with pytest.raises(BadEnvelopeError):
            unseal_note(KEY, changed, b"aad")


def test_it_is_aes_256_gcm_as_everybody_knows_it():
    # NIST's test case 14 for GCM, with a key of zeros.
    assert seal(bytes(32), bytes(12), bytes(16)).hex() == (
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    )
