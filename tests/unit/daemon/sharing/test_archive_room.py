"""The quota of an archive: the least recently used goes for good, the owner's things stay."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from kachery_core.capabilities import content_discovery
from kachery_core.errors import FeedNotFoundError, InvalidInputError, UnavailableError
from kachery_core.wire.node_archives import Passed, PassedContent, PassedSubfeed
from kachery_daemon.sharing.archive_ledger import ArchiveLedger, Holding, KeptArchive
from kachery_daemon.sharing.archive_room import ArchiveRoom
from kachery_daemon.sharing.shelves import Shelves
from kachery_daemon.system.threads import Threads
from kachery_store import Store
from kachery_store.collection import Collection
from kachery_store.store import Label

LAB = "A" * 56


class World:
    """A store with archived contents, and the feeds of a node that has copies."""

    def __init__(self, folder):
        self.store = Store(folder / "storage")
        self.ledger = ArchiveLedger(self.store.folder.state)
        self.threads = Threads(1, 1)
        self.deleted = []
        self.stopped = []
        feeds = SimpleNamespace(get=self._get, delete=self._delete)
        following = SimpleNamespace(stop=self._stop)
        shelves = Shelves(self.store, self.ledger)
        self.room = ArchiveRoom(self.store, feeds, following, self.ledger, self.threads, shelves)

    def archive(self, data: bytes, *, fetched: bool = True) -> str:
        sha1 = self.store.add_bytes(data, Label(fetched=fetched)).sha1
        passed = Passed(bytes(32), bytes(32), [PassedContent(bytes.fromhex(sha1))], [])
        self.ledger.take(LAB, "bob", passed)
        self.store.catalog.archive(sha1, archived=True)
        self.note(sha1, len(data))
        return sha1

    def archive_feed(self, number: int, size: int) -> str:
        feed = bytes([number]) * 32
        subfeeds = [PassedSubfeed(feed, bytes([n]) * 20) for n in range(2)]
        self.ledger.take(LAB, "bob", Passed(bytes(32), bytes(32), [], subfeeds))
        for thing in self.ledger.of_feed(feed.hex()):
            self.ledger.fetched(thing, size)
        return feed.hex()

    def note(self, sha1: str, size: int) -> None:
        for thing in self.ledger.waiting(LAB, 100):
            if thing.sha1 == sha1:
                self.ledger.fetched(thing, size)

    def make(self, quota: int, needed: int = 0, shelf: str = "") -> None:
        kept = KeptArchive(LAB, quota, is_on=True, shelf=shelf)
        asyncio.run(self.room.make(kept, needed))

    def has(self, sha1: str) -> bool:
        return self.store.objects.find(sha1) is not None

    def _get(self, feed):
        if feed in self.deleted:
            raise FeedNotFoundError("gone", feed=feed)
        return SimpleNamespace(is_copy=True)

    async def _delete(self, feed):
        self.deleted.append(feed)

    async def _stop(self, feed):
        self.stopped.append(feed)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.threads.close()


def test_the_least_recently_used_goes_first_and_for_good(world):
    names = [world.archive(bytes([number]) * 1000) for number in range(5)]
    world.make(5000)
    assert all(map(world.has, names))
    world.make(3000, needed=500)
    assert [world.has(sha1) for sha1 in names] == [False, False, False, True, True]
    assert world.ledger.holding(LAB) == Holding(contents=2, size=2000)
    assert not list(world.store.folder.trash.iterdir())
    assert world.store.catalog.find(names[0]) is None


def test_what_is_pinned_or_the_owners_stays_and_is_not_counted_any_more(world):
    pinned, own, stored_later, other = (
        world.archive(b"p" * 1000),
        world.archive(b"o" * 1000, fetched=False),
        world.archive(b"l" * 1000),
        world.archive(b"x" * 1000),
    )
    world.store.catalog.pin(pinned, pinned=True)
    world.store.add_bytes(b"l" * 1000, Label("mine"))
    world.make(0)
    assert [world.has(sha1) for sha1 in (pinned, own, stored_later, other)] == [True] * 3 + [False]
    assert world.ledger.holding(LAB) == Holding()
    assert not world.store.catalog.find(pinned).archived


def test_a_feed_goes_as_a_whole_and_one_that_is_gone_is_no_error(world):
    feed, other = world.archive_feed(1, 1000), world.archive_feed(2, 1000)
    world.make(2500)
    assert (world.stopped, world.deleted) == ([feed], [feed])
    assert world.ledger.holding(LAB) == Holding(subfeeds=2, size=2000)
    world.deleted.append(other)
    world.make(0)
    assert world.ledger.holding(LAB) == Holding()


def test_the_quota_of_programs_leaves_archived_content_alone(world):
    archived = world.archive(b"a" * 1000)
    fetched = world.store.add_bytes(b"f" * 1000, Label(fetched=True)).sha1
    gone = Collection(world.store).collect(0, dry_run=False)
    assert [entry.sha1 for entry in gone] == [fetched]
    assert world.has(archived)
    assert Collection(world.store).let_go([fetched, "0" * 40]) == []


def test_what_leaves_the_disk_goes_to_the_shelf_and_is_not_wanted_again(world, tmp_path):
    (tmp_path / "bucket").mkdir()
    old, new = world.archive(b"o" * 1000), world.archive(b"n" * 1000)
    own = world.archive(b"w" * 1000, fetched=False)
    world.make(2000, shelf=f"file://{tmp_path}/bucket")
    assert [world.has(sha1) for sha1 in (old, new, own)] == [False, True, True]
    discoveries = [content_discovery(sha1) for sha1 in (old, new, own)]
    (found,) = world.ledger.find_shelved(discoveries).values()
    assert (found.sha1, found.size) == (old, 1000)
    told = Passed(bytes(32), bytes(32), [PassedContent(bytes.fromhex(old))], [])
    assert world.ledger.take(LAB, "bob", told) == 0
    assert len(world.ledger.find_shelved(discoveries * 400)) == 1


def test_a_shelf_that_does_not_take_it_keeps_it_on_the_disk(world, tmp_path):
    sha1 = world.archive(b"o" * 1000)
    with pytest.raises((InvalidInputError, UnavailableError)):
        world.make(0, shelf=f"file://{tmp_path}/missing")
    assert world.has(sha1)
    assert world.ledger.holding(LAB) == Holding(contents=1, size=1000)
