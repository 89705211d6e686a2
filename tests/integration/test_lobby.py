"""The lobby of a hub: channels are registered there once, looked up by their members, and kept."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from kachery_core.errors import (
    BadMembershipError,
    ChannelNotFoundError,
    HubNotTrustedError,
    HubUnreachableError,
)
from kachery_core.hub_urls import parse_hub_url
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_core.records import read_record
from kachery_daemon.network.connections import Connection, HubRefusedError
from kachery_daemon.network.lobby import Lobby
from kachery_daemon.network.tls import ssl_context
from kachery_daemon.system.threads import Threads
from tests.support.hubs import SampleChannel, running_hub
from tests.support.nodes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.hubs import RunningHub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(2, 1)
    yield threads
    threads.close()


@pytest.fixture
def channel() -> SampleChannel:
    return SampleChannel()


def some_node() -> SeedSigner:
    return SeedSigner(os.urandom(SEED_SIZE))


async def connected_member(
    hub: RunningHub, channel: SampleChannel, node: SeedSigner, **facts: int
) -> Connection:
    """A connection of a member to the channel's account."""
    url = parse_hub_url(hub.url)
    connection = Connection(url, channel.membership(node, **facts), node, "test")
    await connection.open(ssl_context(url))
    return connection


def test_what_the_owner_deposits_waits_for_its_member(
    hub: RunningHub, threads: Threads, channel: SampleChannel
) -> None:
    member, stranger = some_node(), some_node()
    record, deposit = channel.record(), channel.deposit(member)

    async def story() -> None:
        url = parse_hub_url(hub.url)
        assert (
            await Lobby(url, channel.owner, threads).register(channel.key, record, [deposit]) == 1
        )
        found = await Lobby(url, member, threads).lookup(channel.id)
        assert (found.record, found.deposit) == (record, deposit)
        found = await Lobby(url, stranger, threads).lookup(channel.id)
        assert (found.record, found.deposit) == (record, None)
        with pytest.raises(ChannelNotFoundError):
            await Lobby(url, member, threads).lookup(SampleChannel().id)

    asyncio.run(story())


def test_members_of_a_registered_channel_may_connect_and_others_may_not(
    hub: RunningHub, threads: Threads, channel: SampleChannel
) -> None:
    async def story() -> None:
        node = some_node()
        with pytest.raises(HubRefusedError):
            await connected_member(hub, channel, node)
        lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
        await lobby.register(channel.key, channel.record(), [])
        connection = await connected_member(hub, channel, node)
        await connection.close()

    asyncio.run(story())


def test_a_revoked_member_is_cut_off_at_once_and_not_let_in_again(
    hub: RunningHub, threads: Threads, channel: SampleChannel
) -> None:
    async def story() -> None:
        node, issued = some_node(), int(time.time()) - 10
        lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
        await lobby.register(channel.key, channel.record(), [channel.deposit(node)])
        connection = await connected_member(hub, channel, node, issued_at=issued)
        revoked = channel.record(2, revocations={node.public_key: issued})
        await lobby.register(channel.key, revoked, [])
        await asyncio.wait_for(connection.ended.wait(), 5)
        await connection.close()
        with pytest.raises(HubRefusedError):
            await connected_member(hub, channel, node, issued_at=issued)
        again = await connected_member(hub, channel, node, issued_at=issued + 1)
        await again.close()

    asyncio.run(story())


def test_a_record_from_a_clock_that_goes_back_counts_all_the_same(
    hub: RunningHub, threads: Threads, channel: SampleChannel
) -> None:
    async def story() -> None:
        node, now = some_node(), int(time.time())
        lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
        await lobby.register(channel.key, channel.record(1, now + 7200), [])
        connection = await connected_member(hub, channel, node)
        revoked = channel.record(2, now - 7200, revocations={node.public_key: now + 10})
        await lobby.register(channel.key, revoked, [])
        await asyncio.wait_for(connection.ended.wait(), 5)
        await connection.close()

    asyncio.run(story())


