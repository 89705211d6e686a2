"""Whoever has a hub's URL may enter its lobby; he gets no further, and keeps nobody else out."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import msgspec
import pytest
from typing_extensions import Self

from kachery_core.errors import (
    ChannelNotFoundError,
    InvalidRequestError,
    KacheryError,
    TooBusyError,
)
from kachery_core.hub_urls import parse_hub_url
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_core.nkeys import user_nkey
from kachery_core.wire.hub import (
    LARGEST_LOBBY_MESSAGE,
    LOOKUP,
    REGISTER,
    Lookup,
    Registration,
    encode_lookup,
    guest_token,
    lobby_subject,
    read_lobby_answer,
    sign_registration,
)
from kachery_daemon.network.lobby import Lobby
from kachery_daemon.network.tls import ssl_context
from kachery_daemon.system.nats_client import Server, User, close_connection, open_connection
from kachery_daemon.system.threads import Threads
from tests.support.hubs import SampleChannel, running_hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nats.aio.client import Client

    from tests.support.hubs import RunningHub

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


class Guest:
    """A connection to the lobby that is used for anything but what it is for."""

    def __init__(self, hub: RunningHub) -> None:
        self.key = SeedSigner(os.urandom(SEED_SIZE))
        self.nkey = user_nkey(self.key.public_key)
        self._hub = hub
        self.complaints: list[str] = []
        self.connection: Client

    async def __aenter__(self) -> Self:
        url = parse_hub_url(self._hub.url)
        token = guest_token(url, self.key.public_key)
        self.connection = await open_connection(
            Server(url.server, ssl_context(url)),
            User(self.nkey, token, self.key),
            on_error=self._note,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await close_connection(self.connection)

    async def _note(self, problem: Exception) -> None:
        self.complaints.append(str(problem))

    async def ask(self, request: str, data: bytes) -> object:
        subject = lobby_subject(request, self.key.public_key)
        return read_lobby_answer((await self.connection.request(subject, data, timeout=20)).data)


async def the_lobby_still_works(hub: RunningHub) -> None:
    threads, channel = Threads(1, 1), SampleChannel()
    lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
    await lobby.register(channel.key, channel.record(), [])
    assert (await lobby.lookup(channel.id)).record
    threads.close()


def test_a_guest_speaks_only_in_his_own_name_and_hears_only_what_is_for_him(
    hub: RunningHub,
) -> None:
    async def story() -> None:
        async with Guest(hub) as guest, Guest(hub) as other:
            forbidden = [
                lobby_subject(LOOKUP, other.key.public_key),
                "lobby.lookup",
                f"_INBOX_{other.nkey}.x",
                "files.find",
                "$SYS.REQ.CLAIMS.UPDATE",
                "$JS.API.INFO",
            ]
            for subject in forbidden:
                await guest.connection.publish(subject, b"")
            for subject in (">", "lobby.>", f"_INBOX_{other.nkey}.>", "$SYS.>"):
                await guest.connection.subscribe(subject)
            await guest.connection.flush()
            await asyncio.sleep(0.05)
            refused = "\n".join(guest.complaints)
            for subject in (*forbidden, f"_INBOX_{other.nkey}.>"):
                assert f'"{subject}"'.lower() in refused
        await the_lobby_still_works(hub)

    asyncio.run(story())


def test_a_guest_cannot_have_the_answer_sent_to_somebody_else(hub: RunningHub) -> None:
    async def story() -> None:
        async with Guest(hub) as guest, Guest(hub) as other:
            heard = await other.connection.subscribe(f"_INBOX_{other.nkey}.>")
            question = encode_lookup(Lookup(SampleChannel().id))
            subject = lobby_subject(LOOKUP, guest.key.public_key)
            for reply in (f"_INBOX_{other.nkey}.x", lobby_subject(LOOKUP, other.key.public_key)):
                await guest.connection.publish(subject, question, reply)
            with pytest.raises(ChannelNotFoundError):
                await guest.ask(LOOKUP, question)
            await other.connection.flush()
            assert heard.pending_msgs == 0
            # Nor are others' turns used up in their name.
            with pytest.raises(ChannelNotFoundError):
                await other.ask(LOOKUP, question)

    asyncio.run(story())


def test_what_nobody_understands_is_answered_with_a_sentence(hub: RunningHub) -> None:
    channel = SampleChannel()
    nonsense = [
        b"",
        b"\xc1",
        os.urandom(1000),
        b"\xdd\xff\xff\xff\xff",
        b"\x91" * 100_000,
        msgspec.msgpack.encode([b"", b""]),
        msgspec.msgpack.encode(["x" * 500_000, []]),
        sign_registration(channel.key, Registration("x" * 600_000, [])),
        sign_registration(channel.key, Registration("a.b.c", [])),
        encode_lookup(Lookup("A" * 56)),
        encode_lookup(Lookup("A" * 50)),
    ]

    async def story() -> None:
        async with Guest(hub) as guest:
            for data in nonsense:
                for request in (REGISTER, LOOKUP):
                    with pytest.raises(KacheryError) as caught:
                        await guest.ask(request, data)
                    assert not isinstance(caught.value, ConnectionError)
                    assert caught.value.code != "internal"
        await the_lobby_still_works(hub)

    asyncio.run(story())


def test_a_message_beyond_the_limit_ends_the_connection_of_its_sender(hub: RunningHub) -> None:
    async def story() -> None:
        async with Guest(hub) as guest:
            subject = lobby_subject(REGISTER, guest.key.public_key)
            await guest.connection.publish(subject, bytes(2 * LARGEST_LOBBY_MESSAGE))
            for _ in range(100):
                if guest.connection.is_closed:
                    break
                await asyncio.sleep(0.05)
            assert guest.connection.is_closed
        await the_lobby_still_works(hub)

    asyncio.run(story())


def test_who_asks_too_often_is_told_to_wait_and_others_are_not(hub: RunningHub) -> None:
    async def story() -> None:
        async with Guest(hub) as guest:
            question = encode_lookup(Lookup(SampleChannel().id))
            answers = await asyncio.gather(
                *(guest.ask(LOOKUP, question) for _ in range(240)), return_exceptions=True
            )
            told = [answer for answer in answers if isinstance(answer, TooBusyError)]
            assert told
            assert told[0].fields["retry_after"] > 0
            assert sum(isinstance(answer, ChannelNotFoundError) for answer in answers) >= 200
            await the_lobby_still_works(hub)

    asyncio.run(story())


def test_a_flood_of_registrations_takes_no_memory_and_ends(hub: RunningHub) -> None:
    channel = SampleChannel()
    largest = sign_registration(channel.key, Registration("x" * 500_000, []))

    async def story() -> None:
        before = resident_bytes(hub.process.pid)
        async with Guest(hub) as guest:
            subject = lobby_subject(REGISTER, guest.key.public_key)
            for _ in range(400):
                await guest.connection.publish(subject, largest, f"_INBOX_{guest.nkey}.x")
            await guest.connection.flush()
            # 200 MB were sent; the registrar drops what it cannot judge in time.
            assert resident_bytes(hub.process.pid) - before < 150 << 20
        await the_lobby_still_works(hub)

    asyncio.run(story())


def test_a_record_too_large_for_the_lobby_is_refused_before_it_is_sent(hub: RunningHub) -> None:
    async def story() -> None:
        threads, channel = Threads(1, 1), SampleChannel()
        lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
        with pytest.raises(InvalidRequestError, match="at once"):
            await lobby.register(channel.key, "x" * (2 * LARGEST_LOBBY_MESSAGE), [])
        threads.close()

    asyncio.run(story())


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
