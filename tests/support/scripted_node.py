"""A small server that answers as a node with channels would, or as a test says: badly."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from kachery_core.errors import ContentNotFoundError, KacheryError, error_to_wire
from kachery_store.store import Label, Store
from tests.support.samples import sha1_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass
class ScriptedNode:
    """What it has and what it was asked.

    Attributes:
        store: the storage folder it keeps.
        elsewhere: contents of other nodes, by SHA-1.
        loads: the questions to fetch contents.
        ranges: the byte ranges asked for.
        lines: what it says instead of fetching.
        refusal: what it answers to everything.
        pause_seconds: it waits so long in each fetch, saying something every 20 ms.
        left: set when somebody hung up during a fetch.
    """

    store: Store
    port: int = 0
    elsewhere: dict[str, bytes] = field(default_factory=dict)
    loads: list[dict[str, Any]] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    lines: Callable[[dict[str, Any]], Iterator[Any]] | None = None
    refusal: KacheryError | None = None
    pause_seconds: float = 0.0
    left: threading.Event = field(default_factory=threading.Event)

    def offer(self, *contents: bytes) -> list[str]:
        """Have contents on another node; their SHA-1."""
        self.elsewhere |= {sha1_of(data): data for data in contents}
        return [sha1_of(data) for data in contents]

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which programs find it."""
        return {
            "KACHERY_DAEMON_PORT": str(self.port),
            "KACHERY_STORAGE_DIR": str(self.store.folder.root),
        }

    def answer_loads(self, question: dict[str, Any]) -> Iterator[Any]:
        """The lines of an answer."""
        self.loads.append(question)
        if self.lines is not None:
            yield from self.lines(question)
            return
        found = [self.elsewhere.get(one["sha1"]) for one in question["uris"]]
        total = sum(len(data) for data in found if data is not None)
        end = time.monotonic() + self.pause_seconds
        while time.monotonic() < end:
            done = int(total * (1 - (end - time.monotonic()) / self.pause_seconds))
            yield {"progress": {"done": done, "total": total, "rate": 1e6, "providers": 1}}
            time.sleep(0.02)
        for one, data in zip(question["uris"], found, strict=True):
            if data is not None:
                self.store.add_bytes(data, Label(one["name"], fetched=True))
        yield {"done": [data is not None for data in found]}


@contextlib.contextmanager
def scripted_node(folder: Path) -> Iterator[ScriptedNode]:
    """A server of this process on a free port, until the block is left."""
    node = ScriptedNode(Store(folder / "storage"))
    token = node.store.folder.state / "token"
    token.write_text("owner")

    class Handler(_Handler):
        script = node

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    node.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    script: ScriptedNode
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/probe":
            self._say(200, json.dumps(self._probe()).encode())
        elif self.script.refusal is not None:
            self._refuse(self.script.refusal)
        elif address.path == "/api/v1/ranges":
            self._send_range(dict(parse_qsl(address.query)))
        else:
            self._refuse(ContentNotFoundError("There is nothing at this address."))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Kachery-Token"] == "owner"
        assert self.path == "/api/v1/loads", self.path
        if self.script.refusal is not None:
            self._refuse(self.script.refusal)
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for line in self.script.answer_loads(json.loads(body)):
                if line is None:  # the node is killed
                    self.close_connection = True
                    return
                data = json.dumps(line).encode() + b"\n"
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        except ConnectionError:
            self.script.left.set()
            self.close_connection = True

    def _send_range(self, query: dict[str, str]) -> None:
        data = self.script.elsewhere.get(query["sha1"])
        if data is None:
            self._refuse(ContentNotFoundError("Nobody has it."))
            return
        start, end = int(query["start"]), int(query["end"])
        self.script.ranges.append((start, end))
        shown = f"{start}-{end - 1}" if start < end else "*"
        self._say(200, data[start:end], ("Content-Range", f"bytes {shown}/{len(data)}"))

    def _refuse(self, error: KacheryError) -> None:
        self._say(404, json.dumps({"error": error_to_wire(error)}).encode())

    def _say(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _probe(self) -> dict[str, Any]:
        return {
            "node_id": "0" * 64,
            "version": "0",
            "api": 1,
            "storage_dir": str(self.script.store.folder.root),
            "socket": None,
            "shared": False,
        }

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""