def test_an_older_record_is_refused_and_the_newest_stays(
    hub: RunningHub, threads: Threads, channel: SampleChannel
) -> None:
    async def story() -> None:
        lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
        records = [channel.record(version) for version in (1, 2, 3)]
        for record in records:
            await lobby.register(channel.key, record, [])
        for record in records[:2]:
            with pytest.raises(BadMembershipError) as caught:
                await lobby.register(channel.key, record, [])
            assert caught.value.fields["known_version"] == 3
        assert await lobby.register(channel.key, records[2], []) == 3
        with pytest.raises(BadMembershipError):
            await lobby.register(channel.key, channel.record(3, epoch=2), [])
        assert (await lobby.lookup(channel.id)).record == records[2]

    asyncio.run(story())


def test_nobody_registers_a_channel_whose_key_he_has_not(
    hub: RunningHub, threads: Threads, channel: SampleChannel
) -> None:
    async def story() -> None:
        member, thief = some_node(), SampleChannel()
        lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
        true = channel.deposit(member, b"true letter")
        await lobby.register(channel.key, channel.record(), [true])
        # The record and the membership are the channel's own, the letter is not.
        false = msgspec.structs.replace(true, letter=b"false letter")
        with pytest.raises(BadMembershipError):
            await lobby.register(thief.key, channel.record(), [false])
        with pytest.raises(BadMembershipError):
            await lobby.register(channel.key, channel.record(), [thief.deposit(member)])
        with pytest.raises(BadMembershipError):
            await lobby.register(channel.key, channel.record()[:-3] + "AAA", [])
        found = await Lobby(parse_hub_url(hub.url), member, threads).lookup(channel.id)
        assert found.deposit == true

    asyncio.run(story())


def test_more_members_than_one_message_holds_are_registered_in_parts(
    hub: RunningHub, threads: Threads, channel: SampleChannel
) -> None:
    async def story() -> None:
        members = [some_node() for _ in range(250)]
        lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
        deposits = [channel.deposit(member) for member in members]
        await lobby.register(channel.key, channel.record(), deposits)
        for number in (0, 120, 249):
            mine = Lobby(parse_hub_url(hub.url), members[number], threads)
            assert (await mine.lookup(channel.id)).deposit == deposits[number]

    asyncio.run(story())


def test_what_was_registered_survives_the_hub_and_its_server(
    tmp_path: Path, threads: Threads, channel: SampleChannel
) -> None:
    node = some_node()

    async def register(version: int) -> None:
        lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
        await lobby.register(channel.key, channel.record(version), [channel.deposit(node)])

    async def check(version: int) -> None:
        lobby = Lobby(parse_hub_url(hub.url), node, threads)
        while True:
            try:
                found = await lobby.lookup(channel.id)
                break
            except HubUnreachableError:
                await asyncio.sleep(0.05)
        assert read_record(found.record).version == version
        assert found.deposit is not None
        connection = await connected_member(hub, channel, node)
        await connection.close()

    with running_hub(tmp_path) as hub:
        asyncio.run(register(1))
        hub.kill()
        hub.restart()
        asyncio.run(check(1))
        asyncio.run(register(2))
        first = hub.server_pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: hub.server_pid not in {0, first}, "another server starts")
        asyncio.run(check(2))


def test_a_server_with_another_certificate_is_not_trusted(
    hub: RunningHub, threads: Threads
) -> None:
    url = parse_hub_url(hub.url)
    other = msgspec.structs.replace(url, pin=bytes(32))

    async def story() -> None:
        with pytest.raises(HubNotTrustedError):
            await Lobby(other, some_node(), threads).lookup(SampleChannel().id)

    asyncio.run(story())


def test_who_has_not_the_whole_url_is_not_let_in(hub: RunningHub, threads: Threads) -> None:
    url = msgspec.structs.replace(parse_hub_url(hub.url), lobby_seed=os.urandom(32))

    async def story() -> None:
        with pytest.raises(HubNotTrustedError):
            await Lobby(url, some_node(), threads).lookup(SampleChannel().id)

    asyncio.run(story())
