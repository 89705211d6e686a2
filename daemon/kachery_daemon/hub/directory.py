"""What a hub knows of channels: their newest records, and what waits for their members.

Nothing in it is secret, and nothing in it is believed: channels signed all of it, and nodes verify
it again. It is written to disk before anybody is told that it was registered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core.errors import BadMembershipError, OverLimitError
from kachery_core.wire.hub import Deposit
from kachery_daemon.hub.limits import LARGEST_DIRECTORY, MOST_DEPOSITS
from kachery_store.database import Database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kachery_core.memberships import Membership
    from kachery_core.records import Record

_MIGRATIONS = (
    """
    CREATE TABLE channels (
        channel TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        record TEXT NOT NULL,
        signed_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE deposits (
        channel TEXT NOT NULL,
        node TEXT NOT NULL,
        version INTEGER NOT NULL,
        issued_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        membership TEXT NOT NULL,
        letter BLOB NOT NULL,
        PRIMARY KEY (channel, node)
    ) WITHOUT ROWID;
    """,
)
# Whose membership ended that long ago has to be invited again.
_KEPT_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True)
class Known:
    """A channel as the directory has it.

    Attributes:
        record: the text of its newest record.
        signed_at: when the hub signed an account for it, seconds since 1970; never goes back.
    """

    record: str
    signed_at: int


@dataclass(frozen=True)
class Entry:
    """A deposit, verified.

    Attributes:
        membership: what is in it.
        letter: sealed to the member.
    """

    membership: Membership
    letter: bytes


class Directory:
    """The directory of one hub; used by any thread.

    Args:
        path: its file.
        most_channels: how many channels there is room for.
    """

    def __init__(self, path: Path, most_channels: int) -> None:
        self._database = Database(path, _MIGRATIONS, durable=True)
        self._most_channels = most_channels

    def register(self, record: Record, entries: Sequence[Entry], now: int) -> Known:
        """Keep what is new of a channel; a power cut from here on loses nothing.

        Args:
            record: verified.
            entries: for members of the channel, verified.
            now: seconds since 1970.

        Raises:
            BadMembershipError: it is older than what is here, or another of the same version.
            OverLimitError: there is no room for it.
        """
        with self._database.writing() as connection:
            before = _known(connection, record.channel_id)
            if before is None:
                self._check_room_for_one_more(connection)
            else:
                _check_is_newer(record, before)
            if before and before[1].record == record.text:
                known = before[1]
            else:
                # NATS ignores an account that is older than the one it has, whatever it says.
                signed_at = max(now, before[1].signed_at) if before else now
                known = Known(record.text, signed_at)
                connection.execute(
                    "INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?)",
                    (record.channel_id, record.version, record.text, known.signed_at),
                )
            _deposit(connection, record, entries)
            _clear(connection, record, now)
            self._check_size(connection, record.channel_id)
        return known

    def lookup(self, channel_id: str, node_id: str) -> tuple[str, Deposit | None] | None:
        """The newest record of a channel, and what waits for a node; None if it is not here."""
        rows = self._database.rows(
            "SELECT record, membership, letter FROM channels LEFT JOIN deposits"
            " ON deposits.channel = channels.channel AND node = ? WHERE channels.channel = ?",
            (node_id, channel_id),
        )
        if not rows:
            return None
        record, membership, letter = rows[0]
        return record, None if membership is None else Deposit(membership, letter)

    def channels(self) -> Iterator[Known]:
        """Every channel."""
        after = ""
        # One at a time: all the records together may be large.
        while rows := self._database.rows(
            "SELECT channel, record, signed_at FROM channels WHERE channel > ?"
            " ORDER BY channel LIMIT 1",
            (after,),
        ):
            after, record, signed_at = rows[0]
            yield Known(record, signed_at)

    def size(self) -> tuple[int, int, int]:
        """How many channels, how many deposits, how many bytes on disk."""
        ((channels, deposits, size),) = self._database.rows(
            "SELECT (SELECT count(*) FROM channels), (SELECT count(*) FROM deposits),"
            " page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        )
        return channels, deposits, size

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()

    def _check_room_for_one_more(self, connection: sqlite3.Connection) -> None:
        ((count,),) = connection.execute("SELECT count(*) FROM channels")
        if count >= self._most_channels:
            raise OverLimitError(
                f"The hub has {count} channels, and room for no more.",
                hint="Use another hub, or ask who runs it for `kachery hub start --max-channels`.",
            )

    def _check_size(self, connection: sqlite3.Connection, channel_id: str) -> None:
        ((count,),) = connection.execute(
            "SELECT count(*) FROM deposits WHERE channel = ?", (channel_id,)
        )
        if count > MOST_DEPOSITS:
            raise OverLimitError(
                f"The hub has room for {MOST_DEPOSITS} members of a channel, not for {count}.",
                hint="Revoke members that are gone, or make a second channel.",
            )
        ((size,),) = connection.execute(
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        )
        if size > LARGEST_DIRECTORY:
            raise OverLimitError(
                f"The hub's directory has reached {LARGEST_DIRECTORY:,} bytes, its largest size.",
                hint="Use another hub, or tell who runs it.",
            )


def _known(connection: sqlite3.Connection, channel_id: str) -> tuple[int, Known] | None:
    row = connection.execute(
        "SELECT version, record, signed_at FROM channels WHERE channel = ?", (channel_id,)
    ).fetchone()
    return None if row is None else (row[0], Known(row[1], row[2]))


def _check_is_newer(record: Record, before: tuple[int, Known]) -> None:
    version, known = before
    if record.version < version:
        raise BadMembershipError(
            f"The hub knows version {version} of the channel {record.name!r};"
            f" this is version {record.version}.",
            hint="This node was restored from a backup, or somebody repeats old messages.",
            known_version=version,
        )
    if record.version == version and record.text != known.record:
        raise BadMembershipError(
            f"The hub knows another version {version} of the channel {record.name!r}.",
            hint="Two nodes use the key of this channel; only one may.",
            known_version=version,
        )


def _deposit(connection: sqlite3.Connection, record: Record, entries: Sequence[Entry]) -> None:
    """Keep what is for members, unless something newer waits for them."""
    connection.executemany(
        "INSERT INTO deposits VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (channel, node) DO UPDATE SET version = excluded.version,"
        " issued_at = excluded.issued_at, expires_at = excluded.expires_at,"
        " membership = excluded.membership, letter = excluded.letter"
        " WHERE (excluded.version, excluded.issued_at) > (version, issued_at)",
        [
            (
                record.channel_id,
                entry.membership.node_id,
                record.version,
                entry.membership.issued_at,
                entry.membership.expires_at,
                entry.membership.text,
                entry.letter,
            )
            for entry in entries
        ],
    )


def _clear(connection: sqlite3.Connection, record: Record, now: int) -> None:
    """Forget what is of use to nobody: for who was revoked, and what ended long ago."""
    connection.executemany(
        "DELETE FROM deposits WHERE channel = ? AND node = ? AND issued_at <= ?",
        [(record.channel_id, node, time) for node, time in record.revocations.items()],
    )
    connection.execute(
        "DELETE FROM deposits WHERE channel = ? AND expires_at < ?",
        (record.channel_id, now - _KEPT_SECONDS),
    )
