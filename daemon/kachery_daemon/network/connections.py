"""One connection to a hub. It ends for good when it ends; `hub_link` opens the next one.

nats-py is imported when the first connection is opened: a node without channels never needs it.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from typing import TYPE_CHECKING, Any

from kachery_core.errors import HubUnreachableError
from kachery_daemon.network.ending import end_tasks

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from kachery_core.hub_urls import HubUrl
    from kachery_core.keys import Signer

CONNECT_SECONDS = 5.0
# A hub that does not answer for this long is taken for lost.
_PULSE_SECONDS = 5.0
# nats-py's own pings: what it does about a lost connection takes half a minute more.
_PING_SECONDS = 60
_CLOSE_SECONDS = 0.5
# What may wait for the network, or for its reader, on one connection.
_PENDING_BYTES = 8 << 20
_UNREAD_MESSAGES = 4096
_UNREAD_BYTES = 64 << 20
_NOBODY = "503"
_log = logging.getLogger(__name__)


class HubRefusedError(Exception):
    """The hub is there, and does not let this membership in: revoked, expired, or unknown."""


class Connection:
    """One connection to a hub, as one user of one account.

    Args:
        hub_url: where.
        jwt: the membership, or another user JWT.
        signer: holds the key of that user.
        label: what the hub's operator sees.
    """

    def __init__(self, hub_url: HubUrl, jwt: str, signer: Signer, label: str) -> None:
        self._hub_url = hub_url
        self._jwt = jwt
        self._signer = signer
        self._label = label
        self._client: Client | None = None
        self._complaint: Exception | None = None
        self._pulse: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()
        self.dropped = 0
        self.refused_subjects = 0

    @property
    def is_open(self) -> bool:
        """Whether messages pass."""
        return self._client is not None and self._client.is_connected and not self.ended.is_set()

    @property
    def largest_message(self) -> int:
        """The most bytes the hub takes in one message."""
        return 0 if self._client is None else int(self._client.max_payload)

    async def open(self, context: ssl.SSLContext | None) -> None:
        """Connect.

        Args:
            context: for TLS; None without.

        Raises:
            HubUnreachableError: nobody answers in time, or somebody who is no hub.
            HubRefusedError: the hub does not accept this user.
        """
        _quieten()
        from nats.aio.client import Client  # noqa: PLC0415 - not without channels
        from nats.errors import Error  # noqa: PLC0415

        self._client = Client()
        try:
            await asyncio.wait_for(
                self._client.connect(**self._options(context)), 2 * CONNECT_SECONDS
            )
        except (OSError, Error, asyncio.TimeoutError, ValueError, EOFError) as problem:
            await self.close()
            if _is_refusal(problem):
                raise HubRefusedError(str(problem)) from problem
            # nats-py says only that no server is left; why stands in what it complained of before.
            raise unreachable(self._hub_url, self._complaint or problem) from problem
        except BaseException:
            await self.close()
            raise
        self._pulse = asyncio.ensure_future(self._feel_pulse())

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        """Send one message; waits while too much is on its way.

        Raises:
            HubUnreachableError: the connection has ended.
        """
        from nats.errors import Error  # noqa: PLC0415 - see `open`

        client = self._open_client()
        try:
            await client.publish(subject, data, reply)
        except (OSError, Error) as problem:
            raise unreachable(self._hub_url, problem) from problem

    async def subscribe(
        self,
        subject: str,
        hear: Callable[[Msg], Awaitable[None]],
        *,
        unread: int = _UNREAD_MESSAGES,
    ) -> Subscription:
        """Hear what is sent to a subject; one message after the other.

        Args:
            subject: may hold wildcards.
            hear: must not raise.
            unread: how many messages may wait; what comes beyond is dropped and counted.

        Raises:
            HubUnreachableError: the connection has ended.
        """
        from nats.errors import Error  # noqa: PLC0415 - see `open`

        client = self._open_client()
        try:
            return await client.subscribe(
                subject,
                cb=hear,
                pending_msgs_limit=unread,
                pending_bytes_limit=_UNREAD_BYTES,
            )
        except (OSError, Error) as problem:
            raise unreachable(self._hub_url, problem) from problem

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Hear nothing more."""
        from nats.errors import Error  # noqa: PLC0415 - see `open`

        try:
            await subscription.unsubscribe()
        except (OSError, Error):
            _log.debug("unsubscribed after the connection had ended")

    async def settle(self, timeout: float = CONNECT_SECONDS) -> None:
        """Wait until the hub has dealt with all that was sent so far.

        Raises:
            HubUnreachableError: the connection has ended, or the hub does not answer in time.
        """
        from nats.errors import Error  # noqa: PLC0415 - see `open`

        client = self._open_client()
        try:
            await client.flush(max(1, round(timeout)))
        except (OSError, Error, asyncio.TimeoutError) as problem:
            raise unreachable(self._hub_url, problem) from problem

    async def close(self) -> None:
        """End it, whether the hub still answers or not; may be called twice."""
        self.ended.set()
        client, self._client = self._client, None
        pulse, self._pulse = self._pulse, None
        if pulse is not None and pulse is not asyncio.current_task():
            await end_tasks([pulse])
        if client is None:
            return
        closing = asyncio.ensure_future(client.close())
        await asyncio.wait({closing}, timeout=_CLOSE_SECONDS)
        if not closing.done():
            _abort(client)
        await end_tasks([closing])

    async def _feel_pulse(self) -> None:
        """Find out that the hub has fallen silent, within seconds; ends with the connection."""
        while not self.ended.is_set():
            try:
                await asyncio.wait_for(self.ended.wait(), _PULSE_SECONDS)
            except asyncio.TimeoutError:
                try:
                    await self.settle(_PULSE_SECONDS)
                except HubUnreachableError as problem:
                    _log.debug("lost: %s", problem)
                    self.ended.set()

    def _options(self, context: ssl.SSLContext | None) -> dict[str, Any]:
        options: dict[str, Any] = {
            "servers": [self._hub_url.server],
            "name": self._label,
            "user_jwt_cb": lambda: bytearray(self._jwt.encode("ascii")),
            "signature_cb": lambda nonce: base64.b64encode(self._signer.sign(nonce.encode())),
            "error_cb": self._note,
            "closed_cb": self._end,
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": 0,
            "connect_timeout": CONNECT_SECONDS,
            "ping_interval": _PING_SECONDS,
            "pending_size": _PENDING_BYTES,
            "no_echo": True,
        }
        if context is not None:
            options |= {"tls": context, "tls_handshake_first": True}
        return options

    def _open_client(self) -> Client:
        if self._client is None or self.ended.is_set():
            raise unreachable(self._hub_url, None)
        return self._client

    async def _note(self, problem: Exception) -> None:
        """Count what the hub or nats-py complains of while the connection goes on."""
        from nats.errors import SlowConsumerError  # noqa: PLC0415 - see `open`

        self._complaint = problem
        if isinstance(problem, SlowConsumerError):
            self.dropped += 1
        elif "permissions violation" in str(problem).lower():
            self.refused_subjects += 1
        _log.debug("connection to %s: %s", self._hub_url.server, problem)

    async def _end(self) -> None:
        self.ended.set()


