"""Files through a real node: as its owner, as a guest, and when something is wrong with it."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import kachery_jupyter as kc
from kachery_core.errors import (
    DaemonNotRunningError,
    OwnerOnlyError,
    StorageMismatchError,
    WrongDaemonError,
)
from kachery_jupyter.client.connection import current_place, forget_place
from tests.support.nodes import running_node, wait_until
from tests.support.programs import OTHER_UID, program_command, run_program
from tests.support.samples import leftovers, sample, wrong_files

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(240)
needs_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="needs to become another user"
)


@pytest.fixture(autouse=True)
def fresh_place() -> Iterator[None]:
    forget_place()
    yield
    forget_place()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder other users can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def point_at(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setenv("KACHERY_DAEMON_PORT", str(port))
    monkeypatch.delenv("KACHERY_STORAGE_DIR", raising=False)


def test_the_owner_stores_and_loads_and_the_node_serves_the_same(tmp_path, monkeypatch) -> None:
    with running_node(tmp_path) as node:
        point_at(monkeypatch, node.port)
        uri = kc.store_npy(np.arange(300_000))
        sha1 = kc.parse_uri(uri).hash
        assert kc.get_node_id() == node.facts["node_id"]
        assert node.ask("GET", f"/api/v1/files/{sha1}").body == kc.load_bytes(uri)
        stored = node.store(b"through the door", "x.txt", "text")
        assert kc.load_text(stored["uri"]) == "through the door"
        assert kc.info(stored["uri"]).name == "x.txt"
        assert current_place().guest_of is None
        kc.set("k", [1])
        assert node.ask("POST", "/api/v1/mutables/get", {"key": "k"}).json["value"] == [1]


def test_the_node_is_found_by_the_port_it_noted(tmp_path, monkeypatch) -> None:
    with running_node(tmp_path) as node:
        monkeypatch.setenv("KACHERY_STORAGE_DIR", str(node.storage))
        assert kc.get_node_id() == node.facts["node_id"]
        link = tmp_path / "another name"
        link.symlink_to(node.storage)
        monkeypatch.setenv("KACHERY_STORAGE_DIR", str(link))
        assert kc.load_text(kc.store_text("x")) == "x"


def test_another_storage_folder_than_the_nodes_is_an_error(tmp_path, monkeypatch) -> None:
    with running_node(tmp_path) as node:
        monkeypatch.setenv("KACHERY_DAEMON_PORT", str(node.port))
        monkeypatch.setenv("KACHERY_STORAGE_DIR", str(tmp_path / "other"))
        with pytest.raises(StorageMismatchError) as caught:
            kc.store_text("x")
        assert str(node.storage) in caught.value.message
        assert caught.value.hint
    assert not (tmp_path / "other").exists()


def test_without_a_node_there_is_an_error_that_says_what_to_do(monkeypatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        point_at(monkeypatch, taken.getsockname()[1])
        for call in (
            lambda: kc.store_text("x"),
            lambda: kc.load_text("sha1://" + "0" * 40),
            kc.get_node_id,
        ):
            with pytest.raises(DaemonNotRunningError) as caught:
                call()
            assert "kachery daemon start" in caught.value.hint


def test_a_proxy_is_not_asked(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with running_node(tmp_path) as node:
        point_at(monkeypatch, node.port)
        assert kc.load_text(kc.store_text("x")) == "x"


@contextlib.contextmanager
def answering(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[int]:
    """A web server that is no node; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


PROBE = {
    "node_id": "0" * 64,
    "version": "1",
    "api": 1,
    "storage_dir": "/nowhere",
    "socket": None,
    "shared": True,
}


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"<html>hello</html>", None),
        (404, b"{}", None),
        (500, json.dumps(PROBE).encode(), None),
        (302, b"", {"Location": "http://127.0.0.1:1/probe"}),
        (200, b"[]", None),
        (200, b"\xff\xfe", None),
        (200, b"[" * 50_000, None),
        (200, json.dumps({**PROBE, "api": 99}).encode(), None),
        (200, json.dumps({**PROBE, "node_id": None}).encode(), None),
        (200, b"x" * 1_000_000, None),
    ],
    ids=["html", "404", "500", "redirect", "list", "no text", "deep", "newer", "no id", "endless"],
)
def test_a_web_server_that_is_no_node_is_recognised(status, body, headers, monkeypatch) -> None:
    with answering(status, body, headers) as port:
        point_at(monkeypatch, port)
        with pytest.raises(WrongDaemonError, match=str(port)) as caught:
            kc.store_text("secret")
        assert caught.value.hint


