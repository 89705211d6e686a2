"""A nats-server that somebody else runs, and what he gave us to work with it."""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kachery_core.errors import InvalidRequestError, KacheryError, KeyUnsafeError
from kachery_core.jwts import decode_jwt
from kachery_core.nkeys import decode_seed
from kachery_daemon.hub.identity import make_key
from kachery_daemon.system.certificates import shown_certificate, trusting
from kachery_daemon.system.nats_client import Server, User, connection_error
from kachery_daemon.system.private_files import read_private

if TYPE_CHECKING:
    from pathlib import Path

_PART = re.compile(r"-{3,}BEGIN ([A-Z ]+)-{3,}\s+(\S+)\s+-{3,}END ")
_TOKEN, _SEED = "NATS USER JWT", "USER NKEY SEED"


@dataclass(frozen=True)
class Attached:
    """A server of somebody else's.

    Attributes:
        server: how it is reached.
        host: where, for the hub's URL.
        port: TCP port.
        pin: SHA-256 of the certificate it shows; None without TLS.
    """

    server: Server
    host: str
    port: int
    pin: bytes | None


def attach(address: str, certificates: str) -> Attached:
    """Look at a server. Blocking.

    Args:
        address: tls://HOST:PORT, or nats://HOST:PORT without TLS.
        certificates: PEM, those that its certificate may be, or be signed by.

    Raises:
        InvalidRequestError: not such an address.
        HubNotTrustedError: it shows another certificate.
        HubUnreachableError: nothing answers there with TLS.
    """
    host, port, is_tls = _parts(address)
    if not is_tls:
        return Attached(Server(address, None), host, port, None)
    context = trusting(certificates)
    try:
        shown = shown_certificate(host, port, context)
    except (OSError, ValueError) as problem:
        raise connection_error(address, problem) from problem
    # Nodes know this one certificate, whoever signed it.
    context = trusting(ssl.DER_cert_to_PEM_cert(shown))
    return Attached(Server(address, context), host, port, hashlib.sha256(shown).digest())


def read_certificates(path: Path) -> str:
    """The certificates in a PEM file.

    Raises:
        InvalidRequestError: there are none in it.
        OSError: it cannot be read.
    """
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as problem:
        raise InvalidRequestError(
            f"The file {path} has no certificates.", hint="It has to be a PEM file."
        ) from problem
    return "".join(each.public_bytes(Encoding.PEM).decode("ascii") for each in found)


def read_credentials(path: Path) -> User:
    """A user of the server's system account, as `nsc generate creds` writes one.

    Raises:
        KeyUnsafeError: others may read the file, or there is no user in it.
        OSError: it cannot be read.
    """
    parts = dict(_PART.findall(read_private(path).decode("utf-8", "replace")))
    try:
        kind, seed = decode_seed(parts[_SEED])
        user = make_key("user", seed)
        is_right = kind == "user" and decode_jwt(parts[_TOKEN]).subject == user.nkey
    except (KeyError, KacheryError) as problem:
        raise _no_credentials(path) from problem
    if not is_right:
        raise _no_credentials(path)
    return User(user.nkey, parts[_TOKEN], user.signer)


def _parts(address: str) -> tuple[str, int, bool]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    else:
        if parts.scheme in {"tls", "nats"} and host and port and not parts.path.strip("/"):
            return host, port, parts.scheme == "tls"
    raise InvalidRequestError(
        f"{address!r} is not the address of a nats-server.",
        hint="It looks like tls://nats.example.org:4222.",
    )


def _no_credentials(path: Path) -> KeyUnsafeError:
    return KeyUnsafeError(
        f"The file {path} does not hold the credentials of a NATS user.",
        hint="`nsc generate creds` writes them, for a user of the system account.",
        path=str(path),
    )
