"""Connections to nats-server, and what goes wrong with them in our words.

A connection that is lost stays lost: whoever opened it opens another, because nats-py gives up for
good when the server sends it away, and because the server may say why only to a new one.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.errors import HubNotTrustedError, HubUnreachableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.client import Client

    from kachery_core.keys import Signer

_CONNECT_SECONDS = 5
_PING_SECONDS = 10
_MOST_PINGS = 2
# What waits here when the network is slower than the program.
_MOST_PENDING = 16 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Server:
    """Where a server is, and how it is known.

    Attributes:
        address: tls://HOST:PORT or nats://HOST:PORT.
        context: what its certificate must be; None without TLS.
    """

    address: str
    context: ssl.SSLContext | None


@dataclass(frozen=True)
class User:
    """Who connects.

    Attributes:
        nkey: of the user.
        token: what somebody the server believes says of it; not a secret, but not for logs.
        signer: proves that it is this user.
    """

    nkey: str
    token: str = field(repr=False)
    signer: Signer = field(repr=False)


class RefusedError(Exception):
    """The server does not let this user in; what that means is for the caller to say."""


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


async def open_connection(
    server: Server,
    user: User,
    *,
    name: str = "kachery",
    on_error: Callable[[Exception], Awaitable[None]] | None = None,
    on_end: Callable[[], Awaitable[None]] | None = None,
) -> Client:
    """Connect to a server.

    Args:
        server: where.
        user: as whom.
        name: what the server shows to who runs it.
        on_error: told of errors while it is open, such as a subject that is not allowed.
        on_end: told once when the connection has ended, for whatever reason.

    Raises:
        HubUnreachableError: nothing answers there, or not as a hub does.
        HubNotTrustedError: it is not the server that was meant.
        RefusedError: it does not let this user in.
    """
    from nats.aio.client import Client  # noqa: PLC0415 - a node without channels does without
    from nats.errors import Error  # noqa: PLC0415

    connection = Client()
    try:
        await connection.connect(
            server.address,
            tls=server.context,
            tls_handshake_first=server.context is not None,
            user_jwt_cb=lambda: bytearray(user.token.encode("ascii")),
            signature_cb=lambda nonce: base64.b64encode(user.signer.sign(nonce.encode())),
            inbox_prefix=f"_INBOX_{user.nkey}".encode(),
            name=name,
            error_cb=on_error or _note,
            closed_cb=on_end,
            allow_reconnect=False,
            connect_timeout=_CONNECT_SECONDS,
            ping_interval=_PING_SECONDS,
            max_outstanding_pings=_MOST_PINGS,
            pending_size=_MOST_PENDING,
        )
    except BaseException as problem:
        # What was opened is not closed by itself.
        await connection.close()
        if isinstance(problem, (Error, OSError, asyncio.TimeoutError, ValueError)):
            raise connection_error(server.address, problem) from problem
        raise
    return connection


def connection_error(
    address: str, problem: Exception
) -> HubUnreachableError | HubNotTrustedError | RefusedError:
    """What a failed attempt to connect means."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return HubNotTrustedError(
            f"The server at {address} does not have the certificate of the hub.",
            hint="Somebody may be between you and the hub, or it was made anew: ask who runs it"
            " for its URL.",
            hub=address,
        )
    if "authorization" in str(problem).lower():
        return RefusedError(address)
    if isinstance(problem, ssl.SSLError):
        return HubUnreachableError(
            f"What answers at {address} does not begin with TLS, as a hub does.",
            hint="Compare the hub's URL; an existing nats-server needs `handshake_first`.",
            hub=address,
        )
    reason = getattr(problem, "strerror", None) or str(problem) or "no answer in time"
    return HubUnreachableError(
        f"The hub at {address} does not answer: {reason}.",
        hint="Does it run (`kachery hub status` there), and does a firewall let this port through?",
        hub=address,
    )


async def _note(problem: Exception) -> None:
    _log.debug("connection to a hub: %s", problem)
