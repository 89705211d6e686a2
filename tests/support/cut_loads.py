"""A content that is loaded while something goes wrong: how it ends, what can be seen of it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import KacheryError, error_from_wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.nodes import RunningNode


@dataclass(frozen=True)
class Ended:
    """How one load ended.

    Attributes:
        how: whole, nobody, cut (the requester was killed), or the name of the error.
        seconds: how long it took.
        path: on which way bytes came at last.
    """

    how: str
    seconds: float
    path: str = ""


def load(node: RunningNode, content: Content, seconds: float) -> Ended:
    """Ask a node for a content, as a program does; however that ends."""
    began = time.monotonic()
    path, last = "", {}
    try:
        for line in _lines(node, content, seconds):
            path = line.get("progress", {}).get("path") or path
            last = line
    except TimeoutError:
        return Ended("never", time.monotonic() - began, path)
    except (OSError, http.client.HTTPException):
        return Ended("cut", time.monotonic() - began, path)
    took = time.monotonic() - began
    if "done" in last:
        return Ended("whole" if last["done"] == [True] else "nobody", took, path)
    if "error" not in last:
        return Ended("cut", took, path)
    error = error_from_wire(last["error"])
    assert isinstance(error, KacheryError)
    assert str(error)
    return Ended(type(error).__name__, took, path)


def _lines(node: RunningNode, content: Content, seconds: float) -> Iterator[dict[str, Any]]:
    wanted = {"sha1": content.sha1, "manifest": content.manifest, "name": "cut.dat"}
    body = json.dumps({"uris": [wanted], "timeout_seconds": seconds})
    headers = {"Kachery-Token": node.token, "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=seconds + 30)
    with contextlib.closing(connection):
        connection.request("POST", "/api/v1/loads", body, headers)
        for line in connection.getresponse():
            yield json.loads(line)


@dataclass
class Content:
    """What is loaded in one run, and what of it was seen at the requester.

    Attributes:
        finished: chunks that were on the requester's disk when it was killed, and when that was.
    """

    data: bytes
    root: Path
    sha1: str = ""
    manifest: str = ""
    problems: list[str] = field(default_factory=list)
    finished: list[tuple[float, set[int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sha1 = hashlib.sha1(self.data).hexdigest()

    @property
    def path(self) -> Path:
        name = self.sha1
        return self.root / "sha1" / name[:2] / name[2:4] / name[4:6] / name

    def look(self) -> bool:
        """Read it as soon as it appears; whether it is there."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return False
        if data != self.data:
            self.problems.append(f"{self.sha1} was visible with {len(data)} bytes, and not whole")
        return True

    @property
    def part(self) -> Path:
        """Where it is while it is on its way."""
        return self.root / ".state" / "downloads" / f"{self.sha1}.part"

    def chunks_here(self) -> set[int]:
        """The chunks that the requester has of it while it is on its way."""
        try:
            here = self.part.read_bytes()
        except FileNotFoundError:
            return set()
        return {
            start // CHUNK_SIZE
            for start in range(0, len(self.data), CHUNK_SIZE)
            if here[start : start + CHUNK_SIZE] == self.data[start : start + CHUNK_SIZE]
        }

    def note_finished(self) -> None:
        """The requester is dead: remember which chunks it has."""
        self.finished.append((time.monotonic(), self.chunks_here()))

    def check_resumed(self, asked: list[tuple[float, int, int]]) -> int:
        """No finished chunk was asked for again on a direct path; how many need not be."""
        for at, right in self.finished:
            again = {
                index
                for when, first, last in asked
                if when > at
                for index in range(first, last + 1)
                if index in right
            }
            assert not again, f"finished chunks were asked for again: {sorted(again)}"
        return sum(len(right) for _, right in self.finished)


@contextlib.contextmanager
def watched(content: Content) -> Iterator[None]:
    """Look all the time whether something partial can be seen."""
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.02) and not content.look():
            pass

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        assert content.problems == []
