"""The door to SQLite: one connection per thread, numbered migrations, plain errors."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kachery_core.errors import StorageFailedError
from kachery_store.disk import disk_errors, storage_full

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Row = tuple[Any, ...]

_BUSY_SECONDS = 10


class Database:
    """One SQLite file in write-ahead mode, used by any number of threads and processes.

    Args:
        path: the file; made when first used.
        migrations: SQL scripts; number n brings a database from version n to n + 1.
        durable: whether a commit must survive a power cut (WAL and FULL are what SQLite needs for
            that). False is for what can be found again by looking at the store.
    """

    def __init__(self, path: Path, migrations: Sequence[str], *, durable: bool) -> None:
        self.path = path
        self._migrations = migrations
        self._durable = durable
        self._local = threading.local()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """The answer to a question."""
        with self._errors():
            return self._connection().execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        with self._errors():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> sqlite3.Connection:
        # A connection must not be used after a fork.
        if getattr(self._local, "connection", None) is None or self._local.pid != os.getpid():
            self._local.connection = self._open()
            self._local.pid = os.getpid()
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _open(self) -> sqlite3.Connection:
        with disk_errors(self.path.parent):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            os.close(descriptor)
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'NORMAL'}")
        connection.execute("PRAGMA fullfsync=1")
        self._migrate(connection)
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if _version(connection) == len(self._migrations):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            for number in range(_version(connection), len(self._migrations)):
                for statement in self._migrations[number].split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={number + 1}")
        except BaseException:
            connection.rollback()
            raise
        connection.commit()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as problem:
            if getattr(problem, "sqlite_errorname", "") == "SQLITE_FULL" or "full" in str(problem):
                raise storage_full(self.path.parent, None) from problem
            raise StorageFailedError(
                f"The database {self.path} failed: {problem}.",
                hint="Run `kachery doctor`; it says what can be repaired.",
                path=str(self.path),
            ) from problem


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