@pytest.mark.parametrize(
    "says",
    [
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"\0\1\2\r\n\r\n",
    ],
)
def test_a_socket_that_never_answers_is_not_waited_for_forever(says, monkeypatch) -> None:
    monkeypatch.setattr("kachery_jupyter.client.node._PROBE_SECONDS", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        point_at(monkeypatch, silent.getsockname()[1])
        done = threading.Event()

        def drip() -> None:
            connection, _ = silent.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(1000)
                connection.sendall(says)
                while not done.wait(0.1):
                    connection.sendall(b"X" if says else b"")

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(WrongDaemonError):
            kc.load_text("sha1://" + "0" * 40)
        done.set()
        thread.join()


GUEST = """
import numpy as np
place = __import__("kachery_jupyter.client.connection").client.connection.current_place()
assert place.guest_of is not None and not place.store.writable
print(kc.store_text("from a guest", "a b.txt"))
x = np.arange(3_000_000)
uri = kc.store_npy(x); assert "?manifest=" in uri, uri
assert np.array_equal(kc.load_npy(uri), x)
uri = kc.store_file(BIG); assert kc.load_bytes(uri) == open(BIG, "rb").read()
assert [kc.load_json(uri) for uri in kc.store_many([1, {"a": 2}])] == [1, {"a": 2}]
assert kc.load_pkl(kc.store_pkl({"x": x[:5]}))["x"].sum() == 10
folder = kc.store_dir(FOLDER); assert kc.load_text(folder + "/f.txt") == "in a folder"
assert kc.store_text("") and kc.load_text(kc.store_text("")) == ""
assert kc.set("k", 1) and kc.get("k") == 1 and kc.delete("k") and kc.get("k") is None
assert kc.info(uri).size and kc.list_files("a b")[0].name == "a b.txt"
removing, pinning, linking = lambda: kc.remove(uri), lambda: kc.pin(uri), lambda: kc.link_file(BIG)
for call in (removing, pinning, linking, kc.gc, kc.fsck):
    try:
        call()
        print("allowed")
    except kc.KacheryError as error:
        print(type(error).__name__, bool(error.hint))
"""


@needs_root
def test_a_guest_stores_through_the_node_and_reads_the_folder(open_folder, monkeypatch) -> None:
    home = open_folder / "guest"
    (home / "d").mkdir(parents=True)
    (home / "d" / "f.txt").write_text("in a folder")
    (home / "big").write_bytes(sample(5_000_001))
    for path in (home, *home.rglob("*")):
        shutil.chown(path, OTHER_UID, OTHER_UID)
    with running_node(open_folder / "node", "--shared") as node:
        (open_folder / "node").chmod(0o755)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "KACHERY_DAEMON_PORT": str(node.port),
        }
        names = f"BIG, FOLDER = {str(home / 'big')!r}, {str(home / 'd')!r}\n"
        uri, *denied = run_program(names + GUEST, environment, uid=OTHER_UID, cwd=home).splitlines()
        assert uri.endswith("/a%20b.txt")
        assert denied == ["OwnerOnlyError True"] * 5
        point_at(monkeypatch, node.port)
        assert kc.load_text(uri) == "from a guest"
        assert kc.info(uri).origin
    assert not wrong_files(node.storage)
    assert not leftovers(node.storage)


