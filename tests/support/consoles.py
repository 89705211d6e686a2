"""A Python that stays open beside one node: expressions go in, values come out."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.support.channels import programs_environment
from tests.support.nodes import end_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.nodes import RunningNode

_SECONDS = 90
_LOOP = """
import hashlib, json, sys, time
import numpy as np
import kachery_jupyter as kc
answers, sys.stdout = sys.stdout, sys.stderr
names = dict(globals())
def said(data):
    return hashlib.sha1(data).hexdigest() if isinstance(data, bytes) else str(data)
for line in sys.stdin:
    code = json.loads(line)
    try:
        try:
            value = eval(code, names)
        except SyntaxError:
            value = exec(code, names)
    except Exception as problem:
        answer = {"error": type(problem).__name__, "message": str(problem)}
    else:
        answer = {"value": value}
    print(json.dumps(answer, default=said), file=answers, flush=True)
"""


class RaisedError(Exception):
    """What the expression raised; `name` is its class."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class Console:
    """A program of a node's owner that does what it is told."""

    def __init__(self, node: RunningNode) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOOP],
            env=programs_environment(node),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, code: str) -> Any:
        """The value of an expression as JSON, bytes as their SHA-1; of statements, None.

        Raises:
            RaisedError: it raised.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], _SECONDS)
        assert ready, f"no end of {code}"
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RaisedError(answer["error"], answer["message"])
        return answer["value"]

    def outcome(self, code: str) -> Any:
        """The value, or the name of the error."""
        try:
            return self.run(code)
        except RaisedError as problem:
            return problem.name

    def close(self) -> None:
        """End the program."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        end_process(self._process)


@contextlib.contextmanager
def consoles(*nodes: RunningNode) -> Iterator[list[Console]]:
    """One console for each node; ended when the block is left."""
    with contextlib.ExitStack() as stack:
        opened = []
        for node in nodes:
            console = Console(node)
            stack.callback(console.close)
            opened.append(console)
        yield opened


def seconds_of(action: Any) -> tuple[Any, float]:
    """What it gives, and how long it took."""
    begin = time.monotonic()
    return action(), time.monotonic() - begin
