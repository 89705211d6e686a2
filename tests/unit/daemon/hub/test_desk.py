"""The front desk answers whatever happens, and tells strangers nothing of the hub's troubles."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

import pytest

from kachery_core.errors import StorageFailedError, StorageFullError, error_from_wire
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_core.nkeys import user_nkey
from kachery_core.wire.hub import (
    Found,
    Lookup,
    Refused,
    Registered,
    Registration,
    encode_lookup,
    sign_registration,
)
from kachery_daemon.hub.desk import FrontDesk
from kachery_daemon.hub.directory import Directory
from kachery_daemon.system.threads import Threads
from tests.support.hubs import SampleChannel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kachery_core.records import Record

NODE = user_nkey(SeedSigner(os.urandom(SEED_SIZE)).public_key)


class Announced:
    """A server that remembers what it was told, or cannot be told anything."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.trouble: Exception | None = None

    async def __call__(self, record: Record, signed_at: int) -> None:
        assert signed_at
        if self.trouble:
            raise self.trouble
        self.records.append(record)


@pytest.fixture
def announced() -> Announced:
    return Announced()


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path / "directory.sqlite", 10)


@pytest.fixture
def desk(directory: Directory, announced: Announced) -> Iterator[FrontDesk]:
    threads = Threads(1, 1)
    yield FrontDesk(directory, threads, announced)
    asyncio.run(threads.run(directory.close))
    threads.close()


def registration(channel: SampleChannel, version: int = 1) -> bytes:
    return sign_registration(channel.key, Registration(channel.record(version), []))


def test_it_is_stored_before_it_is_announced_and_announced_before_it_is_acknowledged(
    desk: FrontDesk, announced: Announced
) -> None:
    channel = SampleChannel()
    assert asyncio.run(desk.register(NODE, registration(channel))) == Registered(1)
    assert [record.channel_id for record in announced.records] == [channel.id]
    announced.trouble = OSError("the server is away")
    assert isinstance(asyncio.run(desk.register(NODE, registration(channel, 2))), Refused)
    found = asyncio.run(desk.lookup(NODE, encode_lookup(Lookup(channel.id))))
    assert isinstance(found, Found)
    # Stored already: told again when the server comes back, or when the owner asks again.
    announced.trouble = None
    assert asyncio.run(desk.register(NODE, registration(channel, 2))) == Registered(2)


@pytest.mark.parametrize(
    ("trouble", "code", "message"),
    [
        (StorageFullError("/secret/path is full"), "over-limit", "The hub's disk is full."),
        (StorageFailedError("/secret/path broke"), "unavailable", "The hub's disk failed."),
        (RuntimeError("/secret/path"), "internal", "The hub failed."),
    ],
)
def test_the_hubs_own_troubles_are_for_its_log(
    desk: FrontDesk,
    directory: Directory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    trouble: Exception,
    code: str,
    message: str,
) -> None:
    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(directory, "register", fail)
    monkeypatch.setattr(directory, "lookup", fail)
    channel = SampleChannel()
    with caplog.at_level(logging.ERROR):
        answers = [
            asyncio.run(desk.register(NODE, registration(channel))),
            asyncio.run(desk.lookup(NODE, encode_lookup(Lookup(channel.id)))),
        ]
    for answer in answers:
        assert isinstance(answer, Refused)
        error = error_from_wire(answer.error)
        assert (error.code, error.message) == (code, message)
        assert "/secret/path" not in str(error)
    assert "/secret/path" in caplog.text
