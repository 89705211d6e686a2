"""The registrar: sits in the lobby of a nats-server, and tells it of the accounts of channels."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import HubUnreachableError, KacheryError, UnavailableError
from kachery_core.nkeys import node_id_of
from kachery_core.records import read_record
from kachery_core.subjects import is_inbox_of
from kachery_core.wire.hub import LOOKUP, REGISTER
from kachery_daemon.hub.accounts import channel_token, lobby_token, own_user_token
from kachery_daemon.hub.desk import FrontDesk
from kachery_daemon.hub.identity import make_key
from kachery_daemon.system.nats_client import RefusedError, User, close_connection, open_connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from kachery_core.records import Record
    from kachery_core.wire.hub import LobbyAnswer
    from kachery_daemon.hub.directory import Directory, Known
    from kachery_daemon.hub.identity import Key, Keys
    from kachery_daemon.system.nats_client import Server
    from kachery_daemon.system.threads import Threads

_UPDATE = "$SYS.REQ.CLAIMS.UPDATE"
_UPDATE_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 5.0
_TOLD_TOGETHER = 64
_MOST_WAITING = 256
_MOST_WAITING_BYTES = 32 << 20
_log = logging.getLogger(__name__)


class _Told(msgspec.Struct):
    """What nats-server says of an account it was told."""

    code: int = 0
    message: str = ""
    description: str = ""


class _UpdateAnswer(msgspec.Struct):
    data: _Told | None = None
    error: _Told | None = None


class Registrar:
    """The registrar of one hub.

    Args:
        keys: the hub's.
        directory: what it knows.
        server: the nats-server, as seen from here.
        system_user: who may tell the server of accounts; a user of the hub's own system account
            if None.
        threads: for signatures and the disk.
    """

    def __init__(
        self,
        keys: Keys,
        directory: Directory,
        server: Server,
        threads: Threads,
        system_user: User | None = None,
    ) -> None:
        self._keys = keys
        self._directory = directory
        self._server = server
        self._threads = threads
        self._system_user = system_user or _own_user(keys.system)
        self._lobby_user = _own_user(keys.lobby)
        self._desk = FrontDesk(directory, threads, self._announce)
        self._system: Client | None = None
        self._ready = asyncio.Event()
        self._trouble: KacheryError | None = None
        # What was entered first is announced first, and before a new server is told everything.
        self._entering = asyncio.Lock()
        self._answers: set[asyncio.Task[None]] = set()
        self._work: asyncio.Task[None] | None = None

    async def start(self, seconds: float) -> None:
        """Begin, and wait until nodes can register.

        Args:
            seconds: how long to wait; the registrar goes on trying afterwards.

        Raises:
            KacheryError: why it is not ready in time.
        """
        self._work = asyncio.ensure_future(self._stay())
        try:
            await asyncio.wait_for(self._ready.wait(), seconds)
        except asyncio.TimeoutError:
            raise self._trouble or HubUnreachableError(
                f"The server at {self._server.address} does not answer."
            ) from None

    async def stop(self) -> None:
        """Leave; may be called twice."""
        for task in (self._work, *self._answers):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _stay(self) -> None:
        """Be there, whatever becomes of the server."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._sit()
                pause = _FIRST_PAUSE_SECONDS
            except RefusedError:
                self._say(_not_our_server(self._server.address))
            except KacheryError as problem:
                self._say(problem)
            except Exception:  # noqa: BLE001 - a hub without a registrar is no hub
                _log.exception("the registrar failed; it begins again")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _say(self, problem: KacheryError) -> None:
        if str(problem) != str(self._trouble):
            _log.warning("%s", problem)
        self._trouble = problem

    async def _sit(self) -> None:
        """Answer in the lobby until a connection ends."""
        ended = asyncio.Event()
        async with AsyncExitStack() as stack:
            system = await self._connect(stack, self._system_user, ended)
            async with self._entering:
                self._system = system
                # A server of somebody else's does not know it, or knows an older one.
                await self._tell(lobby_token(self._keys))
                await self._announce_all()
            lobby = await self._connect(stack, self._lobby_user, ended)
            await self._listen(lobby, REGISTER, self._register)
            await self._listen(lobby, LOOKUP, self._desk.lookup)
            await lobby.flush()
            self._trouble = None
            self._ready.set()
            _log.info("the registrar is in the lobby")
            stack.callback(self._ready.clear)
            await ended.wait()

    async def _connect(self, stack: AsyncExitStack, user: User, ended: asyncio.Event) -> Client:
        async def end() -> None:
            ended.set()

        connection = await open_connection(self._server, user, name="registrar", on_end=end)
        stack.push_async_callback(close_connection, connection)
        return connection

    async def _listen(
        self,
        lobby: Client,
        request: str,
        answer: Callable[[str, bytes], Awaitable[LobbyAnswer]],
    ) -> None:
        turns = asyncio.Semaphore(_TOLD_TOGETHER)

        async def receive(message: Msg) -> None:
            await turns.acquire()
            task = asyncio.ensure_future(_answer(message, answer))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)
            task.add_done_callback(lambda _: turns.release())

        # What is too much for us is dropped, and asked again.
        await lobby.subscribe(
            f"{request}.*",
            cb=receive,
            pending_msgs_limit=_MOST_WAITING,
            pending_bytes_limit=_MOST_WAITING_BYTES,
        )

    async def _register(self, nkey: str, data: bytes) -> LobbyAnswer:
        async with self._entering:
            return await self._desk.register(nkey, data)

    async def _announce(self, record: Record, signed_at: int) -> None:
        """Tell the server of a channel's account.

        Raises:
            UnavailableError: it did not take it; it is told again when it comes back.
        """
        await self._tell(await self._threads.run(channel_token, self._keys, record, signed_at))

    async def _tell(self, token: str) -> None:
        from nats.errors import Error  # noqa: PLC0415 - as open_connection

        if self._system is None:
            raise HubUnreachableError("The hub's server is being started.", hint="Try again.")
        try:
            reply = await self._system.request(_UPDATE, token.encode(), timeout=_UPDATE_SECONDS)
            answer = msgspec.json.decode(reply.data, type=_UpdateAnswer)
        except (Error, asyncio.TimeoutError, msgspec.MsgspecError) as problem:
            raise HubUnreachableError(
                "The hub's server does not answer its registrar.", hint="Try again."
            ) from problem
        if answer.error is not None:
            _log.error("the server refuses an account: %s", answer.error.description)
            raise UnavailableError(
                "The hub's server refuses the channel.",
                hint="Tell who runs the hub; its log says why.",
            )

    async def _announce_all(self) -> None:
        """Tell the server of every channel: it may be a new one, or have lost some."""
        channels = self._directory.channels()
        while group := await self._threads.run(_next_group, channels):
            await asyncio.gather(*(self._announce(*entry) for entry in group))


async def _answer(message: Msg, answer: Callable[[str, bytes], Awaitable[LobbyAnswer]]) -> None:
    """Answer one request; the last part of its subject is who asks, as the server made sure."""
    from nats.errors import Error  # noqa: PLC0415 - as open_connection

    nkey = message.subject.rpartition(".")[2]
    if not is_inbox_of(node_id_of(nkey), message.reply):
        return  # whoever wants somebody else to hear of it gets nothing
    reply = await answer(nkey, message.data)
    try:
        await message.respond(msgspec.msgpack.encode(reply))
    except Error as problem:
        _log.debug("an answer in the lobby was lost: %s", problem)


def _next_group(channels: Iterator[Known]) -> list[tuple[Record, int]]:
    group = []
    for known in channels:
        group.append((read_record(known.record), known.signed_at))
        if len(group) == _TOLD_TOGETHER:
            break
    return group


def _own_user(account: Key) -> User:
    user = make_key("user")
    return User(user.nkey, own_user_token(account, user), user.signer)


def _not_our_server(address: str) -> UnavailableError:
    return UnavailableError(
        f"The nats-server at {address} does not know the keys of this hub.",
        hint="Give it what `kachery hub export-config` writes.",
    )
