"""An environment of its own for each version of xdas, made once and kept in pytest's cache."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import venv
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).with_name("foreign_xdas.py")
_PATIENCE = 600


def python_with_xdas(version: str, cache: pytest.Cache) -> str:
    """A Python that has this version; the test is skipped where none can be made."""
    if importlib.util.find_spec("xdas") and importlib.metadata.version("xdas") == version:
        return sys.executable
    folder = Path(cache.mkdir(f"xdas-{version}"))
    python, ready, failed = folder / "bin" / "python", folder / "ready", folder / "failed"
    if failed.exists():
        pytest.skip(failed.read_text())
    if not ready.exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # What came after the old versions: they do without, or never heard of it.
        done = subprocess.run(
            [*install, f"xdas=={version}", "hdf5plugin"],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            failed.write_text(f"xdas {version} cannot be installed here: {done.stderr[-300:]}")
            pytest.skip(failed.read_text())
        ready.touch()
    return str(python)


@contextmanager
def foreign(python: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A program with real xdas; ended with the block."""
    command = [python, "-W", "ignore", str(PROGRAM), *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            yield program
        finally:
            program.kill()
