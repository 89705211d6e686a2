"""Other tools that keep files, measured beside kachery where they are installed."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tempfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import Way
from benchmarks.scratch import remove_large_files

if TYPE_CHECKING:
    from collections.abc import Callable

_NOT_INSTALLED = "not installed"
_MEMORY_DISK = Path("/dev/shm")


def missing(module: str) -> str:
    """Why a module's row stays empty, or ""."""
    return "" if find_spec(module) else _NOT_INSTALLED


def kachery_cloud(function: str, *arguments: Any, **options: Any) -> Any:
    """Call a function of kachery_cloud without what it prints.

    Its temporary files go to a disk in memory where there is one: that is in its favour, and keeps
    the deleted ones from slowing down the next row.
    """
    import kachery_cloud as cloud

    with contextlib.redirect_stdout(io.StringIO()):
        return getattr(cloud, function)(*arguments, **options)


@contextlib.contextmanager
def temporary_files_in_memory() -> Any:
    """While it lasts, Python's temporary files are made on a disk in memory."""
    before = tempfile.tempdir
    if _MEMORY_DISK.is_dir():
        tempfile.tempdir = str(_MEMORY_DISK)
    try:
        yield
    finally:
        tempfile.tempdir = before


def file_ways(source: Path, folder: Path, refresh: Callable[[], None]) -> list[Way]:
    """Storing a large file with other tools.

    Args:
        source: the file.
        folder: a new folder to work in.
        refresh: gives the file a content it never had.
    """
    size = source.stat().st_size
    copy = folder / "copy"
    cloud = Path(os.environ["KACHERY_CLOUD_DIR"])
    return [
        Way("`cp` (no hash)", _command(["cp", source, copy]), clear=copy.unlink, touches=True),
        Way("`sha1sum` (no copy)", _command(["sha1sum", source]), absent=_no("sha1sum")),
        Way(
            "kachery_cloud `store_file_local` (not synced)",
            partial(kachery_cloud, "store_file_local", str(source)),
            prepare=refresh,
            clear=partial(remove_large_files, cloud, size),
            touches=True,
            absent=missing("kachery_cloud"),
        ),
        _repository_way("git annex add", folder / "annex", source, refresh),
        _repository_way("dvc add", folder / "dvc", source, refresh),
    ]


def _repository_way(name: str, repository: Path, source: Path, refresh: Callable[[], None]) -> Way:
    """A tool that takes in a file that lies in its repository; copying it there is not counted."""
    command = name.split()
    program = "git-annex" if command[0] == "git" else command[0]
    absent = _no(program) or _no("git")
    target = repository / "data.bin"
    if not absent:
        repository.mkdir(parents=True)
        run = partial(_quietly, repository)
        run(["git", "init", "-q"])
        run(["git", "config", "user.email", "benchmark@example.org"])
        run(["git", "config", "user.name", "benchmark"])
        run([*command[:-1], "init", *(["-q"] if program == "dvc" else [])])

    def lay() -> None:
        refresh()
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)
        _sync(target)

    def clear() -> None:
        for path in (repository / ".git" / "annex", repository / ".dvc" / "cache"):
            _quietly(repository, ["chmod", "-R", "u+w", str(path)], check=False)
            remove_large_files(path, source.stat().st_size)
        target.unlink(missing_ok=True)

    add = [*command, "data.bin"]
    label = f"`{name}` (the file is in its repository already)"
    return Way(label, partial(_quietly, repository, add), lay, clear, touches=True, absent=absent)


def _command(command: list[Any]) -> Callable[[], object]:
    return partial(_quietly, Path.cwd(), list(map(str, command)))


def _quietly(folder: Path, command: list[str], *, check: bool = True) -> None:
    subprocess.run(command, cwd=folder, check=check, capture_output=True)


def _no(program: str) -> str:
    return "" if shutil.which(program) else _NOT_INSTALLED


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
