"""The database: no acknowledged value is lost, whoever else has it open."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from kachery_core.errors import StorageFailedError, StorageFullError, StorageReadOnlyError
from kachery_store.database import Database
from kachery_store.mutables import Mutables

if TYPE_CHECKING:
    from pathlib import Path

_PRELUDE = (
    "import sys; from pathlib import Path; from kachery_store.mutables import Mutables;"
    "m = Mutables(Path(sys.argv[1]))"
)
MIGRATIONS = ("CREATE TABLE t (x INTEGER)", "ALTER TABLE t ADD COLUMN y TEXT")


def _other_process(folder: Path, program: str) -> str:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"{_PRELUDE}; {program}",
            str(folder),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_an_old_database_is_brought_up_to_date(tmp_path: Path) -> None:
    old = Database(tmp_path / "db", MIGRATIONS[:1], durable=True)
    with old.writing() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
    old.close()

    new = Database(tmp_path / "db", MIGRATIONS, durable=True)

    assert new.rows("SELECT x, y FROM t") == [(1, None)]
    new.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    broken = Database(tmp_path / "db", ("CREATE TABLE t (x); CREATE nonsense",), durable=True)
    with pytest.raises(StorageFailedError):
        broken.rows("SELECT 1")
    broken.close()

    good = Database(tmp_path / "db", MIGRATIONS, durable=True)
    assert good.rows("SELECT * FROM t") == []
    good.close()


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", MIGRATIONS, durable=True)

    def insert_and_fail() -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO t (x) VALUES (1)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        insert_and_fail()

    assert database.rows("SELECT * FROM t") == []
    database.close()


def test_a_transaction_left_open_by_an_interrupt_is_no_trouble(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", MIGRATIONS, durable=True)
    with database._connection() as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t (x) VALUES (1)")

    with database.writing() as connection:
        connection.execute("INSERT INTO t (x) VALUES (2)")

    assert database.rows("SELECT x FROM t") == [(2,)]
    database.close()


def test_only_the_owner_may_read_a_database(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Database(tmp_path / "db", MIGRATIONS, durable=True).rows("SELECT 1")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "db").stat().st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_what_a_forked_child_sets_outlives_the_parents_closing(tmp_path: Path) -> None:
    """SQLite's locks do not pass to a child; its record of them would."""
    mutables = Mutables(tmp_path)
    mutables.set("parent", 0)
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        mutables.set("before", 1)
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        mutables.set("after", 2)
        os._exit(0)
    os.read(ready[0], 1)
    mutables.close()
    os.write(done[1], b"x")
    assert os.waitpid(child, 0)[1] == 0

    assert [mutables.get(key) for key in ("parent", "before", "after")] == [0, 1, 2]
    mutables.close()
    for descriptor in (*ready, *done):
        os.close(descriptor)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_threads_at_work_do_not_hinder_a_fork_nor_it_them(tmp_path: Path) -> None:
    mutables = Mutables(tmp_path)
    stopping = threading.Event()
    counts = [0] * 4

    def work(number: int) -> None:
        while not stopping.is_set():
            counts[number] += 1
            mutables.set(f"thread {number}", counts[number])
        mutables.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    children = []
    for number in range(10):
        child = os.fork()
        if child == 0:
            mutables.set(f"child {number}", number)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 10
    stopping.set()
    for thread in threads:
        thread.join()

    assert [mutables.get(f"child {number}") for number in range(10)] == list(range(10))
    assert [mutables.get(f"thread {number}") for number in range(4)] == counts
    mutables.close()


def test_a_second_thread_does_not_drop_the_locks_of_the_first(tmp_path: Path) -> None:
    """Closing any descriptor of a file drops every lock of the process on it."""
    mutables = Mutables(tmp_path)
    mutables.set("first", 1)
    thread = threading.Thread(target=lambda: (mutables.set("second", 2), mutables.close()))
    thread.start()
    thread.join()
    _other_process(tmp_path, "m.set('third', 3); m.close()")
    mutables.set("fourth", 4)

    keys = "'first', 'second', 'third', 'fourth'"
    assert _other_process(tmp_path, f"print([m.get(k) for k in ({keys})])") == "[1, 2, 3, 4]"
    mutables.close()


