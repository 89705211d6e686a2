"""Sealed boxes: bytes that only one node can read.

libsodium's sealed box (X25519, XSalsa20-Poly1305), to the node's Ed25519 key converted to
Curve25519. A box does not say who closed it: whoever needs to know signs what is inside, or the
envelope around it.
"""

from __future__ import annotations

from nacl.bindings import (
    crypto_box_seal,
    crypto_box_seal_open,
    crypto_sign_ed25519_pk_to_curve25519,
    crypto_sign_ed25519_sk_to_curve25519,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import CryptoError

from kachery_core.errors import BadEnvelopeError, InvalidInputError


def seal_box(node_id: str, data: bytes) -> bytes:
    """A box that only one node can open; it is different each time.

    Args:
        node_id: the node, 64 hex digits.
        data: what to put in.

    Raises:
        InvalidInputError: not a node id.
    """
    try:
        return crypto_box_seal(data, crypto_sign_ed25519_pk_to_curve25519(bytes.fromhex(node_id)))
    except (CryptoError, ValueError) as problem:
        raise InvalidInputError(
            f"{node_id!r:.80} is not a node id.",
            hint="A node id has 64 hex digits; `kachery node id` prints it.",
        ) from problem


def open_box(sealed: bytes, node_seed: bytes) -> bytes:
    """What is in a box to this node.

    Args:
        sealed: what `seal_box` made.
        node_seed: private key of this node, 32 bytes.

    Raises:
        BadEnvelopeError: damaged, or for another node.
    """
    public, secret = crypto_sign_seed_keypair(node_seed)
    try:
        return crypto_box_seal_open(
            sealed,
            crypto_sign_ed25519_pk_to_curve25519(public),
            crypto_sign_ed25519_sk_to_curve25519(secret),
        )
    except (CryptoError, ValueError, TypeError) as problem:
        raise BadEnvelopeError(
            "A sealed box is for another node, or was damaged on the way."
        ) from problem
