"""Small named values that may change: any JSON value under any JSON key.

The key's identity is the SHA-1 of its canonical JSON, as kachery-daemon had it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kachery_core.digests import json_bytes, sha1_hex
from kachery_core.errors import OwnerOnlyError
from kachery_store.database import Database

if TYPE_CHECKING:
    from pathlib import Path

_MIGRATIONS = (
    """CREATE TABLE mutables (
        sha1 TEXT PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL, writer INTEGER NOT NULL
    ) WITHOUT ROWID""",
)
OWNER = -1


class Mutables:
    """All values of one storage folder.

    `writer` is the user id of whoever set a value; on a shared node only that user and the owner
    may change it.
    """

    def __init__(self, state: Path) -> None:
        self._database = Database(state / "mutables.sqlite", _MIGRATIONS, durable=True)

    def get(self, key: Any) -> Any:
        """The value, or None if there is none."""
        rows = self._database.rows("SELECT value FROM mutables WHERE sha1=?", (_identity(key),))
        return json.loads(rows[0][0]) if rows else None

    def set(self, key: Any, value: Any, *, update: bool = True, writer: int = OWNER) -> bool:
        """Set a value; with update=False only if there is none yet. Whether it was set.

        Raises:
            InvalidInputError: key or value is not JSON.
            OwnerOnlyError: another user set it.
        """
        text = json_bytes(value).decode()
        with self._database.writing() as connection:
            rows = connection.execute(
                "SELECT writer FROM mutables WHERE sha1=?", (_identity(key),)
            ).fetchall()
            if rows and not update:
                return False
            _check_writer(rows, writer)
            connection.execute(
                "INSERT INTO mutables VALUES (?,?,?,?)"
                " ON CONFLICT (sha1) DO UPDATE SET value=excluded.value",
                (_identity(key), json_bytes(key).decode(), text, writer),
            )
        return True

    def delete(self, key: Any, *, writer: int = OWNER) -> bool:
        """Remove a value. Whether there was one.

        Raises:
            OwnerOnlyError: another user set it.
        """
        with self._database.writing() as connection:
            rows = connection.execute(
                "SELECT writer FROM mutables WHERE sha1=?", (_identity(key),)
            ).fetchall()
            _check_writer(rows, writer)
            connection.execute("DELETE FROM mutables WHERE sha1=?", (_identity(key),))
        return bool(rows)

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()


def _identity(key: Any) -> str:
    return sha1_hex(json_bytes(key, sort_keys=True))


def _check_writer(rows: list[tuple[int]], writer: int) -> None:
    if rows and writer not in (OWNER, rows[0][0]):
        raise OwnerOnlyError(
            "Another user of this computer set this value.", hint="Use a key of your own."
        )
