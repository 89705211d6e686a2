"""Temporary files: those of the living stay, those of the dead go, whatever their process ids."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kachery_store.temporaries import Temporaries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRITER = (
    "import sys, time; from pathlib import Path; from kachery_store.temporaries import Temporaries;"
    "root = Path(sys.argv[1]); temporaries = Temporaries(root / 'tmp', root / 'writers');"
    "print(temporaries.new()[1], flush=True); time.sleep(60)"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "writers").mkdir()
    return tmp_path


@pytest.fixture
def writer(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program with one temporary file."""
    command = [sys.executable, "-c", WRITER, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
        process.kill()


def _temporaries(root: Path) -> Temporaries:
    return Temporaries(root / "tmp", root / "writers")


def _count(root: Path) -> tuple[int, int]:
    return len(list((root / "tmp").iterdir())), len(list((root / "writers").iterdir()))


def test_a_file_is_kept_while_its_writer_lives_and_goes_when_it_was_killed(
    root: Path, writer: subprocess.Popen[str]
) -> None:
    assert _temporaries(root).sweep() == 0
    assert _count(root) == (1, 1)

    writer.kill()
    writer.wait()

    assert _temporaries(root).sweep() == 1
    assert _count(root) == (0, 0)


def test_a_writer_in_another_container_is_not_taken_for_dead(
    root: Path, writer: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process id means nothing here, and the file has not been written to for a day."""

    def unknown(*_: object) -> None:
        raise ProcessLookupError

    for path in (root / "tmp").iterdir():
        os.utime(path, (0, 0))
    with monkeypatch.context() as container:
        container.setattr(os, "kill", unknown)
        assert _temporaries(root).sweep() == 0
    assert writer.poll() is None


def test_a_dead_writer_with_a_living_ones_process_id_is_not_taken_for_alive(root: Path) -> None:
    left = root / "tmp" / f"{os.getpid()}-abcdef"
    strange = root / "tmp" / "store.file.XXXX.tmp"
    nameless = root / "tmp" / "-"
    for path in (left, strange, nameless):
        path.touch()

    assert _temporaries(root).sweep() == 3
    assert _count(root) == (0, 0)


def test_this_programs_own_files_are_kept(root: Path) -> None:
    temporaries = _temporaries(root)
    os.close(temporaries.new()[0])
    os.close(temporaries.new()[0])

    assert temporaries.sweep() == 0
    assert _temporaries(root).sweep() == 0
    assert _count(root) == (2, 1)


def test_whoever_ends_in_order_leaves_no_lock(root: Path) -> None:
    temporaries = _temporaries(root)
    descriptor, path = temporaries.new()
    os.close(descriptor)
    path.unlink()
    assert _count(root) == (0, 1)

    del temporaries
    gc.collect()

    assert _count(root) == (0, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_is_a_writer_of_its_own_and_its_end_is_not_its_parents(root: Path) -> None:
    temporaries = _temporaries(root)
    os.close(temporaries.new()[0])
    child = os.fork()
    if child == 0:
        os.close(temporaries.new()[0])
        os._exit(0)
    os.waitpid(child, 0)

    assert temporaries.sweep() == 1
    assert _count(root) == (1, 1)
