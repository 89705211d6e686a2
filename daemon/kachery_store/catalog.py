"""What was stored here, for people: name, kind, size, when, from where, pinned or not.

The content is the record; this is an index over it, and can be made again by looking at the store.
Beside it is an index by discovery key: what other nodes call a content when they look for it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kachery_store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from kachery_store.database import Connection, Row

_MIGRATIONS = (
    """CREATE TABLE content (
        sha1 TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, size INTEGER NOT NULL,
        manifest TEXT NOT NULL, stored_at REAL NOT NULL, used_at REAL NOT NULL,
        origin TEXT NOT NULL, fetched INTEGER NOT NULL, pinned INTEGER NOT NULL,
        trashed_at REAL) WITHOUT ROWID;
    CREATE INDEX content_by_time ON content (stored_at)""",
    """CREATE TABLE discoveries (discovery BLOB PRIMARY KEY, sha1 TEXT NOT NULL) WITHOUT ROWID""",
    "ALTER TABLE content ADD COLUMN archived INTEGER NOT NULL DEFAULT 0",
)
# SQLite takes so many values in one question, whatever its version.
_MOST_VALUES = 500
_STORED = (
    "sha1, name, kind, size, manifest, stored_at, used_at, origin, fetched, pinned, trashed_at"
)
_SEARCHED = ("name", "kind", "sha1")
_COLUMNS = f"{_STORED}, archived"


@dataclass(frozen=True)
class Entry:
    """One line of the catalog.

    Attributes:
        sha1: of the content.
        name: what it was stored as.
        kind: text, json, npy, pkl, bytes, file, link or folder.
        size: bytes.
        manifest: SHA-1 of the manifest its URI names, or ''.
        stored_at: seconds since 1970.
        used_at: seconds since 1970, of the last load.
        origin: where it came from (program, notebook), plain JSON values.
        fetched: it came from another node and may be let go when space is short.
        pinned: it may not be let go.
        trashed_at: seconds since 1970, or None if it is not in the trash.
        archived: fetched for others, by a node that is an archive; has a quota of its own.
    """

    sha1: str
    name: str
    kind: str
    size: int
    manifest: str = ""
    stored_at: float = 0.0
    used_at: float = 0.0
    origin: dict[str, Any] | None = None
    fetched: bool = False
    pinned: bool = False
    trashed_at: float | None = None
    archived: bool = False


class Catalog:
    """All entries of one storage folder."""

    def __init__(self, state: Path) -> None:
        self._database = Database(
            state / "catalog.sqlite",
            _MIGRATIONS,
            durable=False,
            if_damaged="All content is there, its names and pins are lost;"
            " `kachery fsck` enters it again.",
        )

    def add(self, *entries: Entry) -> None:
        """Enter content, or note that it was stored again.

        What was fetched and is now stored by its owner becomes the owner's; never the reverse.
        """
        now = time.time()

        def enter(connection: Connection) -> None:
            connection.executemany(
                f"INSERT INTO content ({_STORED}) VALUES (?,?,?,?,?,?,?,?,?,?,NULL)"
                " ON CONFLICT (sha1) DO UPDATE SET name=excluded.name, kind=excluded.kind,"
                " manifest=excluded.manifest, stored_at=excluded.stored_at,"
                " used_at=excluded.used_at, origin=excluded.origin,"
                " fetched=min(fetched, excluded.fetched), pinned=max(pinned, excluded.pinned),"
                " trashed_at=NULL",
                [
                    (
                        entry.sha1,
                        _storable(entry.name),
                        entry.kind,
                        entry.size,
                        entry.manifest,
                        entry.stored_at or now,
                        now,
                        json.dumps(entry.origin or {}),
                        entry.fetched,
                        entry.pinned,
                    )
                    for entry in entries
                ],
            )
            _note_discoveries(connection, _names(entries))

        self._database.change(enter)

    def note_discoveries(self, names: Iterable[str]) -> None:
        """Make contents findable by what other nodes call them: objects, links, chunk tables.

        Args:
            names: the SHA-1 of each.
        """
        self._database.change(lambda connection: _note_discoveries(connection, names))

    def find_discoveries(self, discoveries: Sequence[bytes]) -> dict[bytes, str]:
        """The SHA-1 of each content that is asked for by its discovery key (16 bytes).

        It was here once; whether it still is, the store tells.
        """
        found: dict[bytes, str] = {}
        for start in range(0, len(discoveries), _MOST_VALUES):
            some = discoveries[start : start + _MOST_VALUES]
            marks = ",".join("?" * len(some))
            sql = f"SELECT discovery, sha1 FROM discoveries WHERE discovery IN ({marks})"
            found.update(self._database.rows(sql, some))
        return found

    def find(self, sha1: str) -> Entry | None:
        """The entry of this content, in the trash or not."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM content WHERE sha1=?", (sha1,))
        return _entry(rows[0]) if rows else None

    def search(
        self, text: str = "", kind: str = "", *, limit: int = 1000, offset: int = 0
    ) -> list[Entry]:
        """Entries whose name, kind or hash contains a text, perhaps of one kind; newest first."""
        condition, values = _matching(text, kind)
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM content WHERE {condition}"
            " ORDER BY stored_at DESC, sha1 LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return [_entry(row) for row in rows]

    def count(self, text: str = "", kind: str = "") -> int:
        """How many entries `search` finds on all its pages."""
        condition, values = _matching(text, kind)
        rows = self._database.rows(f"SELECT count(*) FROM content WHERE {condition}", values)
        return int(rows[0][0])

    def manifests(self) -> set[str]:
        """The SHA-1 of every manifest that an entry names."""
        rows = self._database.rows("SELECT manifest FROM content WHERE manifest != ''")
        return {row[0] for row in rows}

    def totals(self) -> tuple[int, int]:
        """How many contents are held, and their bytes."""
        rows = self._database.rows(
            "SELECT count(*), coalesce(sum(size), 0) FROM content WHERE trashed_at IS NULL"
        )
        return rows[0][0], rows[0][1]

    def fetched(self) -> list[Entry]:
        """What came from other nodes for programs here, the least recently used first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM content WHERE fetched=1 AND archived=0 AND trashed_at IS NULL"
            " ORDER BY used_at, sha1"
        )
        return [_entry(row) for row in rows]

    def trashed(self) -> list[Entry]:
        """What was removed and can be restored, the longest removed first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM content WHERE trashed_at IS NOT NULL ORDER BY trashed_at"
        )
        return [_entry(row) for row in rows]

    def all_sha1(self) -> list[str]:
        """The SHA-1 of every content that is not in the trash."""
        rows = self._database.rows(
            "SELECT sha1 FROM content WHERE trashed_at IS NULL ORDER BY sha1"
        )
        return [row[0] for row in rows]

    def pin(self, sha1: str, *, pinned: bool) -> None:
        """Protect content from being let go, or no longer."""
        self._set("pinned", pinned, sha1)

    def archive(self, sha1: str, *, archived: bool) -> None:
        """Let an archive decide how long fetched content stays, or no longer."""
        self._set("archived", archived, sha1)

    def note_use(self, sha1: str) -> None:
        """Remember that content was loaded just now."""
        self._set("used_at", time.time(), sha1)

    def note_uses(self, uses: Sequence[tuple[str, float]]) -> None:
        """Remember when contents were loaded: their SHA-1, and seconds since 1970."""
        sql = "UPDATE content SET used_at=max(used_at, ?) WHERE sha1=?"
        values = [(moment, sha1) for sha1, moment in uses]
        self._database.change(lambda connection: connection.executemany(sql, values))

    def mark_trashed(self, sha1: str) -> None:
        """Content went to the trash."""
        self._set("trashed_at", time.time(), sha1)

    def unmark_trashed(self, sha1: str) -> None:
        """Content came back from the trash."""
        self._set("trashed_at", None, sha1)

    def forget(self, sha1: str) -> None:
        """Content is gone for good."""

        def forget(connection: Connection) -> None:
            connection.execute("DELETE FROM content WHERE sha1=?", (sha1,))
            connection.execute("DELETE FROM discoveries WHERE sha1=?", (sha1,))

        self._database.change(forget)

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()

    def _set(self, column: str, value: float | bool | None, sha1: str) -> None:
        sql = f"UPDATE content SET {column}=? WHERE sha1=?"
        self._database.change(lambda connection: connection.execute(sql, (value, sha1)))


