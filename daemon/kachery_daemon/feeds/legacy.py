"""Feeds that a kachery daemon of 2020-2022 left in the storage folder: read, never written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_store.database import read_foreign

if TYPE_CHECKING:
    from pathlib import Path

# `feeds.db` as that daemon made it; messages are JSON texts with their signatures.
_LENGTH = "SELECT count(*) FROM subfeedMessages WHERE feedId=? AND subfeedHash=?"
_MESSAGES = (
    "SELECT message FROM subfeedMessages WHERE feedId=? AND subfeedHash=? AND position>=?"
    " ORDER BY position LIMIT ?"
)
_KNOWN = "SELECT DISTINCT feedId FROM subfeedMessages ORDER BY feedId"
_SUBFEEDS = (
    "SELECT subfeedHash, count(*) FROM subfeedMessages WHERE feedId=?"
    " GROUP BY subfeedHash ORDER BY subfeedHash"
)


class LegacyFeeds:
    """The old feeds of one storage folder, if there are any."""

    def __init__(self, root: Path) -> None:
        self._path = root / "feeds.db"

    def all(self) -> list[str]:
        """The public keys of the feeds that have messages."""
        return [row[0] for row in read_foreign(self._path, _KNOWN)]

    def subfeeds(self, feed: str) -> dict[str, int]:
        """The hashes of a feed's subfeeds, and how many messages each has."""
        return dict(read_foreign(self._path, _SUBFEEDS, (feed,)))

    def length(self, feed: str, subfeed: str) -> int:
        """How many messages a subfeed has."""
        rows = read_foreign(self._path, _LENGTH, (feed, subfeed))
        return int(rows[0][0]) if rows else 0

    def read(self, feed: str, subfeed: str, position: int, limit: int) -> list[str]:
        """Signed messages from a position on, as JSON texts."""
        rows = read_foreign(self._path, _MESSAGES, (feed, subfeed, position, limit))
        return [row[0] for row in rows]
