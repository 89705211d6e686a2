"""How far each subfeed was ever seen to go.

Kept twice: beside the logs, where it tells a write that a power cut tore from damage to something
acknowledged; and outside the storage folder, where it survives a restored backup and tells that
messages are missing. Appending to an older copy would fork the feed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.messages import Head
from kachery_store.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_core.messages import SubfeedKey

_MIGRATIONS = (
    """CREATE TABLE heads (
        feed TEXT, subfeed TEXT, length INTEGER NOT NULL, entry BLOB NOT NULL,
        PRIMARY KEY (feed, subfeed)) WITHOUT ROWID""",
)


class Heads:
    """The highest verified head of each subfeed."""

    def __init__(self, path: Path) -> None:
        # Not synced at each append: it may lag behind the log, never lead it.
        self._database = Database(path, _MIGRATIONS, durable=False)

    def find(self, key: SubfeedKey) -> Head:
        """The highest head seen; an empty one if none was."""
        rows = self._database.rows(
            "SELECT length, entry FROM heads WHERE feed=? AND subfeed=?", (key.feed, key.subfeed)
        )
        return Head(rows[0][0], rows[0][1]) if rows else Head()

    def lengths(self, feed: str) -> dict[str, int]:
        """How many messages each subfeed of a feed was seen to have, by its hash."""
        sql = "SELECT subfeed, length FROM heads WHERE feed=?"
        return dict(self._database.rows(sql, (feed,)))

    def note(self, heads: dict[SubfeedKey, Head]) -> None:
        """Remember heads; lower ones than known are ignored."""
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT INTO heads VALUES (?,?,?,?) ON CONFLICT (feed, subfeed) DO UPDATE SET"
                " length=excluded.length, entry=excluded.entry WHERE excluded.length>length",
                [(key.feed, key.subfeed, head.length, head.entry) for key, head in heads.items()],
            )

    def forget(self, feed: str) -> None:
        """Forget a feed that was deleted."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM heads WHERE feed=?", (feed,))

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()
