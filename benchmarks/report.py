"""The tables as Markdown, and the machine in words."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measuring import Timing

_SHORTEST_COUNTED = 0.1


@dataclass(frozen=True)
class Goal:
    """A promise of the project and what became of it in this run."""

    what: str
    wanted: str
    measured: str
    is_met: bool


@dataclass
class Table:
    """One table of the report.

    Attributes:
        title: what is compared.
        heads: of the columns; the first one names the row.
        rows: cells, one for each head.
        note: what a reader must know to read it rightly.
        goals: promises that this table is about.
    """

    title: str
    heads: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    note: str = ""
    goals: list[Goal] = field(default_factory=list)


def timing_table(
    title: str, timings: dict[str, Timing], limit: str, *, note: str = "", rates: bool = False
) -> Table:
    """A table of times, each beside the limit it cannot pass.

    Args:
        title: what is compared.
        timings: by name of the way.
        limit: name of the way that all are compared with.
        note: what a reader must know.
        rates: whether operations per second say more than milliseconds.
    """
    heads = (
        "what",
        "per second" if rates else "median",
        "least to most",
        "x limit (best / best)",
        "CPU of others",
    )
    table = Table(title, heads, note=note)
    for name, timing in timings.items():
        if timing.absent:
            table.rows.append((name, timing.absent, "", "", ""))
        else:
            table.rows.append((name, *_cells(timing, timings[limit], rates=rates)))
    return table


def at_most(what: str, ratio: float, most: float, of_what: str) -> Goal:
    """A goal that a ratio must not exceed."""
    return Goal(what, f"<= {most:g} x {of_what}", f"{ratio:.2f} x", ratio <= most)


def at_least(what: str, ratio: float, least: float, of_what: str) -> Goal:
    """A goal that a ratio must reach."""
    return Goal(what, f">= {least:g} x {of_what}", f"{ratio:.2f} x", ratio >= least)


def shorter(what: str, seconds: float, most: float) -> Goal:
    """A goal that a time must stay below."""
    return Goal(what, f"< {duration(most)}", duration(seconds), seconds < most)


def duration(seconds: float) -> str:
    """A time in the unit that shows it best."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 0.001:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.3g} µs"


def megabytes(size: float) -> str:
    """Bytes as MB."""
    return f"{size / 1e6:.0f} MB"


def render(tables: Sequence[Table], heading: str) -> str:
    """The whole report."""
    goals = Table("Goals", ("what", "goal", "measured", ""))
    for goal in (goal for table in tables for goal in table.goals):
        verdict = "met" if goal.is_met else "**missed**"
        goals.rows.append((goal.what, goal.wanted, goal.measured, verdict))
    parts = [heading]
    parts += [_markdown(table) for table in (goals, *tables) if table.rows]
    return "\n\n".join(parts) + "\n"


def machine_in_words() -> str:
    """The machine, without its name."""
    return (
        f"{os.cpu_count()} cores, {_processor()}, {_memory()}, {platform.system()}"
        f" {platform.release()}, Python {platform.python_version()}"
    )


def _cells(timing: Timing, limit: Timing, *, rates: bool) -> tuple[str, ...]:
    each = timing.operations
    spread = (min(timing.seconds), max(timing.seconds))
    # Rates count up, times count down: in both a reader looks for the limit at 1.
    if rates:
        figure = f"{timing.rate:,.0f} /s"
        low, high = (f"{each / seconds:,.0f}" for seconds in reversed(spread))
        ratios = (timing.rate / limit.rate, each / timing.best / (limit.operations / limit.best))
    else:
        figure = duration(timing.median)
        low, high = (duration(seconds) for seconds in spread)
        ratios = (timing.median / limit.median, timing.best / limit.best)
    ratio = f"{ratios[0]:.3g} ({ratios[1]:.3g})"
    # The kernel counts CPU time in ticks of 10 ms: for short runs it cannot tell.
    foreign = f"{median(timing.foreign):.2f}" if timing.median >= _SHORTEST_COUNTED else "-"
    return figure, f"{low} to {high}", ratio, foreign


def _markdown(table: Table) -> str:
    lines = [f"## {table.title}", ""]
    if table.note:
        lines += [table.note, ""]
    lines.append(_line(table.heads))
    lines.append(_line(["---"] + ["---:"] * (len(table.heads) - 1)))
    lines += [_line(row) for row in table.rows]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return "unknown memory"
    return f"{size / 2**30:.1f} GiB RAM"
