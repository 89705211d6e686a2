"""The cells of the streaming seed run, each time, and the program ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("xdas")
pytestmark = pytest.mark.timeout(900)
COUNT = int(os.environ.get("KACHERY_TEST_STREAM_SEEDS", "20"))


def test_the_cells_run_each_time_and_the_program_ends():
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.streaming_seed", str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["We received 5 packets!"] * COUNT


def test_as_a_script_of_its_own():
    for _ in range(3):
        command = [sys.executable, "-W", "ignore", "-m", "tests.support.streaming_seed", "1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