def test_a_killed_writer_leaves_the_values_it_promised(tmp_path: Path) -> None:
    _other_process(tmp_path, "m.set('key', 1); __import__('os')._exit(0)")

    assert Mutables(tmp_path).get("key") == 1


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"garbage" * 1000)
    database = Database(tmp_path / "db", MIGRATIONS, durable=True)

    with pytest.raises(StorageFailedError, match="not a database") as caught:
        database.rows("SELECT 1")

    assert caught.value.hint


def _replaceable(folder: Path) -> Database:
    return Database(folder / "db", MIGRATIONS, durable=False, if_damaged="It is made again.")


def _insert(database: Database, *numbers: int) -> None:
    sql, rows = "INSERT INTO t (x) VALUES (?)", [(number,) for number in numbers]
    database.change(lambda connection: connection.executemany(sql, rows))


def test_a_damaged_file_that_can_be_made_again_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "db").write_bytes(b"garbage" * 1000)
    database = _replaceable(tmp_path)

    _insert(database, 1, 2)

    assert database.rows("SELECT x FROM t") == [(1,), (2,)]
    (kept,) = tmp_path.glob("db.damaged-*")
    assert kept.read_bytes() == b"garbage" * 1000
    assert "It is made again." in caplog.text
    database.close()


def test_damage_while_a_file_is_in_use_is_found_by_everybody_and_set_aside_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    databases = [_replaceable(tmp_path) for _ in range(4)]
    for database in databases:
        _insert(database, *range(5000))
    sqlite3.connect(tmp_path / "db").execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / "db").open("r+b") as file:
        file.seek(4096)
        file.write(b"garbage!" * 5000)

    for database in databases:
        _insert(database, 7)

    assert [database.rows("SELECT x FROM t") for database in databases] == [[(7,)] * 4] * 4
    assert len({path.name.split("-")[1] for path in tmp_path.glob("db.damaged-*")}) == 1
    assert caplog.text.count("was damaged") == 1
    for database in databases:
        database.close()


def test_a_file_that_was_taken_away_is_not_written_any_more(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", MIGRATIONS, durable=True)
    database.rows("SELECT 1")
    for path in tmp_path.glob("db*"):
        path.unlink()

    with database.writing() as connection:
        connection.execute("INSERT INTO t (x) VALUES (1)")
    database.close()

    assert Database(tmp_path / "db", MIGRATIONS, durable=True).rows("SELECT x FROM t") == [(1,)]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageFailedError):
        Database(tmp_path / "nowhere" / "db", MIGRATIONS, durable=True).rows("SELECT 1")


def test_a_file_that_may_not_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Database(tmp_path / "db", MIGRATIONS, durable=True).rows("SELECT 1")
    monkeypatch.setattr(os, "access", lambda *_: False)

    with pytest.raises(StorageReadOnlyError):
        Database(tmp_path / "db", MIGRATIONS, durable=True).rows("SELECT 1")


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", MIGRATIONS, durable=True)

    def insert() -> None:
        with database.writing():
            raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(StorageFullError):
        insert()
    database.close()


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """SQLite makes nobody wait while a new file is turned to write-ahead mode."""
    for number in range(60):
        together, refused = threading.Barrier(8), []

        def insert(path: Path = tmp_path / f"db{number}") -> None:
            database = Database(path, MIGRATIONS, durable=False)
            together.wait()  # noqa: B023 - of this round
            try:
                database.change(
                    lambda connection: connection.execute("INSERT INTO t (x) VALUES (1)")
                )
            except StorageFailedError as problem:
                refused.append(problem)  # noqa: B023 - of this round
            database.close()

        threads = [threading.Thread(target=insert) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert refused == []
