"""Nothing that a test started outlives the tests, not even if those are ended without a word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hubs import is_alive
from tests.support.nodes import wait_until

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time
from pathlib import Path
from tests.support.hubs import running_hub
with running_hub(Path(sys.argv[1])) as hub:
    print(hub.process.pid, hub.server_pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are told apart by /proc")
def test_a_hub_ends_with_the_tests_that_were_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "daemon"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as tests:
        assert tests.stdout is not None
        pids = [int(text) for text in tests.stdout.readline().split()]
        assert all(map(is_alive, pids))
        tests.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, pids)), "the hub and its server end")