def _names(entries: Iterable[Entry]) -> Iterator[str]:
    """What entries make findable: contents, and the tables that their URIs name."""
    for entry in entries:
        yield entry.sha1
        if entry.manifest:
            yield entry.manifest


def _note_discoveries(connection: Connection, names: Iterable[str]) -> None:
    # It brings the library for sealing along, which programs that only load do without.
    from kachery_core.capabilities import content_discovery  # noqa: PLC0415

    connection.executemany(
        "INSERT OR IGNORE INTO discoveries VALUES (?,?)",
        [(content_discovery(sha1), sha1) for sha1 in names],
    )


def _entry(row: Row) -> Entry:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["origin"] = json.loads(values["origin"])
    for flag in ("fetched", "pinned", "archived"):
        values[flag] = bool(values[flag])
    return Entry(**values)


def _matching(text: str, kind: str) -> tuple[str, list[str]]:
    """The condition that finds entries, and its values."""
    condition, values = "trashed_at IS NULL", []
    if text:
        condition += " AND (" + " OR ".join(f"{one} LIKE ? ESCAPE '\\'" for one in _SEARCHED) + ")"
        values = [f"%{_escaped(_storable(text))}%"] * len(_SEARCHED)
    if kind:
        condition, values = f"{condition} AND kind = ?", [*values, kind]
    return condition, values


def _storable(text: str) -> str:
    """Text without the lone surrogates that stand for bytes in file names; SQLite takes none."""
    return text.encode("utf-8", "replace").decode()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
