"""Small things of another node: texts one by one and many at once, messages as they come."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.remote_lab import PROVIDER, REQUESTER
from benchmarks.report import Goal, Table, duration, shorter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measuring import Measuring
    from benchmarks.remote_lab import Lab
    from benchmarks.scratch import Sizes

_MOST_SECONDS = 0.01
_LEAST_PER_SECOND = 500
_PAUSE = 0.005
_QUANTILES = (0.5, 0.99, 1.0)


def small(measuring: Measuring, lab: Lab, sizes: Sizes) -> list[Table]:
    """The table about texts and messages."""
    loads, tail, rates = [], [], []
    for turn in range(-measuring.warm_ups, measuring.repeats):
        uris = lab.ask(PROVIDER, "store_texts", count=sizes.delays)
        many = lab.ask(PROVIDER, "store_texts", count=sizes.remote_many)
        measuring.quiet()
        each = lab.ask(REQUESTER, "load_each", uris=uris)
        at_once = lab.ask(REQUESTER, "load_many", uris=many)
        told = _tail(lab, sizes.delays)
        if turn >= 0:
            loads += each
            tail += told
            rates.append(sizes.remote_many / at_once)
    table = Table(
        "Small things from another node",
        ("what", "how many", "p50", "p99", "max"),
        note=(
            "All runs together. Texts of 1 KB that only the other node has, found, fetched,"
            f" verified and stored. Messages of 200 bytes, one every {duration(_PAUSE)}: from"
            " before the call that appends at one node to the moment a program at another node has"
            " it verified and decoded. `load_many` is one call per run."
        ),
    )
    table.rows = [
        ("`kc.load_text`, one after the other", *_figures(loads)),
        ("`append_message` there to `get_next_messages` here", *_figures(tail)),
        _rates(f"`kc.load_many` of {sizes.remote_many:,} texts", rates),
    ]
    table.goals = [
        shorter("remote load of 1 KB, p50", median(loads), _MOST_SECONDS),
        _fast(f"{sizes.remote_many:,} remote texts in one load_many", median(rates)),
        shorter("remote live tail, append to reader, p50", median(tail), _MOST_SECONDS),
    ]
    return [table]


def _tail(lab: Lab, count: int) -> list[float]:
    """Seconds on the way, of each message of a new feed."""
    uri = lab.ask(PROVIDER, "new_subfeed")
    lab.ask(PROVIDER, "append", uri=uri, count=1, pause=0)
    reader = lab.programs[REQUESTER]
    reader.tell("follow", uri=uri, count=count)
    reader.hear()
    sent = lab.ask(PROVIDER, "append", uri=uri, count=count, pause=_PAUSE)
    return [came - left for left, came in zip(sent, reader.hear(), strict=True)]


def _figures(seconds: Sequence[float]) -> tuple[str, ...]:
    ordered = sorted(seconds)
    figures = (ordered[int(part * (len(ordered) - 1))] for part in _QUANTILES)
    return f"{len(ordered):,}", *map(duration, figures)


def _rates(name: str, rates: Sequence[float]) -> tuple[str, ...]:
    return name, str(len(rates)), f"{median(rates):,.0f} /s", "", f"{min(rates):,.0f} /s at least"


def _fast(what: str, rate: float) -> Goal:
    return Goal(what, f">= {_LEAST_PER_SECOND} /s", f"{rate:,.0f} /s", rate >= _LEAST_PER_SECOND)
