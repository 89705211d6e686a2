"""The door to SQLite: one connection per thread, numbered migrations, plain errors."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kachery_core.errors import StorageFailedError
from kachery_store.disk import disk_errors, storage_full
from kachery_store.locks import exclusive_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Row = tuple[Any, ...]
Connection = sqlite3.Connection
T = TypeVar("T")

_BUSY_SECONDS, _TURN_SECONDS = 10, 0.002
# SQLite's words for SQLITE_NOTADB and SQLITE_CORRUPT; Python 3.10 has no numbers for them.
_DAMAGED = ("not a database", "malformed")
_log = logging.getLogger(__name__)


class _Slot:
    """Where one thread keeps its connection to one database."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.connection: sqlite3.Connection | None = None
        self.file: tuple[int, int] | None = None

    def close(self) -> None:
        with self.lock:
            if self.connection is not None:
                self.connection.close()
                self.connection = None


_slots: weakref.WeakSet[_Slot] = weakref.WeakSet()
_slots_lock = threading.RLock()
_held_over_fork: list[_Slot] = []


def _new_slot() -> _Slot:
    slot = _Slot()
    with _slots_lock:
        _slots.add(slot)
    return slot


def _before_fork() -> None:
    """Close every connection of this process.

    SQLite's record of the locks it holds would be copied into the child, which does not hold them:
    what the child then writes is lost when the parent closes the database.
    """
    _slots_lock.acquire()
    _held_over_fork[:] = _slots
    for slot in _held_over_fork:
        slot.lock.acquire()
        slot.close()


def _after_fork() -> None:
    for slot in _held_over_fork:
        slot.lock.release()
    _held_over_fork.clear()
    _slots_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )


class Database:
    """One SQLite file in write-ahead mode, used by any number of threads and processes.

    Args:
        path: the file; made when first used.
        migrations: SQL scripts; number n brings a database from version n to n + 1.
        durable: whether a commit must survive a power cut (WAL and FULL are what SQLite needs for
            that). False is for what can be found again by looking at the store.
        if_damaged: what to tell people when a damaged file was set aside and a new one made;
            without it a damaged file stays where it is, and is an error.
        one_connection: have one connection for all threads, in turns.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[str],
        *,
        durable: bool,
        if_damaged: str = "",
        one_connection: bool = False,
    ) -> None:
        self.path = path
        self._migrations = migrations
        self._durable = durable
        self._if_damaged = if_damaged
        self._local = threading.local()
        self._only = _new_slot() if one_connection else None

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """The answer to a question."""

        def ask() -> list[Row]:
            with self._connection() as connection:
                return connection.execute(sql, values).fetchall()

        return self._on_a_sound_file(ask)

    def change(self, work: Callable[[Connection], object]) -> None:
        """Do something in one transaction; it may be called once more, with a new file."""

        def change() -> None:
            with self.writing() as connection:
                work(connection)

        self._on_a_sound_file(change)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        with self._connection() as connection:
            if connection.in_transaction:
                connection.rollback()  # an interrupt left it open
            with _transaction(connection):
                yield connection

    def close(self) -> None:
        """Close this thread's connection."""
        self._slot().close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        slot = self._slot()
        with _slots_lock:
            pass  # who forks comes first
        with slot.lock, self._errors():
            if slot.connection is not None and slot.file != self._file():
                slot.close()  # another file has the name now
            if slot.connection is None:
                slot.connection = self._open()
                slot.file = self._file()
            yield slot.connection

    def _file(self) -> tuple[int, int] | None:
        with suppress(OSError):
            status = self.path.stat()
            return status.st_dev, status.st_ino
        return None

    def _on_a_sound_file(self, work: Callable[[], T]) -> T:
        """Do something; once more with a new file if the one there is damaged."""
        try:
            return work()
        except StorageFailedError as problem:
            if not self._if_damaged or not _says_damaged(problem.__cause__):
                raise
            self.close()
            with disk_errors(self.path.parent), exclusive_lock(Path(f"{self.path}.lock")):
                # Somebody else may have been faster.
                if _is_damaged(self.path):
                    self._set_aside()
        return work()

    def _set_aside(self) -> None:
        kept = f"{self.path}.damaged-{time.time_ns()}"
        # The file goes last: the log of an old one must not be taken for that of a new one.
        for ending in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                os.replace(f"{self.path}{ending}", f"{kept}{ending}")
        _log.warning("%s was damaged; it is %s now. %s", self.path, kept, self._if_damaged)

    def _slot(self) -> _Slot:
        slot: _Slot | None = self._only or getattr(self._local, "slot", None)
        if slot is None:
            slot = self._local.slot = _new_slot()
        return slot

    def _open(self) -> sqlite3.Connection:
        with disk_errors(self.path.parent):
            self._make_file()
        # Another thread closes it when it forks.
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        _write_ahead(connection)
        connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'NORMAL'}")
        connection.execute("PRAGMA fullfsync=1")
        self._migrate(connection)
        return connection

    def _make_file(self) -> None:
        """Make the file if there is none, for its owner alone.

        A file that is there is not opened: closing it would drop the locks that SQLite holds on
        it for other threads of this process.
        """
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if not os.access(self.path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if _version(connection) < len(self._migrations):
            with _transaction(connection):
                for number in range(_version(connection), len(self._migrations)):
                    for statement in self._migrations[number].split(";"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version={number + 1}")

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


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def _write_ahead(connection: Connection) -> None:
    """Have it write ahead; two who open a new file at once lock each other out, unasked to wait."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as problem:
            if "locked" not in str(problem) or time.monotonic() > until:
                raise
            time.sleep(_TURN_SECONDS)
        else:
            return


def read_foreign(path: Path, sql: str, values: Sequence[Any] = ()) -> list[Row]:
    """Ask a database that somebody else wrote, without changing a byte; nothing if it is absent.

    Raises:
        StorageFailedError: it is no database, or not the one expected.
    """
    if not path.is_file():
        return []
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as problem:
        raise StorageFailedError(
            f"The database {path} cannot be read: {problem}.",
            hint="It was written by an older kachery; move it away if it is not needed.",
            path=str(path),
        ) from problem


def _is_damaged(path: Path) -> bool:
    if not path.exists():
        return False
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    try:
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as problem:
        return _says_damaged(problem)
    finally:
        connection.close()


def _says_damaged(problem: BaseException | None) -> bool:
    return any(word in str(problem) for word in _DAMAGED)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
