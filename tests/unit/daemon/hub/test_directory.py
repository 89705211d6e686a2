"""The directory: the newest of everything, whatever comes in which order, and not without end."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from kachery_core.errors import BadMembershipError, OverLimitError
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_core.memberships import read_membership
from kachery_core.records import read_record
from kachery_daemon.hub import directory as directory_module
from kachery_daemon.hub.directory import Directory, Entry
from tests.support.hubs import SampleChannel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = int(time.time())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "directory.sqlite"


@pytest.fixture
def directory(path: Path) -> Iterator[Directory]:
    directory = Directory(path, 3)
    yield directory
    directory.close()


def some_node() -> SeedSigner:
    return SeedSigner(os.urandom(SEED_SIZE))


def entry(
    channel: SampleChannel,
    node: SeedSigner,
    letter: bytes = b"",
    issued_at: int = NOW,
    **facts: int,
) -> Entry:
    text = channel.membership(node, issued_at, **facts)
    return Entry(read_membership(text, channel.id), letter)


def test_what_was_registered_is_found_after_a_restart(directory: Directory, path: Path) -> None:
    channel, node = SampleChannel(), some_node()
    record, deposit = read_record(channel.record()), entry(channel, node, b"letter")
    directory.register(record, [deposit], NOW)
    directory.close()
    again = Directory(path, 3)
    found = again.lookup(channel.id, node.public_key)
    assert found is not None
    assert found[0] == record.text
    assert found[1] is not None
    assert (found[1].membership, found[1].letter) == (deposit.membership.text, b"letter")
    assert [known.record for known in again.channels()] == [record.text]
    again.close()


def test_in_whatever_order_it_arrives_the_newest_stays(directory: Directory) -> None:
    seed = 4
    print(f"seed {seed}")
    rnd = random.Random(seed)
    channel, node = SampleChannel(), some_node()
    arrivals = [
        (
            read_record(channel.record(version)),
            entry(channel, node, bytes([version, issued]), NOW + issued),
        )
        for version in range(1, 6)
        for issued in range(3)
    ]
    # One text for each version: a channel signs each once.
    texts = {record.version: record for record, _ in arrivals}
    rnd.shuffle(arrivals)
    best = (0, 0)
    newest = 0
    for record, deposit in arrivals:
        letter = deposit.letter
        if record.version < newest:
            with pytest.raises(BadMembershipError):
                directory.register(texts[record.version], [deposit], NOW)
            continue
        newest = record.version
        directory.register(texts[record.version], [deposit], NOW)
        best = max(best, (letter[0], letter[1]))
        found = directory.lookup(channel.id, node.public_key)
        assert found is not None
        assert found[0] == texts[newest].text
        assert found[1] is not None
        assert tuple(found[1].letter) == best


def test_another_record_of_the_same_version_is_refused(directory: Directory) -> None:
    channel = SampleChannel()
    directory.register(read_record(channel.record(2)), [], NOW)
    with pytest.raises(BadMembershipError, match="another version 2"):
        directory.register(read_record(channel.record(2, epoch=3)), [], NOW)


def test_what_the_hub_signs_never_goes_back_in_time(directory: Directory) -> None:
    channel = SampleChannel()
    first = directory.register(read_record(channel.record(1)), [], NOW)
    assert first.signed_at == NOW
    assert directory.register(read_record(channel.record(2)), [], NOW - 99).signed_at == NOW
    assert directory.register(read_record(channel.record(3)), [], NOW + 9).signed_at == NOW + 9


def test_the_same_once_more_changes_nothing(directory: Directory) -> None:
    record = read_record(SampleChannel().record())
    first = directory.register(record, [], NOW)
    assert directory.register(record, [], NOW + 100) == first


def test_nothing_waits_for_who_was_revoked(directory: Directory) -> None:
    channel, gone, back = SampleChannel(), some_node(), some_node()
    first = [entry(channel, gone), entry(channel, back)]
    directory.register(read_record(channel.record(1)), first, NOW)
    revocations = {gone.public_key: NOW, back.public_key: NOW}
    record = read_record(channel.record(2, revocations=revocations))
    directory.register(record, [entry(channel, back, b"new", NOW + 1)], NOW)
    assert directory.lookup(channel.id, gone.public_key) == (record.text, None)
    found = directory.lookup(channel.id, back.public_key)
    assert found is not None
    assert found[1] is not None
    assert found[1].letter == b"new"


def test_what_ended_long_ago_is_forgotten(directory: Directory) -> None:
    channel, node = SampleChannel(), some_node()
    record = read_record(channel.record())
    directory.register(record, [entry(channel, node, issued_at=NOW, seconds=10)], NOW)
    directory.register(record, [], NOW + 80 * 86400)
    assert directory.size()[1] == 1
    directory.register(record, [], NOW + 100 * 86400)
    assert directory.size()[1] == 0


def test_a_full_directory_takes_no_new_channel_but_goes_on_with_the_old(
    directory: Directory,
) -> None:
    channels = [SampleChannel() for _ in range(3)]
    for channel in channels:
        directory.register(read_record(channel.record()), [], NOW)
    with pytest.raises(OverLimitError, match="room for no more"):
        directory.register(read_record(SampleChannel().record()), [], NOW)
    directory.register(read_record(channels[0].record(2)), [], NOW)
    assert directory.size()[0] == 3


def test_a_channel_has_room_for_so_many_members(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_module, "MOST_DEPOSITS", 3)
    channel = SampleChannel()
    record = read_record(channel.record())
    directory.register(record, [entry(channel, some_node()) for _ in range(3)], NOW)
    with pytest.raises(OverLimitError, match="3 members"):
        directory.register(record, [entry(channel, some_node())], NOW)
    assert directory.size()[1] == 3


def test_a_directory_does_not_grow_without_end(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_module, "LARGEST_DIRECTORY", 50_000)
    channel = SampleChannel()
    record = read_record(channel.record())

    def register_many() -> None:
        for _ in range(100):
            directory.register(record, [entry(channel, some_node(), bytes(2000))], NOW)

    with pytest.raises(OverLimitError, match="largest size"):
        register_many()
    channels, members, size = directory.size()
    assert channels == 1
    assert 3 < members < 30
    assert size <= 50_000
