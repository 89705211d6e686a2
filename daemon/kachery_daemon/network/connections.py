"""One connection to a hub. It ends for good when it ends; `hub_link` opens the next one.

nats-py is imported when the first connection is opened: a node without channels never needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from kachery_core.errors import HubUnreachableError
from kachery_core.nkeys import user_nkey
from kachery_daemon.network.ending import end_tasks, within
from kachery_daemon.system.nats_client import (
    CONNECT_SECONDS,
    Manner,
    RefusedError,
    Server,
    User,
    open_connection,
    publish_pieces,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Sequence

    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from kachery_core.hub_urls import HubUrl
    from kachery_core.keys import Signer

# So often a hub that sends nothing is asked whether it is there.
_PULSE_SECONDS = 0.75
# One that sends nothing for so long then is taken for lost; looked at so often.
_SILENT_SECONDS = 1.5
_LOOKS = 6
_CLOSE_SECONDS = 0.5
# What nats-py does about a lost connection takes half a minute more: its own pings are for nothing.
_MANNER = Manner(ping_seconds=60, most_pending=8 << 20, hears_itself=False)
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

    async def open(
        self, context: ssl.SSLContext | None, seconds: float = 2 * CONNECT_SECONDS
    ) -> None:
        """Connect.

        Args:
            context: for TLS; None without.
            seconds: to try it for.

        Raises:
            HubUnreachableError: nobody answers in time, or somebody who is no hub.
            HubNotTrustedError: it is not the hub that was meant.
            HubRefusedError: the hub does not accept this user.
        """
        _quieten()
        standing = User(user_nkey(self._signer.public_key), self._jwt, self._signer)
        try:
            self._client = await open_connection(
                Server(self._hub_url.server, context),
                standing,
                name=self._label,
                manner=replace(_MANNER, connect_seconds=seconds),
                on_error=self._note,
                on_end=self._end,
            )
        except RefusedError as problem:
            self.ended.set()
            raise HubRefusedError(str(problem)) from problem
        except BaseException:
            self.ended.set()
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

    async def publish_pieces(
        self, subject: str, pieces: Sequence[bytes | memoryview], reply: str = ""
    ) -> None:
        """Send one message of several pieces, which stay as they are; see `publish`."""
        from nats.errors import Error  # noqa: PLC0415 - see `open`

        client = self._open_client()
        try:
            await publish_pieces(client, subject, pieces, reply)
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
        """Find out that the hub has fallen silent, within seconds; ends with the connection.

        A hub that sends something is there, however long its answer waits behind megabytes.
        """
        seen = self._received()
        while not self.ended.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await within(self.ended.wait(), _PULSE_SECONDS)
            before, seen = seen, self._received()
            if self.ended.is_set() or seen != before:
                continue
            try:
                await self._ping(seen)
            except HubUnreachableError as problem:
                _log.debug("lost: %s", problem)
                self.ended.set()

    async def _ping(self, seen: int) -> None:
        """Ask for a sign of life, and wait for any."""
        asking = asyncio.ensure_future(self.settle(_SILENT_SECONDS))
        try:
            for _ in range(_LOOKS):
                done, _ = await asyncio.wait({asking}, timeout=_SILENT_SECONDS / _LOOKS)
                if done or self._received() != seen:
                    break
            else:
                raise unreachable(self._hub_url, None)
            if asking.done():
                asking.result()
        finally:
            await end_tasks([asking])

    def _received(self) -> int:
        """Bytes that came so far."""
        transport = getattr(self._client, "_transport", None)
        return int(getattr(transport, "received", 0))

    def _open_client(self) -> Client:
        if self._client is None or self.ended.is_set():
            raise unreachable(self._hub_url, None)
        return self._client

    async def _note(self, problem: Exception) -> None:
        """Count what the hub or nats-py complains of while the connection goes on."""
        from nats.errors import SlowConsumerError  # noqa: PLC0415 - see `open`

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
    if transport is not None:
        transport.abort()


def _quieten() -> None:
    """Leave out of the log what is said here in better words: nats-py logs what it also reports."""
    logging.getLogger("nats").setLevel(logging.CRITICAL)


def unreachable(hub_url: HubUrl, problem: BaseException | None) -> HubUnreachableError:
    """The error for a hub that does not answer."""
    why = f": {problem}" if problem is not None and str(problem) else ""
    return HubUnreachableError(
        f"The hub {hub_url.server} does not answer{why}.",
        hint="The node tries again by itself. Is the hub running, and reachable from here?",
        hub=hub_url.server,
    )
