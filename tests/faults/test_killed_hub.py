"""A hub killed at any moment: what it acknowledged is there, and counts, when it is back."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from kachery_core.errors import HubUnreachableError, OverLimitError
from kachery_core.hub_urls import parse_hub_url
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_core.records import read_record
from kachery_daemon.network.connections import Connection, HubRefusedError
from kachery_daemon.network.lobby import Lobby
from kachery_daemon.network.tls import ssl_context
from kachery_daemon.system.threads import Threads
from tests.support.faulty_disk import filled, small_disk, why_no_mounts
from tests.support.hubs import SampleChannel, running_hub, start_hub_process
from tests.support.nodes import end_process, first_line, isolated_environment, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kachery_core.wire.hub import Deposit
    from tests.support.hubs import RunningHub

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

ROUNDS = 8
LONG_AGO = int(time.time()) - 100


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(2, 1)
    yield threads
    threads.close()


class Owner:
    """Registers one version after the other, each with a deposit and a revocation of its own."""

    def __init__(self, hub: RunningHub, threads: Threads) -> None:
        self.channel = SampleChannel()
        self.members: list[SeedSigner] = []
        self.acknowledged = 0
        self._lobby = Lobby(parse_hub_url(hub.url), self.channel.owner, threads)
        self._revocations: dict[str, int] = {}

    async def go_on(self) -> None:
        """Register version after version until somebody says stop."""
        version = 0
        while True:
            version += 1
            member, gone = (SeedSigner(os.urandom(SEED_SIZE)) for _ in range(2))
            self.members.append(member)
            self._revocations[gone.public_key] = LONG_AGO
            self._revocations = dict(list(self._revocations.items())[-20:])
            record = self.channel.record(version, revocations=self._revocations)
            await self._insist(record, self.channel.deposit(member, bytes([version % 256])))
            self.acknowledged = version

    async def _insist(self, record: str, deposit: Deposit) -> None:
        while True:
            try:
                await self._lobby.register(self.channel.key, record, [deposit])
            except HubUnreachableError:
                await asyncio.sleep(0.01)
            else:
                return


async def patiently(lobby: Lobby, channel_id: str) -> tuple[int, bool]:
    """The version the hub has, and whether something waits for us."""
    while True:
        try:
            found = await lobby.lookup(channel_id)
        except HubUnreachableError:
            await asyncio.sleep(0.02)
        else:
            return read_record(found.record).version, found.deposit is not None


def kill_one(hub: RunningHub, victim: str) -> None:
    if victim == "hub":
        hub.kill()
        hub.restart()
        return
    server = hub.server_pid
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: hub.server_pid not in {0, server}, "another server starts")


def test_whoever_is_killed_whenever_nothing_acknowledged_is_lost(
    tmp_path: Path, threads: Threads
) -> None:
    seed = 20261121
    print(f"seed {seed}")
    rnd = random.Random(seed)

    async def story(hub: RunningHub) -> None:
        owner = Owner(hub, threads)
        url = parse_hub_url(hub.url)
        work = asyncio.ensure_future(owner.go_on())
        for _ in range(ROUNDS):
            await asyncio.sleep(rnd.random() * 0.3)
            acknowledged = owner.acknowledged
            await asyncio.to_thread(kill_one, hub, rnd.choice(["hub", "nats-server"]))
            if acknowledged:
                member = Lobby(url, owner.members[acknowledged - 1], threads)
                version, has_deposit = await patiently(member, owner.channel.id)
                assert version >= acknowledged
                assert has_deposit
            assert not work.done() or work.result()
        work.cancel()
        assert owner.acknowledged > ROUNDS
        # The server counts the newest record, too, not one it had before it was killed.
        last = SeedSigner(os.urandom(SEED_SIZE))
        lobby = Lobby(url, owner.channel.owner, threads)
        version, _ = await patiently(lobby, owner.channel.id)
        record = owner.channel.record(version + 1, revocations={last.public_key: LONG_AGO})
        await lobby.register(owner.channel.key, record, [])
        for victim in ("hub", "nats-server"):
            await asyncio.to_thread(kill_one, hub, victim)
            await patiently(lobby, owner.channel.id)
            with pytest.raises(HubRefusedError):
                await connect(hub, owner.channel, last, LONG_AGO)
            await connect(hub, owner.channel, last, LONG_AGO + 1)

    with running_hub(tmp_path) as hub:
        asyncio.run(story(hub))


async def connect(
    hub: RunningHub, channel: SampleChannel, node: SeedSigner, issued_at: int
) -> None:
    url = parse_hub_url(hub.url)
    token = channel.membership(node, issued_at, 10_000)
    connection = Connection(url, token, node, "test")
    await connection.open(ssl_context(url))
    await connection.close()


def test_a_server_that_lost_all_its_accounts_is_told_again(
    tmp_path: Path, threads: Threads
) -> None:
    async def story(hub: RunningHub) -> None:
        channel, node = SampleChannel(), SeedSigner(os.urandom(SEED_SIZE))
        lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
        await lobby.register(channel.key, channel.record(), [])
        hub.kill()
        for file in (hub.data / "accounts").iterdir():
            file.write_bytes(b"damaged")
        await asyncio.to_thread(hub.restart)
        await connect(hub, channel, node, LONG_AGO)

    with running_hub(tmp_path) as hub:
        asyncio.run(story(hub))


@pytest.mark.skipif(bool(why_no_mounts()), reason=why_no_mounts() or "disks can be mounted")
def test_a_full_disk_is_said_to_be_full_and_costs_nothing_that_was_there(
    tmp_path: Path, threads: Threads
) -> None:
    async def story(hub: RunningHub) -> None:
        channel, members = SampleChannel(), [SeedSigner(os.urandom(32)) for _ in range(100)]
        lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
        await lobby.register(channel.key, channel.record(1), [])
        deposits = [channel.deposit(member) for member in members]
        with filled(hub.data):
            with pytest.raises(OverLimitError, match="disk is full"):
                await lobby.register(channel.key, channel.record(2), deposits)
            assert await patiently(lobby, channel.id) == (1, False)
        assert await lobby.register(channel.key, channel.record(3), deposits) == 3
        await connect(hub, channel, members[0], LONG_AGO)

    with small_disk(tmp_path / "hub", "size=8m"), running_hub(tmp_path) as hub:
        asyncio.run(story(hub))


@pytest.mark.skipif(bool(why_no_mounts()), reason=why_no_mounts() or "disks can be mounted")
def test_a_hub_does_not_start_on_a_full_disk_and_says_why(tmp_path: Path) -> None:
    environment = isolated_environment(tmp_path)
    with small_disk(tmp_path / "hub", "size=1m"), filled(tmp_path / "hub"):
        process = start_hub_process(tmp_path, "--port=0", environment=environment)
        error = first_line(process)["error"]
        end_process(process)
    assert error["code"] == "storage-full"
    assert str(tmp_path / "hub") in error["message"]
