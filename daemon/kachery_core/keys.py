"""Ed25519 keys: who a node is, and who may write a feed. A public key is 64 hex digits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

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
_KEY = re.compile(r"[0-9a-f]{64}")


def is_public_key(text: str) -> bool:
    """Whether text is a public key in its one accepted spelling."""
    return _KEY.fullmatch(text) is not None


def is_signed_by(public_key: str, signature: bytes, data: bytes) -> bool:
    """Whether the holder of a key signed these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
