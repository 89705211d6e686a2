"""Other users of the computer: nothing in private mode, their share in shared mode."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.nodes import PATIENCE_SECONDS, RunningNode, running_node

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        os.name == "nt" or os.geteuid() != 0 or shutil.which("setpriv") is None,
        reason="needs root and setpriv to become another user",
    ),
]
AS_OTHER = ("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups")
AS_THIRD = ("setpriv", "--reuid", "12346", "--regid", "12346", "--clear-groups")
# What another user's program does; it must run without anything of the project.
ASK = """
import http.client, json, socket, sys
method, path, token, body, port, sock = json.loads(sys.argv[1])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
if sock:
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(sock)
    except OSError as problem:
        sys.exit(print(json.dumps([0, str(problem)])))
headers = {"Kachery-Token": token} if token else {}
if body is not None:
    headers["Content-Type"] = "application/json"
    if body.startswith("raw:"):
        body, headers["Content-Type"] = body[4:], "application/octet-stream"
connection.request(method, path, body, headers)
answer = connection.getresponse()
print(json.dumps([answer.status, answer.read().decode()]))
"""


def other(user: tuple[str, ...], *command: str) -> str:
    """What a command says when another user runs it."""
    done = subprocess.run(
        [*user, *command],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
        cwd="/",
    )
    return done.stdout + done.stderr


def ask_as(
    user: tuple[str, ...],
    node: RunningNode,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str = "",
    by_socket: bool = False,
) -> tuple[int, str]:
    """Status and text that another user's program gets."""
    sent = body if body is None or isinstance(body, str) else json.dumps(body)
    where = node.facts["socket"] if by_socket else None
    arguments = json.dumps([method, path, token, sent, node.port, where])
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    text = other(user, python, "-c", ASK, arguments)
    status, answer = json.loads(text)
    return status, answer


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter (pytest's own are private)."""
    with tempfile.TemporaryDirectory(prefix="kachery-users-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_a_private_node_gives_others_nothing(open_folder: Path) -> None:
    with running_node(open_folder) as node:
        stored = node.store(b"mine alone")
        file = f"/api/v1/files/{stored['sha1']}"
        assert ask_as(AS_OTHER, node, "GET", file)[0] == 403
        assert ask_as(AS_OTHER, node, "POST", "/api/v1/files", "raw:x")[0] == 403
        assert ask_as(AS_OTHER, node, "GET", file, by_socket=True)[0] == 0
        for secret in (node.storage / ".state" / "token", node.storage / "sha1"):
            assert "ermission denied" in other(AS_OTHER, "ls", str(secret))
        assert not (node.storage / "client-token").exists()


def test_a_shared_node_lets_others_store_and_load_and_no_more(open_folder: Path) -> None:
    with running_node(open_folder, "--shared") as node:
        token = other(AS_OTHER, "cat", str(node.storage / "client-token"))
        assert token == node.client_token
        status, text = ask_as(
            AS_OTHER, node, "POST", "/api/v1/files?name=theirs", "raw:theirs", token=token
        )
        assert status == 200, text
        sha1 = json.loads(text)["sha1"]
        file = f"/api/v1/files/{sha1}"
        assert ask_as(AS_OTHER, node, "GET", file, token=token) == (200, "theirs")
        for method, path, body in (
            ("DELETE", file, None),
            ("POST", f"{file}/pin", {"pinned": True}),
            ("POST", f"{file}/restore", None),
            ("POST", "/api/v1/stop", None),
        ):
            status, text = ask_as(AS_OTHER, node, method, path, body, token=token)
            assert status == 403
            assert json.loads(text)["error"]["code"] == "owner-only"
        assert node.process.poll() is None


def test_a_shared_node_knows_others_by_their_socket(open_folder: Path) -> None:
    with running_node(open_folder, "--shared") as node:
        status, text = ask_as(AS_OTHER, node, "POST", "/api/v1/files", "raw:theirs", by_socket=True)
        assert status == 200, text
        assert ask_as(AS_OTHER, node, "POST", "/api/v1/stop", by_socket=True)[0] == 403


@pytest.mark.parametrize("by_socket", [True, False])
def test_a_value_is_changed_only_by_who_set_it_and_the_owner(
    open_folder: Path, *, by_socket: bool
) -> None:
    value = {"key": "k", "value": "theirs"}
    with running_node(open_folder, "--shared") as node:
        more = {"token": node.client_token, "by_socket": by_socket}
        path = "/api/v1/mutables/set"
        assert ask_as(AS_OTHER, node, "POST", path, value, **more)[0] == 200
        assert ask_as(AS_THIRD, node, "POST", path, value, **more)[0] == 403
        assert ask_as(AS_OTHER, node, "POST", path, value, **more)[0] == 200
        assert node.ask("POST", path, value).status == 200


def test_others_cannot_write_the_storage_or_read_its_secrets(open_folder: Path) -> None:
    with running_node(open_folder, "--shared") as node:
        stored = node.store(b"readable")
        sha1 = stored["sha1"]
        path = node.storage / "sha1" / sha1[:2] / sha1[2:4] / sha1[4:6] / sha1
        assert other(AS_OTHER, "cat", str(path)) == "readable"
        for command in (
            ("touch", str(node.storage / "new")),
            ("touch", str(path.parent / "new")),
            ("rm", "-f", str(path)),
            ("ls", str(node.storage / ".state")),
            ("ls", str(node.storage / "tmp")),
        ):
            assert "ermission denied" in other(AS_OTHER, *command)


def test_with_a_group_only_its_members_have_the_token(open_folder: Path) -> None:
    with running_node(open_folder, "--auth-group", "root") as node:
        mode = (node.storage / "client-token").stat()
        assert stat.S_IMODE(mode.st_mode) == 0o440
        assert mode.st_gid == 0
        assert "ermission denied" in other(AS_OTHER, "cat", str(node.storage / "client-token"))
        assert ask_as(AS_OTHER, node, "GET", "/api/v1/status", by_socket=True)[0] == 0


def test_back_in_private_mode_the_token_of_others_is_gone(open_folder: Path) -> None:
    with running_node(open_folder, "--shared") as node:
        token = node.client_token
        node.kill()
    with running_node(open_folder) as node:
        assert not (node.storage / "client-token").exists()
        assert ask_as(AS_OTHER, node, "GET", "/api/v1/status", token=token)[0] == 403
