"""Sealing: AES-256-GCM, so that only who has the key can read, and nobody can change.

A nonce must never seal two different plaintexts under one key: either the bytes follow from key and
nonce (the frames of a content, `kachery_core.capabilities`), or the nonce is random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kachery_core.errors import BadEnvelopeError

if TYPE_CHECKING:
    from typing import TypeAlias

    Readable: TypeAlias = "bytes | bytearray | memoryview"
    Writeable: TypeAlias = "bytearray | memoryview"

KEY_SIZE = 32
NONCE_SIZE = 12
TAG_SIZE = 16
# In-place sealing saves a copy of every megabyte; older versions of cryptography do not have it.
_HAS_INTO = hasattr(AESGCM, "encrypt_into") and hasattr(AESGCM, "decrypt_into")


def seal(key: bytes, nonce: bytes, data: Readable, aad: bytes = b"") -> bytes:
    """Sealed bytes, 16 longer than the data.

    Args:
        key: 32 bytes.
        nonce: 12 bytes, never used under this key for other data.
        data: what to hide.
        aad: what is not hidden, and must be the same when it is unsealed.
    """
    return AESGCM(key).encrypt(nonce, data, aad)


def unseal(key: bytes, nonce: bytes, sealed: Readable, aad: bytes = b"") -> bytes:
    """The data that was sealed.

    Raises:
        BadEnvelopeError: another key, nonce or aad, or changed bytes.
    """
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except (InvalidTag, ValueError) as problem:
        raise _not_sealed() from problem


def seal_into(
    key: bytes, nonce: bytes, data: Readable, sealed: Writeable, aad: bytes = b""
) -> None:
    """Seal into a writeable buffer of exactly 16 bytes more than the data; one may be the other."""
    if _HAS_INTO:
        AESGCM(key).encrypt_into(nonce, data, aad, sealed)
    else:
        _copy(seal(key, nonce, data, aad), sealed)


def unseal_into(
    key: bytes, nonce: bytes, sealed: Readable, data: Writeable, aad: bytes = b""
) -> None:
    """Unseal into a writeable buffer of exactly 16 bytes less; one may be the other.

    The buffer holds nothing of use if this fails.

    Raises:
        BadEnvelopeError: another key, nonce or aad, or changed bytes.
    """
    if not _HAS_INTO:
        _copy(unseal(key, nonce, sealed, aad), data)
        return
    try:
        AESGCM(key).decrypt_into(nonce, sealed, aad, data)
    except (InvalidTag, ValueError) as problem:
        raise _not_sealed() from problem


def seal_note(key: bytes, nonce: bytes, data: Readable, aad: bytes = b"") -> bytes:
    """A sealed message that carries its nonce, 12 random bytes, in front: 28 bytes longer."""
    return nonce + seal(key, nonce, data, aad)


def unseal_note(key: bytes, note: bytes, aad: bytes = b"") -> bytes:
    """What `seal_note` sealed.

    Raises:
        BadEnvelopeError: another key or aad, or changed bytes.
    """
    return unseal(key, note[:NONCE_SIZE], memoryview(note)[NONCE_SIZE:], aad)


def _copy(source: bytes, target: Writeable) -> None:
    view = memoryview(target).cast("B")
    if len(view) != len(source):
        raise ValueError(f"a buffer of {len(view)} bytes for {len(source)}")
    view[:] = source


def _not_sealed() -> BadEnvelopeError:
    return BadEnvelopeError(
        "Sealed bytes do not open: they were changed on the way, or sealed with another key."
    )
