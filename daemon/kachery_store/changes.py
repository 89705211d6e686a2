"""Whether anybody, in this process or another, changed a database since the last look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_store.database import Database

if TYPE_CHECKING:
    from pathlib import Path


class Changes:
    """Looks at one database; any thread may look, and a look takes microseconds.

    Args:
        path: of a database that somebody else makes and writes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = Database(path, (), durable=False, one_connection=True)
        self._seen: tuple[int, ...] = ()

    def look(self) -> bool:
        """Whether something was committed since the last look; the first look says yes.

        Raises:
            StorageFailedError: the database cannot be read.
        """
        seen = self._now()
        before, self._seen = self._seen, seen
        return seen != before

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def _now(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return (0,)  # who looks makes no file
        # SQLite's number counts what others commit, as this connection sees it.
        version = self._database.rows("PRAGMA data_version")[0][0]
        return (status.st_dev, status.st_ino, version)
