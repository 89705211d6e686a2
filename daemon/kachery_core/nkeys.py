"""nkeys: how NATS writes Ed25519 keys as text, with their kind in the first letter.

A public key is base32 (RFC 4648, no padding) of kind (1 byte) || key (32) || CRC-16 (2, little
endian), 56 characters; a seed has two bytes in front, S and the kind. `A…` is an account, which is
a channel; `U…` a user, which is a node; `O…` an operator, which is a hub.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING

from kachery_core.errors import InvalidInputError
from kachery_core.keys import SEED_SIZE, is_public_key

if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Kind: TypeAlias = Literal["operator", "account", "user"]

PUBLIC_LENGTH = 56
SEED_LENGTH = 58
_SEED_PREFIX = 18 << 3
_PREFIXES: dict[Kind, int] = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
_KINDS: dict[int, Kind] = {prefix: kind for kind, prefix in _PREFIXES.items()}
_CRC_SIZE = 2


def encode_public(kind: Kind, raw: bytes) -> str:
    """The text of a public key of 32 bytes."""
    _check_size(raw)
    return _with_crc(bytes([_PREFIXES[kind]]) + raw)


def decode_public(text: str) -> tuple[Kind, bytes]:
    """The kind and the 32 bytes of a public key.

    Raises:
        InvalidInputError: not an nkey, mistyped, or of a kind that has no place here.
    """
    data = _without_crc(text, PUBLIC_LENGTH)
    kind = _KINDS.get(data[0])
    if kind is None:
        raise _not_an_nkey(text, "is of a kind that is not used here")
    return kind, data[1:]


def encode_seed(kind: Kind, raw: bytes) -> str:
    """The text of a private key: a seed of 32 bytes. Treat it as the secret it is."""
    _check_size(raw)
    prefix = _PREFIXES[kind]
    return _with_crc(bytes([_SEED_PREFIX | prefix >> 5, (prefix & 31) << 3]) + raw)


def decode_seed(text: str) -> tuple[Kind, bytes]:
    """The kind and the 32 bytes of a seed.

    Raises:
        InvalidInputError: not a seed, or mistyped; the message does not repeat it.
    """
    try:
        data = _without_crc(text, SEED_LENGTH)
    except InvalidInputError:
        raise _not_a_seed() from None  # its message may show the secret
    kind = _KINDS.get((data[0] & 7) << 5 | data[1] >> 3)
    if kind is None or data[0] & 0xF8 != _SEED_PREFIX or data[1] & 7:
        raise _not_a_seed()
    return kind, data[2:]


@lru_cache(maxsize=4096)
def user_nkey(node_id: str) -> str:
    """A node as NATS knows it.

    Raises:
        InvalidInputError: not a node id of 64 hex digits.
    """
    if not is_public_key(node_id):
        raise InvalidInputError(
            f"{node_id!r:.80} is not a node id.",
            hint="A node id has 64 hex digits; `kachery node id` prints it.",
        )
    return encode_public("user", bytes.fromhex(node_id))


@lru_cache(maxsize=4096)
def node_id_of(nkey: str) -> str:
    """The node that NATS knows by this user key.

    Raises:
        InvalidInputError: not the nkey of a user.
    """
    return _of_kind("user", nkey)


def account_nkey(public_key: str) -> str:
    """The channel id of a channel key of 64 hex digits."""
    return encode_public("account", bytes.fromhex(public_key))


def account_key_of(channel_id: str) -> str:
    """The public key, 64 hex digits, of a channel.

    Raises:
        InvalidInputError: not the nkey of an account.
    """
    return _of_kind("account", channel_id)


def _of_kind(wanted: Kind, nkey: str) -> str:
    kind, raw = decode_public(nkey)
    if kind != wanted:
        raise _not_an_nkey(nkey, f"is of the kind {kind!r}, not {wanted!r}")
    return raw.hex()


def _with_crc(data: bytes) -> str:
    whole = data + _crc16(data).to_bytes(_CRC_SIZE, "little")
    return base64.b32encode(whole).rstrip(b"=").decode("ascii")


def _without_crc(text: str, length: int) -> bytes:
    # Decoded and written again: one key has one text, whatever base32 would let pass.
    if len(text) != length:
        raise _not_an_nkey(text, f"has {len(text)} characters, not {length}")
    try:
        data = base64.b32decode(text + "=" * (-length % 8))[:-_CRC_SIZE]
    except (binascii.Error, ValueError) as problem:
        raise _not_an_nkey(text, "has characters that are none of base32") from problem
    if _with_crc(data) != text:
        raise _not_an_nkey(text, "was mistyped: its checksum is wrong")
    return data


def _crc16(data: bytes) -> int:
    """CRC-16/XMODEM."""
    return binascii.crc_hqx(data, 0)


def _check_size(raw: bytes) -> None:
    if len(raw) != SEED_SIZE:
        raise ValueError(f"a key of {len(raw)} bytes")


def _not_an_nkey(text: str, why: str) -> InvalidInputError:
    return InvalidInputError(f"{text!r:.80} is not a key as NATS writes them: it {why}.")


def _not_a_seed() -> InvalidInputError:
    return InvalidInputError("This is not a seed as NATS writes them.", hint="Copy it again.")
