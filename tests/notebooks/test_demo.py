"""Whoever stops the demo in the middle finds nothing of it: no process, no file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.nodes import isolated_environment

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[2]


def processes_of(folder: Path) -> list[str]:
    """The processes that were started with this folder in their settings or their command."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            facts = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue  # it has just ended
        if str(folder).encode() in facts and int(entry.name) != os.getpid():
            found.append(facts.decode(errors="replace")[:200])
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("sign", "line"),
    [
        (signal.SIGINT, "An array of 200 MB"),
        (signal.SIGINT, "Alice makes a channel and invites Bob"),
        (signal.SIGTERM, "A file of 1 GB"),
    ],
)
def test_nothing_is_left_of_a_demo_that_is_stopped(
    tmp_path: Path, sign: signal.Signals, line: str
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    environment = isolated_environment(tmp_path, TMPDIR=str(place))
    with subprocess.Popen(
        [sys.executable, "-m", "notebooks.demo"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as demo:
        assert demo.stdout is not None
        for said in demo.stdout:
            if said.strip() == line:
                break
        else:
            raise AssertionError("the demo ended before")
        assert len(processes_of(place)) >= 2
        demo.send_signal(sign)
        time.sleep(0.2)
        demo.send_signal(sign)  # who is in a hurry changes nothing
        assert demo.wait(60) == 128 + sign
        assert processes_of(place) == []
        assert list(place.iterdir()) == []
