"""The lobby of a hub, as a node sees it: where channels are registered and looked up."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from kachery_core.errors import HubNotTrustedError, HubUnreachableError, InvalidRequestError
from kachery_core.subjects import inbox_prefix
from kachery_core.wire.hub import (
    LARGEST_LOBBY_MESSAGE,
    LOOKUP,
    MOST_DEPOSITS_AT_ONCE,
    REGISTER,
    Found,
    Lookup,
    Registered,
    Registration,
    encode_lookup,
    guest_token,
    lobby_subject,
    read_lobby_answer,
    sign_registration,
)
from kachery_daemon.network.connections import Connection, HubRefusedError
from kachery_daemon.network.switch import Switch
from kachery_daemon.network.tls import ssl_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from nats.aio.msg import Msg

    from kachery_core.hub_urls import HubUrl
    from kachery_core.keys import Signer
    from kachery_core.wire.hub import Deposit
    from kachery_daemon.system.threads import Threads

_ANSWER_SECONDS = 15.0
_STARTING_SECONDS = 5.0
_PAUSE_SECONDS = 0.1


class Lobby:
    """The lobby of one hub; a connection is opened for each visit.

    Args:
        hub_url: where the hub is.
        node: holds this node's key; nobody else gets what waits for this node.
        threads: for looking at the hub's certificate.
        switch: whether hubs may be visited; always, if None.
    """

    def __init__(
        self, hub_url: HubUrl, node: Signer, threads: Threads, switch: Switch | None = None
    ) -> None:
        self._hub_url = hub_url
        self._node = node
        self._threads = threads
        self._switch = switch or Switch()

    async def register(self, channel: Signer, record: str, deposits: Sequence[Deposit]) -> int:
        """Tell the hub what is new of a channel; no crash of the hub loses it afterwards.

        Args:
            channel: holds the channel's key.
            record: the newest record of the channel.
            deposits: what shall wait for its members; who is not named keeps what waits.

        Returns:
            The version of the record that the hub has now.

        Raises:
            BadMembershipError: the hub knows a newer record; its version is in `known_version`.
            OverLimitError: no room for it, or too much is asked of the hub at the moment.
            HubUnreachableError: no hub answers.
            HubNotTrustedError: it is another hub.
        """
        version = 0
        async with self._visit() as visit:
            for begin in range(0, max(1, len(deposits)), MOST_DEPOSITS_AT_ONCE):
                part = list(deposits[begin : begin + MOST_DEPOSITS_AT_ONCE])
                message = sign_registration(channel, Registration(record, part))
                version = _registered(await visit.ask(REGISTER, message)).version
        return version

    async def lookup(self, channel_id: str) -> Found:
        """What is new of a channel, and what waits there for this node.

        Nothing of it is verified yet: a hub may hold back what is new, or answer anything.

        Raises:
            ChannelNotFoundError: the hub does not know the channel.
            OverLimitError: too much is asked of the hub at the moment.
            HubUnreachableError: no hub answers.
            HubNotTrustedError: it is another hub.
        """
        async with self._visit() as visit:
            return _found(await visit.ask(LOOKUP, encode_lookup(Lookup(channel_id))))

    @asynccontextmanager
    async def _visit(self) -> AsyncIterator[_Visit]:
        self._switch.check()
        context = await self._threads.run(ssl_context, self._hub_url)
        token = guest_token(self._hub_url, self._node.public_key)
        connection = Connection(self._hub_url, token, self._node, "kachery lobby")
        try:
            try:
                await connection.open(context)
            except HubRefusedError as problem:
                raise HubNotTrustedError(
                    f"The hub at {self._hub_url.server} does not let this node into its lobby.",
                    hint="It was made anew, or it is full; ask who runs it for its URL.",
                    hub=self._hub_url.server,
                ) from problem
            with self._switch.guarding(connection.close):
                yield _Visit(connection, self._hub_url, self._node.public_key)
        finally:
            await connection.close()


class _Visit:
    """One connection to the lobby, for one question after the other."""

    def __init__(self, connection: Connection, hub_url: HubUrl, node_id: str) -> None:
        self._connection = connection
        self._hub_url = hub_url
        self._node_id = node_id

    async def ask(self, request: str, message: bytes) -> Registered | Found:
        """Send a request and wait for the answer."""
        if len(message) > LARGEST_LOBBY_MESSAGE:
            raise InvalidRequestError(
                f"A hub takes {LARGEST_LOBBY_MESSAGE:,} bytes about a channel at once, not"
                f" {len(message):,}.",
                hint="The record names too many revocations; make a new channel.",
            )
        end = time.monotonic() + _STARTING_SECONDS
        while not (data := await self._ask_once(request, message)):
            # Nobody listens there: the hub is just being started.
            if time.monotonic() > end:
                raise self._silent("is not there")
            await asyncio.sleep(_PAUSE_SECONDS)
        return read_lobby_answer(data)

    async def _ask_once(self, request: str, message: bytes) -> bytes:
        """The answer; empty if nobody listens there."""
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        async def hear(heard: Msg) -> None:
            if not answer.done():
                answer.set_result(heard)

        inbox = f"{inbox_prefix(self._node_id)}.{secrets.token_hex(8)}"
        subscription = await self._connection.subscribe(inbox, hear)
        try:
            await self._connection.publish(lobby_subject(request, self._node_id), message, inbox)
            return bytes((await self._answer(answer)).data)
        finally:
            await self._connection.unsubscribe(subscription)

    async def _answer(self, answer: asyncio.Future[Msg]) -> Msg:
        """Wait for the answer, or for the end of the connection, whichever comes first."""
        ended = asyncio.ensure_future(self._connection.ended.wait())
        either: set[asyncio.Future[Any]] = {answer, ended}
        try:
            await asyncio.wait(either, timeout=_ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if not answer.done():
            raise self._silent("does not answer")
        return answer.result()

    def _silent(self, what: str) -> HubUnreachableError:
        return HubUnreachableError(
            f"The registrar of the hub at {self._hub_url.server} {what}.",
            hint="Try again; `kachery hub status` where it runs says more.",
            hub=self._hub_url.server,
        )


def _registered(answer: Registered | Found) -> Registered:
    if not isinstance(answer, Registered):
        raise _confused()
    return answer


def _found(answer: Registered | Found) -> Found:
    if not isinstance(answer, Found):
        raise _confused()
    return answer


def _confused() -> InvalidRequestError:
    return InvalidRequestError(
        "The hub answered another question than the one that was asked.",
        hint="Compare the versions of kachery here and at the hub.",
    )
