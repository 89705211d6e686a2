"""The channels of this node on its disk: memberships, records, keys; for its own also the members.

What is newer replaces what is older, never the reverse: the database itself compares.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_store.database import Database

if TYPE_CHECKING:
    import sqlite3
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
# In `untold` among the node ids: the hub has not got the newest record yet.
_RECORD = ""


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


@dataclass(frozen=True)
class KeptMember:
    """One member of a channel that this node owns, as it is kept.

    Attributes:
        membership: the newest that was issued, signed.
        is_revoked: whether the node was put out of the channel.
    """

    node_id: str
    membership: str
    is_revoked: bool


@dataclass(frozen=True)
class Untold:
    """What the hub of an own channel has not confirmed yet.

    Attributes:
        record: whether the newest record is among it.
        nodes: members whose newest membership, or letter, is among it.
    """

    record: bool
    nodes: frozenset[str]

    def __bool__(self) -> bool:
        return self.record or bool(self.nodes)


class ChannelRegistry:
    """All channels of one node.

    Args:
        state: the state folder.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "channels.sqlite"
        self._database = Database(self._path, _MIGRATIONS, durable=True)

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

    def add(self, hub_url: str, membership: Membership, record: Record, *, is_owned: bool) -> None:
        """Enter a channel; one that is there keeps what it knows better."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO channels VALUES (?,?,?,?,?,?,'[]',?,?)",
                (
                    record.channel_id,
                    hub_url,
                    membership.text,
                    membership.issued_at,
                    record.text,
                    record.version,
                    is_owned,
                    time.time(),
                ),
            )

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

    def members(self, channel_id: str) -> list[KeptMember]:
        """Everybody who ever belonged to an own channel."""
        rows = self._database.rows(
            "SELECT node_id, membership, is_revoked FROM members WHERE channel_id=?"
            " ORDER BY node_id",
            (channel_id,),
        )
        return [KeptMember(node_id, text, bool(revoked)) for node_id, text, revoked in rows]

    def decide(
        self,
        channel_id: str,
        *,
        record: Record | None = None,
        key: tuple[int, bytes] | None = None,
        memberships: Iterable[Membership] = (),
        revoked: str | None = None,
    ) -> None:
        """Keep what the owner decided, all of it at once, as something the hub does not know yet.

        Args:
            channel_id: an own channel.
            record: the new record.
            key: epoch and key; every remaining member needs a letter.
            memberships: issued to members, also to new ones.
            revoked: the node that is put out.
        """
        with self._database.writing() as connection:
            untold = {_RECORD} if record is not None else set()
            if record is not None:
                connection.execute(
                    "UPDATE channels SET record=?, version=? WHERE channel_id=? AND version<?",
                    (record.text, record.version, channel_id, record.version),
                )
            for each in memberships:
                connection.execute(
                    "INSERT INTO members VALUES (?,?,?,?,0) ON CONFLICT (channel_id, node_id)"
                    " DO UPDATE SET membership=excluded.membership, issued_at=excluded.issued_at,"
                    " is_revoked=0 WHERE excluded.issued_at>issued_at",
                    (channel_id, each.node_id, each.text, each.issued_at),
                )
                untold.add(each.node_id)
            if revoked is not None:
                connection.execute(
                    "UPDATE members SET is_revoked=1 WHERE channel_id=? AND node_id=?",
                    (channel_id, revoked),
                )
            if key is not None:
                connection.execute("INSERT OR IGNORE INTO keys VALUES (?,?,?)", (channel_id, *key))
                untold |= _members_there(connection, channel_id)
            connection.executemany(
                "INSERT OR IGNORE INTO untold VALUES (?,?)",
                [(channel_id, node_id) for node_id in sorted(untold)],
            )

    def untold(self, channel_id: str) -> Untold:
        """What the hub has not confirmed yet."""
        rows = self._database.rows("SELECT node_id FROM untold WHERE channel_id=?", (channel_id,))
        nodes = {node_id for (node_id,) in rows}
        return Untold(_RECORD in nodes, frozenset(nodes - {_RECORD}))

    def told(self, channel_id: str, version: int, memberships: Iterable[tuple[str, int]]) -> None:
        """The hub confirmed a record and memberships; newer ones are still to be told.

        Args:
            channel_id: an own channel.
            version: of the record.
            memberships: node id and time of issue of each.
        """
        with self._database.writing() as connection:
            connection.execute(
                "DELETE FROM untold WHERE channel_id=? AND node_id=? AND EXISTS"
                " (SELECT 1 FROM channels WHERE channel_id=? AND version=?)",
                (channel_id, _RECORD, channel_id, version),
            )
            connection.executemany(
                "DELETE FROM untold WHERE channel_id=? AND node_id=? AND EXISTS"
                " (SELECT 1 FROM channels WHERE channel_id=? AND version=?) AND EXISTS"
                " (SELECT 1 FROM members WHERE channel_id=? AND node_id=? AND issued_at=?)",
                [
                    (channel_id, node_id, channel_id, version, channel_id, node_id, issued_at)
                    for node_id, issued_at in memberships
                ],
            )

    def tell_again(self, channel_id: str) -> None:
        """The hub has forgotten a channel: tell it everything."""
        with self._database.writing() as connection:
            untold = {_RECORD} | _members_there(connection, channel_id)
            connection.executemany(
                "INSERT OR IGNORE INTO untold VALUES (?,?)",
                [(channel_id, node_id) for node_id in sorted(untold)],
            )

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()


def _members_there(connection: sqlite3.Connection, channel_id: str) -> set[str]:
    rows = connection.execute(
        "SELECT node_id FROM members WHERE channel_id=? AND NOT is_revoked", (channel_id,)
    )
    return {node_id for (node_id,) in rows}


def _channel(row: Row, keys: dict[int, bytes]) -> KeptChannel:
    channel_id, hub_url, membership, record, disabled, is_owned, joined_at = row
    return KeptChannel(
        channel_id,
        hub_url,
        membership,
        record,
        frozenset(json.loads(disabled)),
        bool(is_owned),
        joined_at,
        keys,
    )