def is_nobody(message: Msg) -> bool:
    """Whether this is the hub's word that nobody listens where a question was sent."""
    return not message.data and (message.headers or {}).get("Status") == _NOBODY


def _abort(client: Client) -> None:
    """Drop the connection without a word; nats-py has no way to say that."""
    transport = getattr(client, "_transport", None)
    writer = getattr(transport, "_io_writer", None)
    if isinstance(writer, asyncio.StreamWriter):
        writer.transport.abort()


def _quieten() -> None:
    """Leave out of the log what is said here in better words.

    nats-py logs what it also reports, tracebacks included; asyncio's streams complain of every TLS
    connection that the other side closed first.
    """
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").addFilter(_is_worth_logging)


def _is_worth_logging(record: logging.LogRecord) -> bool:
    return "eof_received()" not in str(record.msg)


def unreachable(hub_url: HubUrl, problem: BaseException | None) -> HubUnreachableError:
    """The error for a hub that does not answer."""
    why = f": {problem}" if problem is not None and str(problem) else ""
    return HubUnreachableError(
        f"The hub {hub_url.server} does not answer{why}.",
        hint="The node tries again by itself. Is the hub running, and reachable from here?",
        hub=hub_url.server,
    )


def _is_refusal(problem: BaseException) -> bool:
    words = str(problem).lower()
    return "authorization" in words or "authentication" in words
