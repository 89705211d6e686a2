"""Channels: files and feeds of another node, everything on one machine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from benchmarks import remote_crowd, remote_files, remote_small
from benchmarks.remote_lab import lab

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Measuring
    from benchmarks.report import Table
    from benchmarks.scratch import Sizes


def measure(measuring: Measuring, scratch: Path, sizes: Sizes) -> list[Table]:
    """The tables about channels; hub and nodes run only meanwhile."""
    folder = scratch / "remote"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(lab(folder))
        tables = [
            # Small files first: deleting large ones changes where the file system puts new ones.
            *remote_small.small(measuring, made, sizes),
            *remote_files.first_byte(measuring, folder, made, sizes),
            *remote_files.large(measuring, folder, made, sizes, stack),
        ]
    return [*tables, *remote_crowd.crowd(folder, sizes)]
