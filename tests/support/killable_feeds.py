"""A node that can be killed a thousand times: forked from a program that has imported everything.

python -m tests.support.killable_feeds feeds FOLDER     only its feeds, asked over a UNIX socket
python -m tests.support.killable_feeds node OPTION...   the whole node

For every line on its input it forks a child and says the child's number; it says "ended" when
somebody has killed that child.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kachery_core.errors import KacheryError
from kachery_core.messages import Head, SubfeedKey
from kachery_daemon.__main__ import main as run_node
from kachery_daemon.feeds.copying import GapError
from tests.support.feed_samples import open_feeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kachery_daemon.feeds.collection import Feeds

_LONGEST_LINE = 1 << 24
KILL = 9


class Killable:
    """The program above, and the child it runs now."""

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.killable_feeds", *arguments],
            cwd=Path(__file__).parents[2],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._child = 0

    def start(self) -> None:
        """Start a child; it may not be ready yet."""
        self._child = int(self._said("\n"))

    def kill(self) -> None:
        """Kill the child and wait for its end."""
        os.kill(self._child, KILL)
        assert self._said() == "ended"

    def close(self) -> None:
        """End the program; its child must be dead."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(60) == 0
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _said(self, line: str = "") -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


async def _serve(folder: Path, listener: socket.socket) -> None:
    async with open_feeds(folder) as feeds:
        served = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            served.add(asyncio.current_task())
            while line := await reader.readline():
                answer = await _answer(feeds, json.loads(line))
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()

        server = await asyncio.start_unix_server(serve, sock=listener, limit=_LONGEST_LINE)
        await server.serve_forever()


async def _answer(feeds: Feeds, asked: dict[str, Any]) -> dict[str, Any]:
    key = SubfeedKey(asked["feed"], asked["subfeed"])
    try:
        if "messages" in asked:
            payloads = [json.dumps(message).encode() for message in asked["messages"]]
            first, count = await feeds.append(key, bytes.fromhex(asked["append_id"]), payloads)
            return {"first": first, "count": count}
        if "taken" in asked:
            await feeds.copies.add(key.feed)
            before = Head(asked["before"], bytes.fromhex(asked["entry"]))
            head = await feeds.copies.take(key, before, base64.b64decode(asked["taken"]))
            return {"length": head.length}
        await feeds.wait({key: asked["position"]}, 0.02)
        before, run = await feeds.read(key, asked["position"], 1 << 20)
    except GapError:
        return {"length": (await feeds.copies.head(key)).length}
    except KacheryError as problem:
        return {"problem": f"{type(problem).__name__}: {problem}"}
    return {"before": before.length, "run": base64.b64encode(run).decode()}


def _listen(folder: Path) -> socket.socket:
    # One socket for all children: who asks while none is there waits for the next.
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen(256)
    return listener


def _fork_for_ever(child: Callable[[], object]) -> None:
    while sys.stdin.readline():
        number = os.fork()
        if number == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            child()
            os._exit(0)
        print(number, flush=True)
        os.waitpid(number, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "feeds":
        root = Path(sys.argv[2])
        door = _listen(root)
        _fork_for_ever(lambda: asyncio.run(_serve(root, door)))
    else:
        _fork_for_ever(lambda: run_node(sys.argv[2:]))
