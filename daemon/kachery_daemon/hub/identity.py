"""What makes a hub this hub: its keys and its certificate, both made once and kept.

The URL of a hub names both, so losing them is losing every channel's way to it: they are written
whole or not at all, and never made anew over something that cannot be read.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from kachery_core.errors import InvalidInputError, KeyUnsafeError
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_core.nkeys import decode_seed, encode_public, encode_seed
from kachery_daemon.system.private_files import read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_core.nkeys import Kind

KEYS_FILE = "keys.json"
CERTIFICATE_FILE = "tls.pem"
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kachery hub")])
# Whoever connects compares the certificate itself; dates could only go wrong, with a clock that is.
_FIRST_DAY = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)
_LAST_DAY = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.timezone.utc)


@dataclass(frozen=True)
class Key:
    """A key as NATS writes it.

    Attributes:
        nkey: its public half.
        seed: its private half.
        signer: signs with it.
    """

    nkey: str
    seed: str
    signer: SeedSigner

    def __repr__(self) -> str:
        return f"Key of {self.nkey}"


def make_key(kind: Kind, raw: bytes | None = None) -> Key:
    """A key of 32 random bytes, or of those given."""
    raw = os.urandom(SEED_SIZE) if raw is None else raw
    signer = SeedSigner(raw)
    public = encode_public(kind, bytes.fromhex(signer.public_key))
    return Key(public, encode_seed(kind, raw), signer)


@dataclass(frozen=True)
class Keys:
    """The keys of a hub.

    Attributes:
        operator: signs the accounts of channels.
        system: the account that may change accounts.
        lobby: the account of the front desk.
        guest: signs in who comes to the front desk, for nothing else; part of the hub's URL.
    """

    operator: Key
    system: Key
    lobby: Key
    guest: Key


@dataclass(frozen=True)
class Certificate:
    """The hub's certificate, made by itself.

    Attributes:
        path: PEM file with the private key and the certificate.
        pem: the certificate alone.
        fingerprint: SHA-256 of the certificate (DER), 32 bytes.
    """

    path: Path
    pem: str
    fingerprint: bytes


class _Seeds(msgspec.Struct, forbid_unknown_fields=True):
    """The file of keys."""

    operator: str
    system: str
    lobby: str
    guest: str


def hub_keys(data: Path) -> Keys:
    """The keys in a hub's data folder; made when there are none.

    Raises:
        KeyUnsafeError: others may read them, or they are damaged.
        OSError: the disk.
    """
    path = data / KEYS_FILE
    if not path.exists():
        write_private(path, msgspec.json.format(msgspec.json.encode(_new_seeds())) + b"\n")
    try:
        seeds = msgspec.json.decode(read_private(path), type=_Seeds)
        return Keys(
            _read_key("operator", seeds.operator),
            _read_key("account", seeds.system),
            _read_key("account", seeds.lobby),
            _read_key("account", seeds.guest),
        )
    except (msgspec.DecodeError, InvalidInputError) as problem:
        raise KeyUnsafeError(
            f"The file {path} does not hold the keys of a hub.",
            hint="Restore it from a backup; without it, every channel needs a new hub URL.",
            path=str(path),
        ) from problem


def hub_certificate(data: Path) -> Certificate:
    """The certificate in a hub's data folder; made when there is none.

    Raises:
        KeyUnsafeError: others may read its key, or it is damaged.
        OSError: the disk.
    """
    path = data / CERTIFICATE_FILE
    if not path.exists():
        write_private(path, _new_certificate())
    try:
        certificate = x509.load_pem_x509_certificate(read_private(path))
    except ValueError as problem:
        raise KeyUnsafeError(
            f"The file {path} does not hold the certificate of a hub.",
            hint="Restore it from a backup; without it, every channel needs a new hub URL.",
            path=str(path),
        ) from problem
    der = certificate.public_bytes(Encoding.DER)
    pem = certificate.public_bytes(Encoding.PEM).decode("ascii")
    return Certificate(path, pem, hashlib.sha256(der).digest())


def _new_seeds() -> _Seeds:
    accounts = (make_key("account").seed for _ in range(3))
    return _Seeds(make_key("operator").seed, *accounts)


def _read_key(kind: Kind, text: str) -> Key:
    found, raw = decode_seed(text)
    if found != kind:
        raise InvalidInputError(f"A key of an {kind} is expected here, not of an {found}.")
    return make_key(kind, raw)


def _new_certificate() -> bytes:
    key = Ed25519PrivateKey.generate()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FIRST_DAY)
        .not_valid_after(_LAST_DAY)
        .sign(key, None)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)
