"""What this node keeps as an archive, on its disk: for which channels, what, and how much of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core.capabilities import content_discovery
from kachery_core.messages import SubfeedKey
from kachery_daemon.sharing.shelf import Shelved
from kachery_store.database import Database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kachery_core.wire.node_archives import Passed
    from kachery_store.database import Connection, Row

DEFAULT_QUOTA = 100 * 10**9
# What waits to be fetched, of all tellers and of one: who floods, floods itself out.
MOST_WAITING = 10_000
MOST_OF_ONE = 2000
# SQLite takes so many values in one question, whatever its version.
_MOST_VALUES = 500
_MIGRATIONS = (
    """CREATE TABLE archives (
        channel_id TEXT PRIMARY KEY, quota INTEGER NOT NULL, is_on INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE things (
        thing TEXT PRIMARY KEY, feed TEXT NOT NULL, channel_id TEXT NOT NULL,
        manifest TEXT NOT NULL, label TEXT NOT NULL, teller TEXT NOT NULL, used_at REAL NOT NULL,
        size INTEGER, attempts INTEGER NOT NULL, next_at REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX things_by_use ON things (channel_id, used_at);
    CREATE INDEX things_by_feed ON things (feed)""",
    """ALTER TABLE archives ADD COLUMN shelf TEXT NOT NULL DEFAULT '';
    CREATE TABLE shelved (
        sha1 TEXT PRIMARY KEY, discovery BLOB NOT NULL UNIQUE, url TEXT NOT NULL,
        size INTEGER NOT NULL, chunks BLOB NOT NULL) WITHOUT ROWID""",
)
_COLUMNS = "thing, feed, channel_id, manifest, label, size, attempts, next_at"


@dataclass(frozen=True)
class KeptArchive:
    """For one channel: how many bytes may be kept, and whether more is taken.

    Attributes:
        channel_id: the channel.
        quota: bytes on the disk.
        is_on: whether more is taken.
        shelf: URL of the object store for what leaves the disk, or ''.
    """

    channel_id: str
    quota: int
    is_on: bool
    shelf: str = ""


@dataclass(frozen=True)
class Thing:
    """A content, or a subfeed.

    Attributes:
        sha1: of the content; of the subfeed's name.
        feed: the feed's public key; '' for a content.
        channel_id: where it passed first.
        manifest: SHA-1 of the table that the content's URI names, or ''.
        label: what it was called.
        size: bytes here; None if it is yet to be fetched.
        attempts: how often that was tried.
        next_at: when to try again, seconds since 1970.
    """

    sha1: str
    feed: str
    channel_id: str
    manifest: str
    label: str
    size: int | None
    attempts: int
    next_at: float

    @property
    def key(self) -> SubfeedKey | None:
        """Which subfeed it is; None for a content."""
        return SubfeedKey(self.feed, self.sha1) if self.feed else None


@dataclass(frozen=True)
class Holding:
    """How much is kept for a channel: contents, subfeeds, bytes, and what waits to be fetched."""

    contents: int = 0
    subfeeds: int = 0
    size: int = 0
    waiting: int = 0


class ArchiveLedger:
    """What an archive keeps. Everything blocks.

    Args:
        state: the state folder.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "archive.sqlite"
        self._database = Database(self._path, _MIGRATIONS, durable=True)

    def archives(self) -> list[KeptArchive]:
        """The channels this node is, or was, an archive for; makes no file where there is none."""
        if not self._path.exists():
            return []
        rows = self._database.rows("SELECT channel_id, quota, is_on, shelf FROM archives")
        return [KeptArchive(name, quota, bool(is_on), shelf) for name, quota, is_on, shelf in rows]

    def set(self, kept: KeptArchive) -> None:
        """Be an archive for a channel, or no longer."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO archives VALUES (?,?,?,?) ON CONFLICT (channel_id)"
                " DO UPDATE SET quota=excluded.quota, is_on=excluded.is_on, shelf=excluded.shelf",
                (kept.channel_id, kept.quota, kept.is_on, kept.shelf),
            )

    def take(self, channel_id: str, teller: str, passed: Passed) -> int:
        """Enter what passed, and that it was used now; how many things are new.

        Args:
            channel_id: where it passed.
            teller: who says so.
            passed: what.
        """
        things = [
            (one.sha1.hex(), "", one.manifest.hex(), one.label) for one in passed.contents
        ] + [(one.subfeed.hex(), one.feed.hex(), "", "") for one in passed.subfeeds]
        with self._database.writing() as connection:
            now = time.time()
            fresh = []
            for sha1, feed, manifest, label in things:
                place = (_name(feed, sha1), feed, channel_id, manifest, label, teller, now)
                if not _touch(connection, place[0], feed, now):
                    fresh.append(place)
            room = _room(connection, teller)
            connection.executemany(
                "INSERT OR IGNORE INTO things VALUES (?,?,?,?,?,?,?,NULL,0,0)", fresh[:room]
            )
        return min(len(fresh), room)

    def waiting(self, channel_id: str, limit: int) -> list[Thing]:
        """The contents of a channel that are to be fetched now, the longest waiting first."""
        return self._things(
            "channel_id=? AND feed='' AND size IS NULL AND next_at<=? ORDER BY next_at, used_at",
            (channel_id, time.time(), limit),
        )

    def subfeeds(self, channel_id: str, limit: int) -> list[Thing]:
        """The subfeeds of a channel that are to be followed now, the last used first."""
        return self._things(
            "channel_id=? AND feed!='' AND next_at<=? ORDER BY used_at DESC",
            (channel_id, time.time(), limit),
        )

    def of_feed(self, feed: str) -> list[Thing]:
        """All subfeeds of a feed that are kept or wanted."""
        return self._things("feed=?", (feed, MOST_WAITING))

    def oldest(self, channel_id: str, limit: int) -> list[Thing]:
        """What is kept for a channel, the least recently used first."""
        return self._things(
            "channel_id=? AND size IS NOT NULL ORDER BY used_at, thing", (channel_id, limit)
        )

    def fetched(self, thing: Thing, size: int) -> None:
        """It is here, with so many bytes."""
        self._update("size=?, attempts=0, next_at=0", (size,), thing)

    def failed(self, thing: Thing, next_at: float) -> None:
        """It could not be fetched; try again then."""
        self._update("attempts=attempts+1, next_at=?", (next_at,), thing)

    def forget(self, *things: Thing) -> None:
        """It is not kept here any more, or by somebody else's wish than the channel's."""
        with self._database.writing() as connection:
            names = [(_name(thing.feed, thing.sha1),) for thing in things]
            connection.executemany("DELETE FROM things WHERE thing=?", names)

    def holding(self, channel_id: str) -> Holding:
        """How much is kept for a channel."""
        if not self._path.exists():
            return Holding()
        rows = self._database.rows(
            "SELECT coalesce(sum(size IS NOT NULL AND feed=''), 0),"
            " coalesce(sum(size IS NOT NULL AND feed!=''), 0),"
            " coalesce(sum(size), 0), coalesce(sum(size IS NULL), 0)"
            " FROM things WHERE channel_id=?",
            (channel_id,),
        )
        return Holding(*rows[0])

    def shelve(self, shelved: Shelved) -> None:
        """A content is on a shelf from now on."""
        discovery = content_discovery(shelved.sha1)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO shelved VALUES (?,?,?,?,?)",
                (shelved.sha1, discovery, shelved.url, shelved.size, shelved.table),
            )

    def find_shelved(self, discoveries: Sequence[bytes]) -> dict[bytes, Shelved]:
        """What is on shelves of what is looked for."""
        found: dict[bytes, Shelved] = {}
        if not self._path.exists():
            return found
        for start in range(0, len(discoveries), _MOST_VALUES):
            some = discoveries[start : start + _MOST_VALUES]
            marks = ",".join("?" * len(some))
            rows = self._database.rows(
                "SELECT discovery, sha1, url, size, chunks FROM shelved"
                f" WHERE discovery IN ({marks})",
                some,
            )
            found.update({discovery: Shelved(*facts) for discovery, *facts in rows})
        return found

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()

    def _things(self, where: str, values: tuple[str | float, ...]) -> list[Thing]:
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM things WHERE {where} LIMIT ?", values)
        return [_thing(row) for row in rows]

    def _update(self, change: str, values: tuple[float, ...], thing: Thing) -> None:
        with self._database.writing() as connection:
            place = _name(thing.feed, thing.sha1)
            connection.execute(f"UPDATE things SET {change} WHERE thing=?", (*values, place))


def _touch(connection: Connection, name: str, feed: str, now: float) -> bool:
    """Note that a thing was used, with the whole feed it is of; False if it is new.

    What is on a shelf stays there, and is not fetched again.
    """
    if not feed and connection.execute("SELECT 1 FROM shelved WHERE sha1=?", (name,)).fetchone():
        return True
    if feed:  # a feed is let go as a whole
        connection.execute("UPDATE things SET used_at=? WHERE feed=?", (now, feed))
    sql = "UPDATE things SET used_at=? WHERE thing=?"
    return connection.execute(sql, (now, name)).rowcount > 0


def _room(connection: Connection, teller: str) -> int:
    """How many things of a teller may be entered."""
    sql = "SELECT count(*), coalesce(sum(teller=?), 0) FROM things WHERE size IS NULL"
    waiting, of_one = connection.execute(sql, (teller,)).fetchone()
    return max(0, min(MOST_WAITING - int(waiting), MOST_OF_ONE - int(of_one)))


def _name(feed: str, sha1: str) -> str:
    return f"{feed}/{sha1}" if feed else sha1


def _thing(row: Row) -> Thing:
    name, *facts = row
    return Thing(name.rpartition("/")[2], *facts)
