"""A server that outlived its hub is ended; any other process that has its number is not."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kachery_daemon.hub.leftover import end_leftover
from tests.support.nodes import end_process, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SLEEP = "import signal, time; print(flush=True); time.sleep(600)"
_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + _SLEEP


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        end_process(process)


def start(started: list[subprocess.Popen[bytes]], program: str, *words: str) -> int:
    command = [sys.executable, "-c", program, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    started.append(process)
    assert process.stdout is not None
    process.stdout.readline()
    return process.pid


@pytest.mark.parametrize("program", [_SLEEP, _STUBBORN])
def test_a_server_with_our_configuration_is_ended(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], program: str
) -> None:
    config = tmp_path / "nats-server.conf"
    pid = start(started, program, "-c", str(config))
    (tmp_path / "pid").write_text(str(pid))
    assert end_leftover(tmp_path / "pid", config)
    assert started[0].wait(10) in {-signal.SIGTERM, -signal.SIGKILL}


def test_a_server_that_was_stopped_is_ended_too(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    config = tmp_path / "nats-server.conf"
    pid = start(started, _SLEEP, "-c", str(config))
    started[0].send_signal(signal.SIGSTOP)
    (tmp_path / "pid").write_text(str(pid))
    assert end_leftover(tmp_path / "pid", config)
    assert started[0].wait(10) == -signal.SIGTERM


def test_somebody_elses_process_is_left_alone(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    pid = start(started, _SLEEP, "-c", str(tmp_path / "other" / "nats-server.conf"))
    (tmp_path / "pid").write_text(str(pid))
    assert not end_leftover(tmp_path / "pid", tmp_path / "nats-server.conf")
    wait_until(lambda: started[0].poll() is None, "it runs on")


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1", "99999999999999999999999", "4194305"])
def test_a_pid_file_may_say_anything(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid").write_text(text)
    assert not end_leftover(tmp_path / "pid", tmp_path / "nats-server.conf")


def test_there_may_be_no_pid_file(tmp_path: Path) -> None:
    assert not end_leftover(tmp_path / "pid", tmp_path / "nats-server.conf")
