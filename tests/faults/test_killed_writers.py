"""Programs that are killed while they store: what was promised is there, nothing is half there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kachery_store.fsck import check_store
from tests.support.samples import LABEL, leftovers, read_all, sample, sha1_of, wrong_files
from tests.support.writers import store_at

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]

REPOSITORY = Path(__file__).parents[2]


def _python(*arguments: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def test_of_1000_killed_writers_no_promise_is_broken(tmp_path: Path) -> None:
    """Sizes from nothing to 3 MB, all ways of storing, a reader looking on."""
    seed = 20261120
    print(f"seed {seed}")
    with _python("-m", "tests.support.writers", "kill", str(tmp_path), "1000", str(seed)) as run:
        figures = json.loads(run.communicate()[0])

    print(figures)
    assert run.returncode == 0
    assert figures.pop("kills") == 1000
    assert figures.pop("promised") > 1000
    assert set(figures.values()) == {0}


WRITER = """
import sys
from pathlib import Path
from kachery_store.seen import Seen
from kachery_store.store import Label, Store
root = Path(sys.argv[1])
store = Store(root, seen=Seen(root.parent / "seen.sqlite"))
print("ready", flush=True)
while True:
    print(store.add_file(root.parent / "source", Label()).sha1, flush=True)
    for path in (root / "sha1").glob("*/*/*/*"):
        path.unlink()
    store.seen._database.close()
    (root.parent / "seen.sqlite").unlink()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_program_told_to_stop_inside_add_file_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C at 25 moments; a SIGTERM gives no time to tidy up, so the next start does it."""
    root = tmp_path / "storage"
    (tmp_path / "source").write_bytes(sample(30_000_000))
    for moment in range(25 if number == signal.SIGINT else 5):
        with _python("-c", WRITER, str(root), stderr=subprocess.DEVNULL) as run:
            assert run.stdout is not None
            assert run.stdout.readline() == "ready\n"
            time.sleep(moment * 0.004)
            run.send_signal(number)
            run.communicate(timeout=60)
        assert wrong_files(root) == []
    if number == signal.SIGINT:
        # Between two instructions there is always room for one more interrupt.
        assert len(leftovers(root)) <= 2

    store = store_at(root)
    store.folder.sweep()
    assert leftovers(root) == []
    content = store.add_file(tmp_path / "source", LABEL)
    assert sha1_of(read_all(store, content.sha1)) == content.sha1
    assert check_store(store).is_clean
    store.close()


def test_what_is_still_being_written_is_not_swept_away(tmp_path: Path) -> None:
    store = store_at(tmp_path / "storage")
    with store.ingesting(None) as ingest:
        ingest.write(memoryview(b"half"))
        assert store.folder.sweep() == 0
        assert len(leftovers(store.folder.root)) == 1
    assert leftovers(store.folder.root) == []
    store.close()


def test_a_killed_fsck_leaves_a_store_that_works(tmp_path: Path) -> None:
    root = tmp_path / "storage"
    store = store_at(root)
    sha1s = [store.add_bytes(sample(size), LABEL).sha1 for size in range(0, 3_000_000, 60_000)]
    store.folder.object_path(sha1s[7]).chmod(0o644)
    store.folder.object_path(sha1s[7]).write_bytes(b"damaged")
    store.close()
    program = (
        "import sys; from tests.support.writers import store_at; from pathlib import Path;"
        "from kachery_store.fsck import check_store; store = store_at(Path(sys.argv[1]));"
        "print('ready', flush=True); check_store(store)"
    )
    for moment in range(15):
        with _python("-c", program, str(root)) as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(moment * 0.003)
            run.kill()

    store = store_at(root)
    check_store(store)
    assert check_store(store).is_clean
    assert all(read_all(store, sha1) is not None for sha1 in sha1s if sha1 != sha1s[7])
    store.close()


INTERRUPTED = """
import faulthandler, os, random, signal, sys
from pathlib import Path
from tests.support.writers import LABEL, store_at
root, source = Path(sys.argv[1]), Path(sys.argv[2])
store, rnd = store_at(root), random.Random(int(sys.argv[3]))
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
def store_it():
    store.add_file(source, LABEL)
    for path in (root / "sha1").glob("*/*/*/*"):
        path.unlink()
store_it()
left = interrupted = 0
for _ in range(300):
    faulthandler.dump_traceback_later(30, exit=True)
    try:
        signal.setitimer(signal.ITIMER_REAL, rnd.uniform(0.0001, 0.02))
        store_it()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        interrupted += 1
    for path in (root / "tmp").iterdir():
        left += 1
        path.unlink()
store_it()
print(interrupted, left)
"""


def test_a_notebook_interrupted_300_times_neither_hangs_nor_breaks(tmp_path: Path) -> None:
    """The same program goes on after each interrupt, wherever it fell."""
    (tmp_path / "source").write_bytes(sample(8_000_000))
    arguments = map(str, (tmp_path / "storage", tmp_path / "source", 20261120))
    with _python("-c", INTERRUPTED, *arguments) as run:
        interrupted, left = map(int, run.communicate(timeout=200)[0].split())

    print(f"{interrupted} interrupts, {left} files left over")
    assert run.returncode == 0
    assert interrupted > 100
    assert left <= 3
