"""How long one waits for the first line: importing the package, and the command's help."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measuring import Elapsed, Way
from benchmarks.peers import missing
from benchmarks.report import shorter, timing_table

if TYPE_CHECKING:
    from benchmarks.measuring import Measuring
    from benchmarks.report import Table

_PYTHON = "`python -c pass` (limit; the whole process)"
_IMPORT = "`import kachery_jupyter` (the import alone)"
_MOST_SECONDS = 0.15


def measure(measuring: Measuring) -> list[Table]:
    """The table about starting."""
    ways = [
        Way(_PYTHON, partial(_run, "-c", "pass")),
        Way(_IMPORT, partial(_import, "kachery_jupyter")),
        Way("`import numpy` (the import alone)", partial(_import, "numpy")),
        Way(
            "`import kachery_cloud` (the import alone)",
            partial(_import, "kachery_cloud"),
            absent=missing("kachery_cloud"),
        ),
        Way(
            "`kachery --help` (the whole process)",
            partial(_run, "-m", "kachery_jupyter.cli", "--help"),
        ),
    ]
    timings = measuring.compare(ways)
    table = timing_table("Starting", timings, _PYTHON)
    table.goals = [shorter("import of kachery_jupyter", timings[_IMPORT].median, _MOST_SECONDS)]
    return [table]


def _import(module: str) -> Elapsed:
    """Seconds of the import, as the new process measures them."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return Elapsed(_run("-c", code).split()[-1])


def _run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
