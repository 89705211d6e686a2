"""Which feeds this node writes or keeps copies of: names, subfeeds, whether they are retired."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from kachery_core.errors import FeedExistsError
from kachery_core.forks import ForkProof
from kachery_store.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_core.messages import SubfeedKey
    from kachery_store.database import Row

_MIGRATIONS = (
    """CREATE TABLE feeds (
        feed TEXT PRIMARY KEY, name TEXT, writer INTEGER NOT NULL, created_at REAL NOT NULL,
        retired TEXT) WITHOUT ROWID;
    CREATE UNIQUE INDEX feeds_by_name ON feeds (writer, name) WHERE name IS NOT NULL;
    CREATE TABLE subfeeds (
        feed TEXT, subfeed TEXT, name TEXT NOT NULL,
        PRIMARY KEY (feed, subfeed)) WITHOUT ROWID;
    CREATE TABLE forks (
        feed TEXT, subfeed TEXT, position INTEGER NOT NULL, proof BLOB NOT NULL,
        PRIMARY KEY (feed, subfeed)) WITHOUT ROWID""",
    """CREATE TABLE copies (
        feed TEXT PRIMARY KEY, added_at REAL NOT NULL, retired TEXT) WITHOUT ROWID;
    CREATE TABLE served (feed TEXT PRIMARY KEY) WITHOUT ROWID""",
    """CREATE TABLE creations (
        writer INTEGER, creation_id TEXT, feed TEXT NOT NULL,
        PRIMARY KEY (writer, creation_id)) WITHOUT ROWID""",
)
_ALL_SUBFEEDS = "SELECT feed, subfeed FROM subfeeds"
# Who may append to a copy.
NOBODY = -2


@dataclass(frozen=True)
class FeedRecord:
    """One feed of this node.

    Attributes:
        feed: its public key.
        name: what its maker calls it, or None.
        writer: the user id of who may append; -1 is the node's owner, -2 nobody.
        created_at: seconds since 1970; of a copy, when it was begun.
        retired: {"successor", "reason"}, or None while it may be appended to.
        is_copy: whether another node writes it.
    """

    feed: str
    name: str | None
    writer: int
    created_at: float
    retired: dict[str, Any] | None
    is_copy: bool = False


class Registry:
    """All feeds of one node."""

    def __init__(self, state: Path) -> None:
        self._database = Database(state / "feeds.sqlite", _MIGRATIONS, durable=True)

    def add(
        self, feed: str, name: str | None, writer: int, creation_id: str | None = None
    ) -> FeedRecord:
        """Enter a new feed; its record, or that of the feed made under this id before.

        Raises:
            FeedExistsError: this writer has a feed of that name.
        """
        with self._database.writing() as connection:
            made = connection.execute(
                "SELECT feeds.* FROM creations JOIN feeds USING (feed)"
                " WHERE creations.writer=? AND creation_id=?",
                (writer, creation_id),
            ).fetchone()
            if made is not None:
                return _record(made)
            if connection.execute(
                "SELECT 1 FROM feeds WHERE writer=? AND name=?", (writer, name)
            ).fetchone():
                raise FeedExistsError(
                    f"There is already a feed named {name!r}.",
                    hint=f"Use kc.load_feed({name!r}), or another name.",
                )
            now = time.time()
            connection.execute("INSERT INTO feeds VALUES (?,?,?,?,NULL)", (feed, name, writer, now))
            if creation_id is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO creations VALUES (?,?,?)", (writer, creation_id, feed)
                )
        return FeedRecord(feed, name, writer, now, None)

    def all(self) -> list[FeedRecord]:
        """Every feed, the newest first."""
        rows = self._database.rows("SELECT * FROM feeds ORDER BY created_at DESC, feed")
        return [_record(row) for row in rows]

    def add_subfeed(self, feed: str, subfeed: str, name: Any) -> None:
        """Remember what a subfeed is called; its hash does not tell."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO subfeeds VALUES (?,?,?)", (feed, subfeed, json.dumps(name))
            )

    def add_subfeeds(self, feed: str, names: dict[str, Any]) -> None:
        """Remember what subfeeds are called, by their hashes."""
        rows = [(feed, subfeed, json.dumps(name)) for subfeed, name in names.items()]
        with self._database.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO subfeeds VALUES (?,?,?)", rows)

    def subfeeds(self, feed: str) -> dict[str, Any]:
        """The names of a feed's subfeeds by their hashes."""
        rows = self._database.rows(
            "SELECT subfeed, name FROM subfeeds WHERE feed=? ORDER BY name", (feed,)
        )
        return {subfeed: json.loads(name) for subfeed, name in rows}

    def all_subfeeds(self) -> list[tuple[str, str]]:
        """Feed and hash of every subfeed that has a name."""
        return [(feed, subfeed) for feed, subfeed in self._database.rows(_ALL_SUBFEEDS)]

    def add_fork(self, proof: ForkProof) -> None:
        """Keep the proof of a fork, for ever; of several the first in the feed."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO forks VALUES (?,?,?,?) ON CONFLICT (feed, subfeed) DO UPDATE SET"
                " position=excluded.position, proof=excluded.proof"
                " WHERE excluded.position<position",
                (proof.key.feed, proof.key.subfeed, proof.index, msgspec.json.encode(proof)),
            )

    def find_fork(self, key: SubfeedKey) -> ForkProof | None:
        """The proof that a subfeed has two histories, if it has."""
        rows = self._database.rows(
            "SELECT proof FROM forks WHERE feed=? AND subfeed=?", (key.feed, key.subfeed)
        )
        return msgspec.json.decode(rows[0][0], type=ForkProof) if rows else None

    def retire(self, feed: str, successor: str | None, reason: str) -> FeedRecord:
        """Accept no more messages for a feed, for ever; its record."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE feeds SET retired=? WHERE feed=?",
                (json.dumps({"successor": successor, "reason": reason}), feed),
            )
            row = connection.execute("SELECT * FROM feeds WHERE feed=?", (feed,)).fetchone()
        return _record(row)

    def remove(self, feed: str) -> None:
        """Forget a feed that was deleted."""
        with self._database.writing() as connection:
            for table in ("feeds", "subfeeds", "copies", "served", "creations"):
                connection.execute(f"DELETE FROM {table} WHERE feed=?", (feed,))

    def add_copy(self, feed: str) -> FeedRecord:
        """Enter a feed of another node, or find it entered; its record."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO copies VALUES (?,?,NULL)", (feed, time.time())
            )
            row = connection.execute("SELECT * FROM copies WHERE feed=?", (feed,)).fetchone()
        return _copy_record(row)

    def copies(self) -> list[FeedRecord]:
        """Every feed of another node that is kept here."""
        return [_copy_record(row) for row in self._database.rows("SELECT * FROM copies")]

    def end_copy(self, feed: str, retired: dict[str, Any]) -> FeedRecord | None:
        """Remember how the writer of a copied feed ended it; its record, if it is still here."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE copies SET retired=? WHERE feed=?", (json.dumps(retired), feed)
            )
            row = connection.execute("SELECT * FROM copies WHERE feed=?", (feed,)).fetchone()
        return None if row is None else _copy_record(row)

    def mark_served(self, feed: str) -> None:
        """Remember that other nodes have seen a feed of this one."""
        with self._database.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO served VALUES (?)", (feed,))

    def served(self) -> set[str]:
        """The feeds of this node that others have seen."""
        return {row[0] for row in self._database.rows("SELECT feed FROM served")}

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()


def _record(row: Row) -> FeedRecord:
    feed, name, writer, created_at, retired = row
    return FeedRecord(
        feed, name, writer, created_at, None if retired is None else json.loads(retired)
    )


def _copy_record(row: Row) -> FeedRecord:
    feed, added_at, retired = row
    ended = None if retired is None else json.loads(retired)
    return FeedRecord(feed, None, NOBODY, added_at, ended, is_copy=True)
