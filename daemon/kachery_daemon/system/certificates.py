"""Certificates that are known one by one, instead of being vouched for by somebody else."""

from __future__ import annotations

import socket
import ssl

_CONNECT_SECONDS = 5.0


def trusting(certificates: str) -> ssl.SSLContext:
    """A TLS context that trusts these certificates and nothing else.

    Args:
        certificates: PEM. Names do not matter: whoever has its key is meant, wherever it is.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # The one certificate is enough, whoever issued it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificates)
    return context


def shown_certificate(host: str, port: int, context: ssl.SSLContext | None = None) -> bytes:
    """The certificate (DER) that a server shows. Blocking.

    Args:
        host: name or address.
        port: TCP port.
        context: what it has to prove; None to take it from anybody.

    Raises:
        OSError: nobody answers there, or not with TLS, or not as the context wants it.
    """
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), _CONNECT_SECONDS) as plain,
        context.wrap_socket(plain) as connection,
    ):
        return connection.getpeercert(binary_form=True) or b""
