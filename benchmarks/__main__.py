"""Run all benchmarks: `python -m benchmarks [--quick] [--only TABLES] [--output FILE]`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    answering,
    arrays,
    feeds,
    large_files,
    remote,
    small_texts,
    starting,
    streams,
)
from benchmarks.measuring import Measuring
from benchmarks.nodes import jupyter_node, standing_node
from benchmarks.report import machine_in_words, render
from benchmarks.scratch import QUICK, Sizes, scratch_folder

if TYPE_CHECKING:
    from benchmarks.report import Table

_RESULTS = Path(__file__).parent / "results.md"
_TABLES = ("starting", "texts", "files", "arrays", "feeds", "remote", "streams", "answers")


def main() -> None:
    """Measure, print the report, and keep it."""
    options = _options()
    began = time.monotonic()
    is_quick: bool = options.quick
    measuring = (
        Measuring(repeats=1, warm_ups=0, patience=0.0)
        if is_quick
        else Measuring(pretouched=1_500_000_000)
    )
    sizes = QUICK if is_quick else Sizes()
    with scratch_folder() as scratch:
        tables = _measure(measuring, scratch, sizes, options.only)
    minutes = (time.monotonic() - began) / 60
    text = render(tables, _heading(measuring, minutes, is_quick=is_quick))
    print(text)
    output = options.output or (None if is_quick or options.only != _TABLES else _RESULTS)
    if output is not None:
        output.write_text(text, encoding="utf-8")


def _measure(
    measuring: Measuring, scratch: Path, sizes: Sizes, only: tuple[str, ...]
) -> list[Table]:
    tables: list[Table] = []
    storage = scratch / "node" / "storage"
    with standing_node(storage) as node:
        # Small files first: deleting large ones changes where the file system puts new ones.
        if "texts" in only:
            tables += small_texts.measure(measuring, scratch, node, sizes)
        if "feeds" in only:
            tables += feeds.measure(measuring, scratch, node, sizes)
        if "files" in only:
            tables += large_files.measure(measuring, scratch, storage, sizes)
        if "arrays" in only:
            tables += arrays.measure(measuring, scratch, storage, sizes)
    if "remote" in only:
        tables += remote.measure(measuring, scratch, sizes)
    tables += streams.measure(measuring, is_quick=sizes is QUICK) if "streams" in only else []
    if "answers" in only:
        with jupyter_node(scratch / "jupyter" / "storage") as node:
            tables += answering.measure(measuring, scratch, node, sizes)
    if "starting" in only:
        tables += starting.measure(measuring)
    return tables


def _heading(measuring: Measuring, minutes: float, *, is_quick: bool) -> str:
    words = (
        f"{machine_in_words()}. Medians of {measuring.repeats}; the rows of a table took turns in"
        f" one run ({minutes:.1f} minutes in all). How to read this: `benchmarks/README.md`."
    )
    lines = ["# Benchmarks", "", words]
    if is_quick:
        lines += ["", "**A quick run with small sizes: it shows that everything works, no more.**"]
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, once each")
    parser.add_argument(
        "--only",
        type=lambda text: tuple(text.split(",")),
        default=_TABLES,
        help=f"some of {','.join(_TABLES)}",
    )
    parser.add_argument("--output", type=Path, help="where to write the report")
    return parser.parse_args()


if __name__ == "__main__":
    main()
