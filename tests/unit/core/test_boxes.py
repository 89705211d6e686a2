"""Sealed boxes: one node opens them, nobody else, and nothing changed passes."""

from __future__ import annotations

import pytest
from nacl.public import SealedBox
from nacl.signing import SigningKey

from kachery_core.boxes import open_box, seal_box
from kachery_core.errors import BadEnvelopeError, InvalidInputError
from tests.support.channel_samples import ALICE, ALICE_SEED, BOB_SEED, bit_flips


@pytest.mark.parametrize("data", [b"", b"x", bytes(100_000)])
def test_a_node_opens_what_was_sealed_to_it(data):
    sealed = seal_box(ALICE.public_key, data)
    assert open_box(sealed, ALICE_SEED) == data
    assert sealed != seal_box(ALICE.public_key, data)
    key = SigningKey(ALICE_SEED).to_curve25519_private_key()
    assert SealedBox(key).decrypt(sealed) == data


def test_nobody_else_opens_it_and_nothing_changed_passes():
    sealed = seal_box(ALICE.public_key, b"secret")
    with pytest.raises(BadEnvelopeError):
        open_box(sealed, BOB_SEED)
    for changed in [*bit_flips(sealed), sealed[:-1], sealed + b"x", b""]:
        with pytest.raises(BadEnvelopeError):
            open_box(changed, ALICE_SEED)


@pytest.mark.parametrize("node_id", ["", "00" * 31, "ff" * 32, "00" * 32, "no key"])
def test_what_is_no_node_gets_no_box(node_id):
    with pytest.raises(InvalidInputError, match="node id"):
        seal_box(node_id, b"x")
