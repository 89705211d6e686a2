"""Loads and feeds while processes are killed and networks are cut: whole, or a clear error.

    KACHERY_TEST_CUTS=200 python -m pytest -s tests/faults/test_cut_transfers.py

for as many runs as somebody has patience for; KACHERY_TEST_CUTS_SEED for other ones.
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from kachery_core.digests import CHUNK_SIZE
from tests.support.channels import channel, wait_for
from tests.support.cut_lab import (
    PROVIDERS,
    Accidents,
    CutLab,
    cut_lab,
    network_fault,
    process_fault,
    wait_answering,
)
from tests.support.cut_loads import Content, Ended, load, watched
from tests.support.told_feed import ToldFeed

if TYPE_CHECKING:
    from pathlib import Path


RUNS = int(os.environ.get("KACHERY_TEST_CUTS", "8"))
SEED = int(os.environ.get("KACHERY_TEST_CUTS_SEED", "20261121"))
LARGEST = 40_000_000
RATES = (0.0, 20e6, 5e6)
TIMEOUTS = (3.0, 6.0, 12.0)
GRACE = 1.0
# What a computer that does other things as well may add; seldom.
BUSY_GRACE = 4.0
HEALED_SECONDS = 60.0

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(180 + 60 * RUNS),
    pytest.mark.skipif(os.name == "nt", reason="needs SIGSTOP"),
]


def new_content(cuts: CutLab, rnd: random.Random) -> Content:
    """A content that both providers have."""
    is_large = rnd.random() < 0.6
    size = (
        rnd.randrange(5_000_000, LARGEST) if is_large else int(1000 * LARGEST ** rnd.random() / 1)
    )
    content = Content(rnd.randbytes(min(size, LARGEST)), cuts.requester.storage)
    for number in PROVIDERS:
        stored = cuts.lab.nodes[number].store(content.data, "cut.dat")
        content.manifest = stored["manifest"]
    if rnd.random() < 0.5:
        content.manifest = ""
    return content


@dataclass
class Figures:
    """What is reported in the end."""

    faults: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    resumed_chunks: int = 0
    late: int = 0
    latest: float = -99.0
    present: list[float] = field(default_factory=list)
    loaded: list[float] = field(default_factory=list)
    caught_up: list[float] = field(default_factory=list)
    overhead: list[float] = field(default_factory=list)

    def say(self) -> None:
        print(f"faults {dict(self.faults)}")
        print(f"endings {dict(self.endings)}, paths {dict(self.paths)}")
        print(f"loads that failed after everything was put right {dict(self.after)}")
        print(f"finished chunks that were not asked for again {self.resumed_chunks}")
        print(
            f"the latest ending {self.latest:+.2f} s from its timeout, {self.late} after its grace"
        )
        for name in ("present", "loaded", "caught_up", "overhead"):
            values = sorted(getattr(self, name)) or [0.0]
            median, last = statistics.median(values), values[-1]
            print(f"{name}: median {median:.2f}, 95 % {_most(values):.2f}, last {last:.2f}")


def _most(values: list[float]) -> float:
    return values[int(0.95 * (len(values) - 1))]


def choose_way(cuts: CutLab, way: str, before: str) -> None:
    """Have the next load take the direct path or the hub."""
    if way == "hub":
        for proxy in cuts.direct:
            proxy.cut("reset")
        return
    if before != "direct":
        # It goes around direct paths that broke lately; a new one knows of none.
        cuts.end(2)
        cuts.start(2)
        wait_present(cuts)


def wait_present(cuts: CutLab) -> float:
    """Wait until the requester sees both providers; how many seconds it took."""

    def is_present() -> bool:
        with contextlib.suppress(OSError):
            return all(
                channel(node).get("present") == len(cuts.lab.nodes) - 1 for node in cuts.lab.nodes
            )
        return False

    return wait_for(is_present, "everybody sees everybody", HEALED_SECONDS)


def insist(cuts: CutLab, content: Content, seconds: float, figures: Figures) -> str:
    """Load through the accidents; asked again when the requester was killed. How it ended."""
    while True:
        wait_answering(cuts)
        ended = load(cuts.requester, content, seconds)
        figures.endings[ended.how] += 1
        assert ended.seconds <= seconds + BUSY_GRACE, ended
        figures.late += ended.seconds > seconds + GRACE
        figures.latest = max(figures.latest, ended.seconds - seconds)
        if ended.how != "cut":
            return ended.how


def heal(cuts: CutLab, content: Content, figures: Figures) -> Ended:
    """Everything is put right: load until it is there; it must be soon."""
    began = time.monotonic()
    while (ended := load(cuts.requester, content, HEALED_SECONDS)).how != "whole":
        figures.after[ended.how] += 1
        assert time.monotonic() < began + HEALED_SECONDS, ended
        time.sleep(0.2)
    figures.loaded.append(time.monotonic() - began)
    figures.present.append(wait_present(cuts))
    return ended


def one_run(cuts: CutLab, rnd: random.Random, figures: Figures) -> str:
    """A content, some accidents, a load; then everything is well again, and it loads."""
    content = new_content(cuts, rnd)
    cuts.asked.clear()
    cuts.set_rate(rnd.choice(RATES))
    received = cuts.received
    lanes = [
        [process_fault(cuts, rnd, content.note_finished) for _ in range(rnd.randrange(3))],
        [network_fault(cuts, rnd) for _ in range(rnd.randrange(3))],
    ]
    with watched(content):
        accidents = [Accidents(lane) for lane in lanes]
        how = insist(cuts, content, rnd.choice(TIMEOUTS), figures)
        for each in accidents:
            each.end()
        happened = [name for each in accidents for name in each.happened]
        table = " with table" if content.manifest else ""
        print(f"{len(content.data)} bytes{table}, {happened}: {how}", end=" ", flush=True)
        figures.faults.update(happened)
        ended = heal(cuts, content, figures)
        assert content.look()
    figures.paths[ended.path or "before"] += 1
    figures.resumed_chunks += content.check_resumed(cuts.asked)
    if len(content.data) > 5 * CHUNK_SIZE:
        figures.overhead.append((cuts.received - received) / len(content.data))
    reply = cuts.requester.ask("GET", f"/api/v1/files/{content.sha1}")
    assert reply.body == content.data
    for node in cuts.lab.nodes:  # room for the next
        path = Content(content.data, node.storage).path
        path.unlink()
    return f"and whole after {figures.loaded[-1]:.2f} s"


def test_every_load_ends_whole_or_with_a_clear_error_and_heals(tmp_path: Path) -> None:
    print(f"seed {SEED}, {RUNS} runs")
    figures = Figures()
    way = "direct"
    with cut_lab(tmp_path) as cuts:
        feed = ToldFeed(cuts.lab.nodes[0], cuts.requester)
        with contextlib.closing(feed):
            for number in range(RUNS):
                rnd = random.Random(f"{SEED}/{number}")
                before, way = way, ("direct", "hub")[number // 4 % 2]
                print(f"run {number} by {way}:", end=" ", flush=True)
                choose_way(cuts, way, before)
                print(one_run(cuts, rnd, figures), flush=True)
                figures.caught_up.append(feed.catch_up(HEALED_SECONDS))
                feed.check()
                for proxy in cuts.direct:
                    proxy.heal()
            print(f"messages {len(feed.seen)}, errors {feed.errors}, slowest {feed.slowest:.1f} s")
    figures.say()
    assert figures.late <= RUNS // 50
