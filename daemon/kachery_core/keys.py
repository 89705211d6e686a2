"""Ed25519 keys: who a node is, and who may write a feed. A public key is 64 hex digits.

libsodium signs and verifies: twice as fast as OpenSSL here, and stricter, in that it refuses keys
and signatures that are not in their one canonical form.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

if TYPE_CHECKING:
    from typing import Protocol

    class Signer(Protocol):
        """Signs with a key it never shows."""

        @property
        def public_key(self) -> str:
            """64 hex digits."""
            ...

        def sign(self, data: bytes) -> bytes:
            """64 bytes."""
            ...


SIGNATURE_SIZE = 64
SEED_SIZE = 32
_KEY = re.compile(r"[0-9a-f]{64}")


class SeedSigner:
    """Signs with the key that a seed of 32 bytes stands for."""

    __slots__ = ("_secret", "public_key")

    def __init__(self, seed: bytes) -> None:
        public, self._secret = crypto_sign_seed_keypair(seed)
        self.public_key: str = public.hex()

    def __repr__(self) -> str:
        return f"SeedSigner for {self.public_key}"

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of a signature."""
        return crypto_sign(data, self._secret)[:SIGNATURE_SIZE]


def is_public_key(text: str) -> bool:
    """Whether text is a public key in its one accepted spelling."""
    return _KEY.fullmatch(text) is not None


def is_signed_by(public_key: str, signature: bytes, data: bytes) -> bool:
    """Whether the holder of a key signed these bytes."""
    if len(signature) != SIGNATURE_SIZE or not is_public_key(public_key):
        return False
    try:
        crypto_sign_open(signature + data, bytes.fromhex(public_key))
    except CryptoError:
        return False
    return True
