"""The channels of this node on its disk: memberships, records, keys; `ledger` has the owner's part.

What is newer replaces what is older, never the reverse: the database itself compares.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_daemon.channels.ledger import Ledger, enter_first
from kachery_store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kachery_core.memberships import Membership
    from kachery_core.records import Record
    from kachery_store.database import Row

_MIGRATIONS = (
    """CREATE TABLE channels (
        channel_id TEXT PRIMARY KEY, hub_url TEXT NOT NULL,
        membership TEXT NOT NULL, issued_at INTEGER NOT NULL,
        record TEXT NOT NULL, version INTEGER NOT NULL,
        disabled TEXT NOT NULL, is_owned INTEGER NOT NULL, joined_at REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE keys (
        channel_id TEXT, epoch INTEGER, key BLOB NOT NULL,
        PRIMARY KEY (channel_id, epoch)) WITHOUT ROWID;
    CREATE TABLE members (
        channel_id TEXT, node_id TEXT, membership TEXT NOT NULL, issued_at INTEGER NOT NULL,
        is_revoked INTEGER NOT NULL,
        PRIMARY KEY (channel_id, node_id)) WITHOUT ROWID;
    CREATE TABLE untold (
        channel_id TEXT, node_id TEXT, PRIMARY KEY (channel_id, node_id)) WITHOUT ROWID""",
)


@dataclass(frozen=True)
class KeptChannel:
    """One channel as it is kept.

    Attributes:
        channel_id: its account, `A…`.
        hub_url: as text.
        membership: of this node, signed.
        record: of the channel, signed.
        disabled: names of the roles that this node's user does not want.
        is_owned: whether this node decides who belongs to it.
        joined_at: seconds since 1970.
        keys: the channel's keys by epoch.
    """

    channel_id: str
    hub_url: str
    membership: str
    record: str
    disabled: frozenset[str]
    is_owned: bool
    joined_at: float
    keys: dict[int, bytes]


class ChannelRegistry:
    """All channels of one node.

    Args:
        state: the state folder.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "channels.sqlite"
        self._database = Database(self._path, _MIGRATIONS, durable=True)
        self.ledger = Ledger(self._database)

    def all(self) -> list[KeptChannel]:
        """Every channel, the oldest first; makes no file where there is none."""
        if not self._path.exists():
            return []
        keys: dict[str, dict[int, bytes]] = {}
        for channel_id, epoch, key in self._database.rows("SELECT * FROM keys"):
            keys.setdefault(channel_id, {})[epoch] = key
        rows = self._database.rows(
            "SELECT channel_id, hub_url, membership, record, disabled, is_owned, joined_at"
            " FROM channels ORDER BY joined_at, channel_id"
        )
        return [_channel(row, keys.get(row[0], {})) for row in rows]

    def add(
        self,
        hub_url: str,
        membership: Membership,
        record: Record,
        key: tuple[int, bytes],
        *,
        is_owned: bool,
    ) -> KeptChannel:
        """Enter a channel with its key; an own one as something the hub does not know yet."""
        channel_id = record.channel_id
        with self._database.writing() as connection:
            signed = (membership.text, membership.issued_at, record.text, record.version)
            connection.execute(
                "INSERT INTO channels VALUES (?,?,?,?,?,?,'[]',?,?)",
                (channel_id, hub_url, *signed, is_owned, time.time()),
            )
            connection.execute("INSERT OR IGNORE INTO keys VALUES (?,?,?)", (channel_id, *key))
            if is_owned:
                enter_first(connection, membership)
        return next(kept for kept in self.all() if kept.channel_id == channel_id)

    def take(
        self,
        channel_id: str,
        *,
        membership: Membership | None = None,
        record: Record | None = None,
        key: tuple[int, bytes] | None = None,
        hub_url: str | None = None,
    ) -> None:
        """Keep what is newer than what is here, all of it at once; ignore what is not.

        Args:
            channel_id: the channel; nothing happens if it is not here any more.
            membership: of this node.
            record: of the channel.
            key: epoch and key.
            hub_url: where the hub is now.
        """
        with self._database.writing() as connection:
            if membership is not None:
                connection.execute(
                    "UPDATE channels SET membership=?, issued_at=?"
                    " WHERE channel_id=? AND issued_at<?",
                    (membership.text, membership.issued_at, channel_id, membership.issued_at),
                )
            if record is not None:
                connection.execute(
                    "UPDATE channels SET record=?, version=? WHERE channel_id=? AND version<?",
                    (record.text, record.version, channel_id, record.version),
                )
            if key is not None:
                connection.execute("INSERT OR IGNORE INTO keys VALUES (?,?,?)", (channel_id, *key))
            if hub_url is not None:
                connection.execute(
                    "UPDATE channels SET hub_url=? WHERE channel_id=?", (hub_url, channel_id)
                )

    def replace_key(self, channel_id: str, key: tuple[int, bytes]) -> None:
        """Keep a key, epoch and bytes, instead of another one of its epoch."""
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO keys VALUES (?,?,?)", (channel_id, *key))

    def disable(self, channel_id: str, disabled: Iterable[str]) -> None:
        """Keep which roles this node's user does not want."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE channels SET disabled=? WHERE channel_id=?",
                (json.dumps(sorted(disabled)), channel_id),
            )

    def remove(self, channel_id: str) -> None:
        """Forget a channel with its keys; the account key of an own one is a file and stays."""
        with self._database.writing() as connection:
            for table in ("channels", "keys", "members", "untold"):
                connection.execute(f"DELETE FROM {table} WHERE channel_id=?", (channel_id,))

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()


def _channel(row: Row, keys: dict[int, bytes]) -> KeptChannel:
    channel_id, hub_url, membership, record, disabled, is_owned, joined_at = row
    roles = frozenset(json.loads(disabled))
    return KeptChannel(
        channel_id, hub_url, membership, record, roles, bool(is_owned), joined_at, keys
    )