@needs_root
def test_a_private_node_of_another_user_is_left_alone(open_folder) -> None:
    with running_node(open_folder / "node") as node:
        (open_folder / "node").chmod(0o755)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nowhere",
            "KACHERY_DAEMON_PORT": str(node.port),
        }
        code = (
            "try: kc.store_text('secret')\n"
            "except kc.KacheryError as error: print(type(error).__name__, bool(error.hint))\n"
        )
        assert run_program(code, environment, uid=OTHER_UID).split() == [
            "StorageFailedError",
            "True",
        ]


FAKE = """
import sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(sys.argv[1].encode())
    def do_POST(self):
        print("STOLEN", self.path, flush=True); self.send_response(500); self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@contextlib.contextmanager
def fake_node(probe: dict[str, object], port: int = 0) -> Iterator[int]:
    """A listener of another user that claims to be a node."""
    command = [*program_command(FAKE, OTHER_UID), json.dumps(probe), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()
            assert b"STOLEN" not in process.stdout.read()


@needs_root
def test_nothing_is_sent_to_another_users_listener(open_folder, monkeypatch) -> None:
    shared = {**PROBE, "storage_dir": str(open_folder)}
    with fake_node({**shared, "shared": False}) as port:
        point_at(monkeypatch, port)
        with pytest.raises(WrongDaemonError, match=str(OTHER_UID)):
            kc.store_text("secret")
    with fake_node(shared) as port:
        point_at(monkeypatch, port)
        assert kc.get_node_id() == "0" * 64, "a shared node is believed the first time"
    forget_place()
    with fake_node({**shared, "node_id": "1" * 64}, port):
        with pytest.raises(WrongDaemonError, match="another one than before") as caught:
            kc.store_text("secret")
        assert "known_nodes.json" in caught.value.hint


@needs_root
def test_a_squatter_that_points_at_my_own_socket_gains_nothing(tmp_path, monkeypatch) -> None:
    with running_node(tmp_path) as node:
        claim = {**PROBE, "storage_dir": "/tmp", "socket": str(node.storage / "node.sock")}
        with fake_node(claim) as port:
            point_at(monkeypatch, port)
            assert kc.load_text(kc.store_text("x")) == "x"
            assert current_place().store.folder.root == node.storage


def test_a_guest_hears_why_the_node_refused(tmp_path, monkeypatch) -> None:
    with running_node(tmp_path) as node:
        point_at(monkeypatch, node.port)
        place = current_place()
        monkeypatch.setattr(place.store, "writable", False)
        assert kc.load_text(kc.store_text("sent over the socket")) == "sent over the socket"
        node.terminate()
        with pytest.raises(DaemonNotRunningError):
            kc.store_text("nobody hears this")
        with pytest.raises(OwnerOnlyError):
            kc.fsck()


def test_the_folder_of_another_user_is_not_written_even_by_one_who_could(
    tmp_path, monkeypatch
) -> None:
    with running_node(tmp_path) as node:
        point_at(monkeypatch, node.port)
        assert current_place().guest_of is None
        forget_place()
        monkeypatch.setattr("kachery_jupyter.client.connection._ROOT_UID", node_uid := os.geteuid())
        monkeypatch.setattr("kachery_jupyter.client.connection.own_uid", lambda: node_uid + 1)
        assert current_place().guest_of is not None
        assert not current_place().store.writable


def test_ctrl_c_during_a_large_store_leaves_nothing_and_the_store_goes_on(
    tmp_path, monkeypatch
) -> None:
    storage = tmp_path / "storage"
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(storage))
    uri = kc.store_text("before")
    code = (
        "import kachery_jupyter as kc, numpy as np\n"
        "x = np.zeros(1 << 27)\n"
        "try: kc.store_npy(x)\n"
        "except KeyboardInterrupt: print('interrupted')\n"
        "print(kc.load_text(kc.store_text('after')))\n"
    )
    with subprocess.Popen(program_command(code), stdout=subprocess.PIPE, text=True) as program:
        wait_until(lambda: leftovers(storage) or program.poll() is not None, "the store began")
        program.send_signal(signal.SIGINT)
        said, _ = program.communicate(timeout=120)
    assert said.split() == ["interrupted", "after"]
    assert leftovers(storage) == []
    assert kc.load_text(uri) == "before"
    assert len(kc.list_files()) == 2
