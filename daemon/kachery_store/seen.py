"""Files whose digest was computed and that have not changed since.

Makes storing an unchanged file again cost a stat, and a verified object stay verified. One small
database per user, in the user's cache folder: it may be deleted at any time, and then files are
hashed once more.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from kachery_core.errors import KacheryError
from kachery_store.database import Database

if TYPE_CHECKING:
    import os
    from pathlib import Path

_MIGRATIONS = (
    """CREATE TABLE seen (
        device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,
        sha1 TEXT NOT NULL, manifest TEXT NOT NULL, seen_at REAL NOT NULL,
        PRIMARY KEY (device, inode)) WITHOUT ROWID""",
)
# Two changes within one tick of the clock leave the same times; file systems tick at up to 2 s.
_RACY_SECONDS = 2.0
# Silent damage does not change the times either: look again after this long.
_TRUSTED_SECONDS = 30 * 24 * 3600


class Seen:
    """Digests by (device, inode), valid while size and times are the same."""

    def __init__(self, path: Path | None = None) -> None:
        path = path or user_cache_path("kachery") / "seen.sqlite"
        self._database = Database(
            path, _MIGRATIONS, durable=False, if_damaged="Files are verified once more."
        )
        with suppress(OSError):  # then nothing is remembered
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def find(self, status: os.stat_result) -> tuple[str, str] | None:
        """The SHA-1 of a file and that of its manifest ('' if it has none), if known."""
        with suppress(KacheryError):  # without its memory everything is slower, not wrong
            rows = self._database.rows(
                "SELECT sha1, manifest FROM seen WHERE device=? AND inode=? AND size=?"
                " AND mtime_ns=? AND ctime_ns=? AND seen_at>?",
                (*_signature(status), time.time() - _TRUSTED_SECONDS),
            )
            return (rows[0][0], rows[0][1]) if rows else None
        return None

    def remember(
        self, status: os.stat_result, sha1: str, manifest: str = "", *, is_ours: bool = False
    ) -> None:
        """Note a file's digest.

        Args:
            status: the file's status from before and after it was read.
            sha1: of the whole file.
            manifest: SHA-1 of its manifest.
            is_ours: nobody else can have written it meanwhile, so its age does not matter.
        """
        if not is_ours and is_racy(status):
            return
        values = (*_signature(status), sha1, manifest, time.time())
        sql = "INSERT OR REPLACE INTO seen VALUES (?,?,?,?,?,?,?,?)"
        with suppress(KacheryError):
            self._database.change(lambda connection: connection.execute(sql, values))

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()


def is_racy(status: os.stat_result) -> bool:
    """Whether a file changed so lately that its next change may leave its times as they are."""
    return time.time() - status.st_ctime < _RACY_SECONDS


def same_file(first: os.stat_result, second: os.stat_result) -> bool:
    """Whether nothing about a file changed between two looks."""
    return _signature(first) == _signature(second)


def _signature(status: os.stat_result) -> tuple[int, int, int, int, int]:
    # SQLite's integers end at 63 bits; some file systems use all 64 for an inode.
    wrap = 1 << 63
    return (
        status.st_dev % wrap,
        status.st_ino % wrap,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
