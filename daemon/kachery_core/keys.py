"""Ed25519 keys: who a node is, and who may write a feed. A public key is 64 hex digits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nacl.bindings import crypto_sign_open
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
_KEY = re.compile(r"[0-9a-f]{64}")


def is_public_key(text: str) -> bool:
    """Whether text is a public key in its one accepted spelling."""
    return _KEY.fullmatch(text) is not None


def is_signed_by(public_key: str, signature: bytes, data: bytes) -> bool:
    """Whether the holder of a key signed these bytes.

    libsodium does this in half the time of OpenSSL, and refuses the few keys of small order, for
    which anybody can make signatures that hold.
    """
    try:
        key = bytes.fromhex(public_key)
        # The library takes both in one piece: a short signature would borrow from the data.
        if len(signature) != SIGNATURE_SIZE:
            return False
        crypto_sign_open(signature + data, key)
    except (CryptoError, ValueError):
        return False
    return True
