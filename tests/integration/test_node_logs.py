"""The log of a node that is asked all kinds of things, with everything logged that can be."""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.nodes import RunningNode, running_node

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX")
RED = "\x1b[31m\x07"


def _send(node: RunningNode, request: str) -> None:
    with socket.create_connection(("127.0.0.1", node.port), timeout=30) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def test_the_log_of_a_run_holds_no_secret_and_no_trick(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("wb") as log,
        running_node(tmp_path, "--verbose", "--shared", stderr=log) as node,
    ):
        secrets = [node.token, node.client_token]
        secrets += [path.read_text().splitlines()[1] for path in node.storage.rglob("*.pem")]
        for secret in secrets:
            assert node.ask("GET", f"/api/v1/files/{secret[:60].replace('/', '_')}").status == 400
            assert node.ask("GET", f"/nothing/x{secret[:43]}x").status == 404
            host = f"Host: 127.0.0.1:{node.port}"
            _send(node, f"GET /{RED}{secret} HTTP/1.1\r\n{host}\r\n\r\n")
            _send(node, f"GET / HTTP/1.1\r\n{host}\r\nbroken {secret} {RED}\r\n\r\n")
            _send(node, f"{RED}{secret}\r\n\r\n")
            _send(node, f"POST / HTTP/1.1\r\n{host}\r\nContent-Length: {secret}{RED}\r\n\r\n")
        node.ask("POST", "/api/v1/mutables/set", {"key": secrets[0], "value": RED})
        node.store(b"data", name="%1B%5B31m")

    said = (tmp_path / "log").read_text()
    assert "/api/v1/files" in said
    assert [secret for secret in secrets if secret[21:43] in said] == []
    assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", said) == []
