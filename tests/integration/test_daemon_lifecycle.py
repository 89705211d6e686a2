"""How a node comes and goes: alone on its folder, cleanly, and with clear words when it cannot."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.nodes import (
    PATIENCE_SECONDS,
    end_process,
    first_line,
    isolated_environment,
    running_node,
    start_node_process,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.timeout(180), pytest.mark.skipif(os.name == "nt", reason="POSIX")]


def failed_start(folder: Path, *options: str, **environment: str) -> tuple[int, str, dict]:
    """Exit code, standard error and JSON of a node that does not start."""
    process = start_node_process(
        *options,
        environment=isolated_environment(folder, **environment),
        stderr=subprocess.PIPE,
    )
    out, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, errors.decode(), json.loads(out)["error"]


def test_a_node_says_when_it_is_ready_and_where(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        probe = node.ask("GET", "/probe", headers={"Kachery-Token": None}).json
        assert probe["pid"] == node.process.pid
        assert probe["storage_dir"] == str(tmp_path / "storage")
        assert probe["api"] == 1
        facts = json.loads((node.storage / ".state" / "node.json").read_text())
        assert facts["port"] == node.port
        assert facts["node_id"] == probe["node_id"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_it_takes_its_traces_along(
    tmp_path: Path, how: signal.Signals
) -> None:
    with running_node(tmp_path) as node:
        node.process.send_signal(how)
        assert node.process.wait(PATIENCE_SECONDS) == 0
        assert not (node.storage / ".state" / "node.json").exists()
        assert not (node.storage / "node.sock").exists()


def test_the_owner_can_stop_it_by_request(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        assert node.ask("POST", "/api/v1/stop").json == {"pid": node.process.pid}
        assert node.process.wait(PATIENCE_SECONDS) == 0


def test_it_ends_with_the_program_that_holds_its_input(tmp_path: Path) -> None:
    process = start_node_process(
        "--port=0",
        "--until-stdin-closes",
        environment=isolated_environment(tmp_path),
        stdin=subprocess.PIPE,
    )
    try:
        assert first_line(process)["ready"]
        process.stdin.close()
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        end_process(process)


def test_the_identity_stays_when_the_node_is_started_again(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        first = node.facts["node_id"]
    with running_node(tmp_path) as node:
        assert node.facts["node_id"] == first


def test_fifty_nodes_start_at_once_and_exactly_one_wins(tmp_path: Path) -> None:
    environment = isolated_environment(tmp_path)
    processes = [
        start_node_process("--port=0", environment=environment, stderr=subprocess.PIPE)
        for _ in range(50)
    ]
    try:
        lines = [first_line(process) for process in processes]
        winners = [line for line in lines if line.get("ready")]
        losers = [line["error"] for line in lines if "error" in line]
        assert len(winners) == 1
        assert len(losers) == 49
        assert {error["code"] for error in losers} == {"storage-in-use"}
        named = {error["fields"].get("pid") for error in losers}
        assert named <= {winners[0]["pid"], None}
    finally:
        for process in processes:
            end_process(process)
            process.stderr.close()


def test_a_killed_node_leaves_the_folder_free(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        stored = node.store(b"kept", "kept.dat")
        node.kill()
    with running_node(tmp_path) as node:
        assert node.ask("GET", f"/api/v1/files/{stored['sha1']}").body == b"kept"


def test_what_a_killed_node_left_half_done_is_swept_away(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        node.kill()
        leftover = node.storage / "tmp" / f"{node.process.pid}-0123456789abcdef"
        leftover.write_bytes(b"half a file")
    with running_node(tmp_path):
        assert not leftover.exists()


def test_a_second_node_on_the_folder_names_the_first(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        code, errors, error = failed_start(tmp_path, "--port=0")
        assert code == 4
        assert error["fields"]["pid"] == node.process.pid
        assert str(node.process.pid) in errors
        assert "Traceback" not in errors
        assert len(errors.strip().splitlines()) == 1


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_taken_port_is_told_on_either_address(
    tmp_path: Path, family: socket.AddressFamily
) -> None:
    address = "127.0.0.1" if family == socket.AF_INET else "::1"
    try:
        squatter = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip("no IPv6 here")
    with squatter:
        port = squatter.getsockname()[1]
        code, errors, error = failed_start(tmp_path, f"--port={port}")
        assert code == 3
        assert error["code"] == "port-taken"
        assert str(port) in errors
        assert "Traceback" not in errors


def test_after_a_taken_port_the_folder_is_free_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        failed_start(tmp_path, f"--port={squatter.getsockname()[1]}")
    with running_node(tmp_path) as node:
        assert node.ask("GET", "/api/v1/status").status == 200


def test_a_folder_of_a_newer_kachery_is_left_alone(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    storage.mkdir()
    (storage / "kachery-store-version").write_text("99\n")
    code, errors, error = failed_start(tmp_path, "--port=0")
    assert code == 5
    assert error["code"] == "storage-version"
    assert "Traceback" not in errors
    assert [path.name for path in storage.iterdir()] == ["kachery-store-version"]


def test_a_storage_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    code, errors, _ = failed_start(
        tmp_path, "--port=0", KACHERY_STORAGE_DIR=str(tmp_path / "file" / "storage")
    )
    assert code == 5
    assert str(tmp_path / "file") in errors
    assert "Traceback" not in errors


def test_a_wrong_port_in_the_environment_is_named(tmp_path: Path) -> None:
    code, errors, error = failed_start(tmp_path, KACHERY_DAEMON_PORT="twenty")
    assert code == 2
    assert error["code"] == "invalid-input"
    assert "KACHERY_DAEMON_PORT" in errors


def test_a_group_that_does_not_exist_is_named(tmp_path: Path) -> None:
    code, errors, _ = failed_start(tmp_path, "--port=0", "--auth-group=no-such-group-here")
    assert code == 2
    assert "no-such-group-here" in errors


def test_a_key_that_others_may_read_is_refused_with_the_cure(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        key = node.storage / ".state" / "node.pem"
    key.chmod(0o640)
    code, errors, error = failed_start(tmp_path, "--port=0")
    assert code == 5
    assert error["code"] == "key-unsafe"
    assert f"chmod 600 {key}" in errors


def test_secrets_are_born_private_whatever_the_umask(tmp_path: Path) -> None:
    with running_node(tmp_path, launcher=("sh", "-c", 'umask 000; exec "$@"', "sh")) as node:
        state = node.storage / ".state"
        for name in ("node.pem", "token", "node.json"):
            assert stat.S_IMODE((state / name).stat().st_mode) == 0o600, name
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert stat.S_IMODE(node.storage.stat().st_mode) == 0o700
        assert stat.S_IMODE((node.storage / "node.sock").stat().st_mode) == 0o600
