"""Other programs that bring a large file from one process to another on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from benchmarks.measuring import Way


def peer_ways(source: Path, folder: Path, stack: ExitStack) -> list[Way]:
    """Rows of other programs; they say so where they are not installed."""
    return []
