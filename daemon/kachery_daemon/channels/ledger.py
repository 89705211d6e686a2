"""The owner's book of a channel: who belongs to it, and what the hub has not confirmed yet.

A part of the registry's database, so that a decision and what follows from it are kept together or
not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from kachery_core.memberships import Membership
    from kachery_core.records import Record
    from kachery_store.database import Database

# In `untold` among the node ids: the hub has not got the newest record yet.
_RECORD = ""


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
        is_record: whether the newest record is among it.
        nodes: members whose newest membership, or letter, is among it.
    """

    is_record: bool
    nodes: frozenset[str]

    def __bool__(self) -> bool:
        return self.is_record or bool(self.nodes)


class Ledger:
    """Members and decisions of the channels that this node owns.

    Args:
        database: the registry's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

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
        memberships: Sequence[Membership] = (),
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
            untold = {each.node_id for each in memberships}
            if record is not None:
                untold.add(_RECORD)
                connection.execute(
                    "UPDATE channels SET record=?, version=? WHERE channel_id=? AND version<?",
                    (record.text, record.version, channel_id, record.version),
                )
            for each in memberships:
                _enter(connection, each)
            if revoked is not None:
                for change in (
                    "UPDATE members SET is_revoked=1 WHERE channel_id=? AND node_id=?",
                    "DELETE FROM untold WHERE channel_id=? AND node_id=?",
                ):
                    connection.execute(change, (channel_id, revoked))
            if key is not None:
                connection.execute("INSERT OR IGNORE INTO keys VALUES (?,?,?)", (channel_id, *key))
                untold |= _members_there(connection, channel_id)
            _tell(connection, channel_id, untold)

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
            _tell(connection, channel_id, {_RECORD} | _members_there(connection, channel_id))


def _enter(connection: sqlite3.Connection, membership: Membership) -> None:
    connection.execute(
        "INSERT INTO members VALUES (?,?,?,?,0) ON CONFLICT (channel_id, node_id)"
        " DO UPDATE SET membership=excluded.membership, issued_at=excluded.issued_at,"
        " is_revoked=0 WHERE excluded.issued_at>issued_at",
        (membership.channel_id, membership.node_id, membership.text, membership.issued_at),
    )


def enter_first(connection: sqlite3.Connection, membership: Membership) -> None:
    """Enter the owner of a new channel, which the hub does not know yet."""
    _enter(connection, membership)
    _tell(connection, membership.channel_id, {_RECORD, membership.node_id})


def _tell(connection: sqlite3.Connection, channel_id: str, untold: set[str]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO untold VALUES (?,?)", [(channel_id, node) for node in sorted(untold)]
    )


def _members_there(connection: sqlite3.Connection, channel_id: str) -> set[str]:
    rows = connection.execute(
        "SELECT node_id FROM members WHERE channel_id=? AND NOT is_revoked", (channel_id,)
    )
    return {node_id for (node_id,) in rows}
