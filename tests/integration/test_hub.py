"""A hub: one process that nodes meet at, which may be killed at any time."""

from __future__ import annotations

import os
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from tests.support.hubs import is_alive, running_hub
from tests.support.nodes import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def test_a_hub_starts_says_its_url_and_ends_with_its_server(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        assert hub.url.startswith(f"tls://127.0.0.1:{hub.port}/")
        server = hub.server_pid
        assert is_alive(server)
        assert hub.stop() == 0
        assert not is_alive(server)
        hub.restart()


def test_a_killed_hub_takes_its_server_along_and_comes_back_the_same(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        hub.kill()
        hub.restart()


def test_a_killed_server_is_started_again_at_the_same_port(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        first = hub.server_pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: hub.server_pid not in {0, first}, "another server starts")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_everything_a_hub_keeps_is_its_users_alone(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        assert stat.S_IMODE(hub.data.stat().st_mode) == 0o700
        for path in hub.data.rglob("*"):
            if path.is_file():
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
