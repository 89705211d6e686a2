"""TLS to a hub: the one certificate that its URL names, and no other."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from typing import TYPE_CHECKING

from kachery_core.errors import HubNotTrustedError, HubUnreachableError
from kachery_daemon.system.nats_client import connection_error, trusting

if TYPE_CHECKING:
    from kachery_core.hub_urls import HubUrl

_CONNECT_SECONDS = 5.0


def ssl_context(hub_url: HubUrl) -> ssl.SSLContext | None:
    """What a connection to a hub has to trust; None for a hub without TLS.

    Blocking: it asks the hub for its certificate, which is compared with the URL and then is the
    only one that the context accepts. A certificate that was changed is noticed here, in words.

    Raises:
        HubUnreachableError: nothing answers there, or not as a hub does.
        HubNotTrustedError: it has another certificate.
    """
    if hub_url.pin is None:
        return None
    certificate = _certificate(hub_url)
    if not hmac.compare_digest(hashlib.sha256(certificate).digest(), hub_url.pin):
        raise HubNotTrustedError(
            f"The server at {hub_url.server} has not the certificate that the hub's URL names.",
            hint="Somebody may be between you and the hub, or it was made anew: ask who runs it"
            " for its URL.",
            hub=hub_url.server,
        )
    return trusting(ssl.DER_cert_to_PEM_cert(certificate))


def _certificate(hub_url: HubUrl) -> bytes:
    """What the server shows to anybody; who it is is not known yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((hub_url.host, hub_url.port), _CONNECT_SECONDS) as plain,
            context.wrap_socket(plain) as connection,
        ):
            return connection.getpeercert(binary_form=True) or b""
    except (OSError, ValueError) as problem:
        raise _unreachable(hub_url, problem) from problem


def _unreachable(hub_url: HubUrl, problem: Exception) -> HubUnreachableError:
    error = connection_error(hub_url.server, problem)
    if isinstance(error, HubUnreachableError):
        return error
    return HubUnreachableError(f"The hub at {hub_url.server} does not answer: {problem}.")
