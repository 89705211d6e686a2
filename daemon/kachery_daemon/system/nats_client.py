"""Connections to nats-server, and what goes wrong with them in our words.

A connection that is lost stays lost: whoever opened it opens another, because nats-py gives up for
good when the server sends it away, and because the server may say why only to a new one.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import math
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.errors import HubNotTrustedError, HubUnreachableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nats.aio.client import Client

    from kachery_core.keys import Signer

CONNECT_SECONDS = 5.0
_CLOSE_SECONDS = 2.0
# What OpenSSL calls a greeting that is not TLS.
_NOT_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
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


@dataclass(frozen=True)
class Manner:
    """How a connection is kept.

    Attributes:
        connect_seconds: for an attempt to connect, all in all.
        ping_seconds: between nats-py's own looks whether the server is there.
        most_pings: of them without an answer before the connection ends.
        most_pending: bytes that wait here when the network is slower than the program.
        hears_itself: whether what is published comes back to who subscribed to it.
    """

    connect_seconds: float = 2 * CONNECT_SECONDS
    ping_seconds: int = 10
    most_pings: int = 2
    most_pending: int = 16 << 20
    hears_itself: bool = True


class RefusedError(Exception):
    """The server does not let this user in; what that means is for the caller to say."""


async def open_connection(
    server: Server,
    user: User,
    *,
    name: str = "kachery",
    manner: Manner | None = None,
    on_error: Callable[[Exception], Awaitable[None]] | None = None,
    on_end: Callable[[], Awaitable[None]] | None = None,
) -> Client:
    """Connect to a server.

    Args:
        server: where.
        user: as whom.
        name: what the server shows to who runs it.
        manner: see there.
        on_error: told of errors while it is open, such as a subject that is not allowed.
        on_end: told once when the connection has ended, for whatever reason.

    Raises:
        HubUnreachableError: nothing answers there, or not as a hub does.
        HubNotTrustedError: it is not the server that was meant.
        RefusedError: it does not let this user in.
    """
    from nats.aio.client import Client  # noqa: PLC0415 - a node without channels does without
    from nats.errors import Error  # noqa: PLC0415

    from kachery_daemon.system.nats_transport import WideTransport  # noqa: PLC0415

    manner = manner or Manner()
    connection = Client()
    connection._transport = WideTransport()  # noqa: SLF001 - there is no other way
    complaints: list[Exception] = []

    async def note(problem: Exception) -> None:
        # nats-py says only that no server is left; why, it says here.
        complaints.append(problem)
        await (on_error or _note)(problem)
        del complaints[:-1]

    try:
        await asyncio.wait_for(
            connection.connect(
                server.address,
                tls=server.context,
                tls_handshake_first=server.context is not None,
                user_jwt_cb=lambda: bytearray(user.token.encode("ascii")),
                signature_cb=lambda nonce: base64.b64encode(user.signer.sign(nonce.encode())),
                inbox_prefix=f"_INBOX_{user.nkey}".encode(),
                name=name,
                error_cb=note,
                closed_cb=on_end,
                allow_reconnect=False,
                # It tries so often even so; 0 would be without end.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=math.ceil(min(CONNECT_SECONDS, manner.connect_seconds)),
                ping_interval=manner.ping_seconds,
                max_outstanding_pings=manner.most_pings,
                pending_size=manner.most_pending,
                no_echo=not manner.hears_itself,
            ),
            manner.connect_seconds,
        )
    except BaseException as problem:
        # What was opened is not closed by itself.
        await close_connection(connection)
        if isinstance(problem, (Error, OSError, asyncio.TimeoutError, ValueError, EOFError)):
            raise connection_error(server.address, (complaints or [problem])[-1]) from problem
        raise
    return connection


async def publish_pieces(
    connection: Client, subject: str, pieces: Sequence[bytes | memoryview], reply: str = ""
) -> None:
    """Send one message that is in several pieces, without making one of them.

    nats-py would copy megabytes twice. The pieces must stay as they are.

    Raises:
        Error: of nats-py: the connection has ended.
    """
    size = sum(map(len, pieces))
    if connection.is_closed or size > connection.max_payload:
        await connection.publish(subject, b"".join(pieces), reply)  # it says what is wrong
        return
    head = f"PUB {subject} {reply} {size}\r\n".encode()
    # All at once: between two awaits others may send.
    connection._pending += [head, *pieces, b"\r\n"]  # type: ignore[list-item]  # noqa: SLF001
    connection._pending_data_size += len(head) + size  # noqa: SLF001
    await connection._send_command(b"")  # noqa: SLF001 - waits while too much is pending
    await connection._flush_pending()  # noqa: SLF001


async def close_connection(connection: Client) -> None:
    """End a connection, whatever state it is in; may be called twice."""
    try:
        await asyncio.wait_for(connection.close(), _CLOSE_SECONDS)
    except Exception as problem:  # noqa: BLE001 - whatever it is, the connection is over
        _log.debug("closing a connection: %s", problem)


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
    words = str(problem).lower()
    if "authorization" in words or "authentication" in words:
        return RefusedError(address)
    if isinstance(problem, ssl.SSLError) and problem.reason in _NOT_TLS:
        return HubUnreachableError(
            f"What answers at {address} does not begin with TLS, as a hub does.",
            hint="Compare the hub's URL; an existing nats-server needs `handshake_first`.",
            hub=address,
        )
    reason = _reason(problem)
    return HubUnreachableError(
        f"The hub at {address} does not answer: {reason}.",
        hint="Does it run (`kachery hub status` there), and does a firewall let this port through?",
        hub=address,
    )


def _reason(problem: Exception) -> str:
    if isinstance(problem, (asyncio.TimeoutError, TimeoutError)):
        return "no answer in time"
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__


async def _note(problem: Exception) -> None:
    _log.debug("connection to a hub: %s", problem)
