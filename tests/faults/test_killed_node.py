"""A node that is killed while programs send it content: what it promised is there, nothing else.

    KACHERY_TEST_NODE_KILLS=1000 python -m pytest tests/faults/test_killed_node.py

for as many kills as somebody has patience for.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import shutil
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from kachery_store.fsck import check_store
from tests.support.killable_feeds import Killable
from tests.support.nodes import isolated_environment, wait_until
from tests.support.samples import leftovers, object_files, read_all, sha1_of
from tests.support.writers import store_at

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("KACHERY_TEST_NODE_KILLS", "150"))
# So many kills go to one storage folder before it is looked through and a new one is begun.
KILLS_PER_FOLDER = 50
PROGRAMS = 4
# So many of the promises before a kill are asked of the next node; in the end all are read.
LAST = 8
# Whole in one step, or in pieces that a kill can fall between.
SIZES = (0, 10, 5_000, 100_000, 1_500_000, 3_000_000)

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(120 + 2 * KILLS),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]


@dataclass
class Uploads:
    """Programs that go on sending through every kill, and one that looks at what is visible."""

    root: Path
    port: int
    is_over: bool = False
    promised: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    problems: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def send_for_ever(self, seed: float) -> None:
        rnd = random.Random(seed)
        while not self.is_over:
            data = rnd.randbytes(rnd.choice(SIZES[: rnd.randrange(1, len(SIZES) + 1)]))
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                connection.connect()
            except OSError:
                time.sleep(0.002)  # between two nodes
                continue
            with contextlib.closing(connection):
                try:
                    status, body = self._ask(connection, "POST", "/api/v1/files?name=x", data)
                except (OSError, http.client.HTTPException):
                    self.broken += 1
                    continue
            if status == 200:
                self.promised[sha1_of(data)] = len(data)
            else:
                self.problems.append(f"{status} {body[:200]!r}")

    def look_for_ever(self) -> None:
        """Read every name as soon as it appears, as another program would."""
        while not self.is_over:
            self.look()
            time.sleep(0.05)

    def look(self) -> None:
        for path in object_files(self.root):
            if path.name not in self.seen:
                self.seen.add(path.name)
                if sha1_of(path.read_bytes()) != path.name:
                    self.problems.append(f"{path.name} is visible and not whole")

    def is_answering(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def load(self, sha1: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            status, body = self._ask(connection, "GET", f"/api/v1/files/{sha1}")
        assert status == 200, body[:200]
        return body

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, data: bytes = b""
    ) -> tuple[int, bytes]:
        headers = {"Kachery-Token": (self.root / ".state" / "token").read_text()}
        if method == "POST":
            headers["Content-Type"] = "application/octet-stream"
        connection.request(method, path, data or None, headers | {"Content-Length": str(len(data))})
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_a_node_killed_during_uploads_keeps_what_it_promised(tmp_path: Path) -> None:
    """Four programs send all the time; after each kill the next node has what was promised last."""
    seed = 20261120
    print(f"seed {seed}")
    rnd = random.Random(seed)
    figures = dict.fromkeys(("kills", "uploads broken", "promised", "loaded", "looked at"), 0)
    for first in range(0, KILLS, KILLS_PER_FOLDER):
        kills = min(KILLS_PER_FOLDER, KILLS - first)
        folder = tmp_path / str(first)
        folder.mkdir()
        uploads = Uploads(folder / "storage", _free_port())
        environment = isolated_environment(folder)
        node = Killable("node", "--port", str(uploads.port), environment=environment)
        figures["loaded"] += _kill_often(node, uploads, rnd, kills)
        _check_everything(uploads)
        figures["kills"] += kills
        figures["uploads broken"] += uploads.broken
        figures["promised"] += len(uploads.promised)
        figures["looked at"] += len(uploads.seen)
        shutil.rmtree(folder)

    print(figures)
    assert figures["uploads broken"] > KILLS
    assert figures["promised"] > KILLS


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _kill_often(node: Killable, uploads: Uploads, rnd: random.Random, kills: int) -> int:
    """Kill it again and again; how many promises were loaded from the nodes after."""
    threads = [
        threading.Thread(target=uploads.send_for_ever, args=(rnd.random(),))
        for _ in range(PROGRAMS)
    ]
    threads.append(threading.Thread(target=uploads.look_for_ever))
    node.start()
    wait_until(uploads.is_answering, "the node is ready")
    for thread in threads:
        thread.start()
    loaded: set[str] = set()
    try:
        for _ in range(kills):
            time.sleep(rnd.random() * 0.1)
            node.kill()
            last = list(uploads.promised)[-LAST:]
            node.start()
            wait_until(uploads.is_answering, "the next node is ready")
            for sha1 in last:
                assert sha1_of(uploads.load(sha1)) == sha1
            loaded |= set(last)
            assert uploads.problems == []
    finally:
        uploads.is_over = True
        for thread in threads:
            thread.join()
        node.kill()
        node.close()
    return len(loaded)


def _check_everything(uploads: Uploads) -> None:
    uploads.look()
    assert uploads.problems == []
    store = store_at(uploads.root)
    store.folder.sweep()
    assert leftovers(uploads.root) == []
    assert check_store(store, repair=False).is_clean
    for sha1, size in uploads.promised.items():
        data = read_all(store, sha1)
        assert (sha1_of(data), len(data)) == (sha1, size)
    store.close()
