"""Contents in and out of a node over HTTP."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.nodes import RunningNode, running_node, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.timeout(180), pytest.mark.skipif(os.name == "nt", reason="POSIX")]
MEBIBYTE = 1 << 20
LONG = bytes(range(256)) * 4096 * 3 + b"and a bit more"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("files")) as node:
        yield node


@pytest.mark.parametrize("data", [b"", b"x", LONG], ids=["empty", "short", "long"])
def test_what_was_sent_comes_back_as_it_was(node: RunningNode, data: bytes) -> None:
    stored = node.store(data, "a.dat")
    assert stored["sha1"] == hashlib.sha1(data).hexdigest()
    assert stored["uri"] == f"sha1://{stored['sha1']}/a.dat"
    reply = node.ask("GET", f"/api/v1/files/{stored['sha1']}")
    assert reply.body == data
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Content-Disposition"].startswith("attachment")


def test_a_uri_of_large_content_names_its_manifest(node: RunningNode) -> None:
    stored = node.store(bytes(20_000_001), "zeros.dat")
    assert stored["manifest"]
    assert stored["uri"].endswith(f"/zeros.dat?manifest={stored['manifest']}")


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        (f"bytes={MEBIBYTE - 5}-{MEBIBYTE + 4}", MEBIBYTE - 5, MEBIBYTE + 5),
        ("bytes=3000000-", 3_000_000, len(LONG)),
        ("bytes=-7", len(LONG) - 7, len(LONG)),
    ],
)
def test_a_part_can_be_asked_for(node: RunningNode, header: str, start: int, end: int) -> None:
    sha1 = node.store(LONG)["sha1"]
    reply = node.ask("GET", f"/api/v1/files/{sha1}", headers={"Range": header})
    assert reply.status == 206
    assert reply.body == LONG[start:end]
    assert reply.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(LONG)}"


def test_a_part_beyond_the_end_is_refused_with_the_size(node: RunningNode) -> None:
    sha1 = node.store(b"12345")["sha1"]
    reply = node.ask("GET", f"/api/v1/files/{sha1}", headers={"Range": "bytes=5-"})
    assert reply.status == 416
    assert reply.headers["Content-Range"] == "bytes */5"


def test_the_head_tells_the_size_without_the_bytes(node: RunningNode) -> None:
    sha1 = node.store(LONG)["sha1"]
    reply = node.ask("HEAD", f"/api/v1/files/{sha1}")
    assert (reply.headers["Content-Length"], reply.body) == (str(len(LONG)), b"")


def test_damaged_content_is_never_sent_as_whole(node: RunningNode) -> None:
    data = os.urandom(3 * MEBIBYTE)
    sha1 = node.store(data)["sha1"]
    path = node.storage / "sha1" / sha1[:2] / sha1[2:4] / sha1[4:6] / sha1
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(2 * MEBIBYTE + 5)
        file.write(b"damage")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        node.ask("GET", f"/api/v1/files/{sha1}")
    assert node.ask("GET", f"/api/v1/files/{sha1}").status == 404


def test_the_list_finds_by_name_and_tells_what_it_knows(node: RunningNode) -> None:
    origin = json.dumps({"program": "test"})
    reply = node.ask(
        "POST",
        "/api/v1/files?name=n%C3%A4me.npy&kind=npy",
        b"array",
        {"Kachery-Origin": origin},
    )
    (found,) = node.ask("GET", "/api/v1/files?search=n%C3%A4me").json["files"]
    assert found["name"] == "näme.npy"
    assert found["origin"] == {"program": "test"}
    assert found["uri"] == reply.json["uri"]


def test_content_goes_to_the_trash_and_comes_back(node: RunningNode) -> None:
    sha1 = node.store(b"to the trash and back")["sha1"]
    assert node.ask("DELETE", f"/api/v1/files/{sha1}").status == 200
    assert node.ask("GET", f"/api/v1/files/{sha1}").status == 404
    assert node.ask("GET", f"/api/v1/files/{sha1}/info").json["held"] is False
    assert node.ask("POST", f"/api/v1/files/{sha1}/restore").status == 200
    assert node.ask("GET", f"/api/v1/files/{sha1}").body == b"to the trash and back"


def test_a_pin_is_remembered(node: RunningNode) -> None:
    sha1 = node.store(b"pinned")["sha1"]
    assert node.ask("POST", f"/api/v1/files/{sha1}/pin", {"pinned": True}).status == 200
    assert node.ask("GET", f"/api/v1/files/{sha1}/info").json["entry"]["pinned"] is True


def test_an_upload_that_breaks_off_leaves_nothing(node: RunningNode) -> None:
    before = node.ask("GET", "/api/v1/status").json["contents"]
    with socket.create_connection(("127.0.0.1", node.port)) as connection:
        connection.sendall(upload_head(node, 10 * MEBIBYTE) + bytes(3 * MEBIBYTE))
        wait_until(lambda: any((node.storage / "tmp").iterdir()), "the upload began")
    wait_until(lambda: not any((node.storage / "tmp").iterdir()), "the upload was given up")
    assert node.ask("GET", "/api/v1/status").json["contents"] == before


def test_content_larger_than_the_disk_is_refused_before_it_comes(node: RunningNode) -> None:
    with socket.create_connection(("127.0.0.1", node.port), timeout=30) as connection:
        connection.sendall(upload_head(node, 1 << 43))
        assert b" 507 " in connection.recv(65536).partition(b"\r\n")[0]


def test_content_without_a_length_is_refused(node: RunningNode) -> None:
    head = upload_head(node, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with socket.create_connection(("127.0.0.1", node.port), timeout=30) as connection:
        connection.sendall(head + b"3\r\nabc\r\n0\r\n\r\n")
        assert b" 400 " in connection.recv(65536).partition(b"\r\n")[0]


def test_values_change_under_their_key(node: RunningNode) -> None:
    key = {"key": ["a", {"b": 1}]}
    assert node.ask("POST", "/api/v1/mutables/get", key).json == {"value": None}
    assert node.ask("POST", "/api/v1/mutables/set", {**key, "value": [1.5]}).json["changed"]
    again = {**key, "value": 2, "update": False}
    assert not node.ask("POST", "/api/v1/mutables/set", again).json["changed"]
    assert node.ask("POST", "/api/v1/mutables/get", key).json == {"value": [1.5]}
    assert node.ask("POST", "/api/v1/mutables/delete", key).json["changed"]


def upload_head(node: RunningNode, size: int) -> bytes:
    lines = (
        "POST /api/v1/files HTTP/1.1",
        f"Host: 127.0.0.1:{node.port}",
        f"Kachery-Token: {node.token}",
        "Content-Type: application/octet-stream",
        f"Content-Length: {size}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
