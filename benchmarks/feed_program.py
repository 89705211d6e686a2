"""A program that appends or follows when told to: `python -m benchmarks.feed_program`.

It reads lines of JSON and answers each with one:
    {"do": "open", "place": [...]}            -> "open"
    {"do": "append", "count": 10}             -> "done"
    {"do": "follow", "count": 10}             -> "waiting", then the times at which they came
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.feed_logs import messages, open_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.feed_logs import Log


class Program:
    """The program as its parent sees it.

    Args:
        module: another one that speaks like this.
        environment: its variables; those of this process if None.
        arguments: of the module.
    """

    def __init__(
        self,
        module: str = "benchmarks.feed_program",
        environment: dict[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    @property
    def pid(self) -> int:
        """Id of its process."""
        return self._process.pid

    def tell(self, what: str, **more: Any) -> None:
        """Give it something to do."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **more}) + "\n")

    def hear(self) -> Any:
        """Its next answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("A program of the benchmark failed; what it said is above.")
        return json.loads(line)

    def end(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=20)


@contextlib.contextmanager
def programs(count: int) -> Iterator[list[Program]]:
    """Some of them, ended afterwards."""
    started: list[Program] = []
    try:
        for _ in range(count):
            started.append(Program())  # noqa: PERF401 - those before are ended if one fails
        yield started
    finally:
        for program in started:
            program.end()


def main() -> None:
    """Do what each line says, until there are no more."""
    with contextlib.ExitStack() as opened:
        log: Log | None = None
        for line in sys.stdin:
            order = json.loads(line)
            if order["do"] == "open":
                opened.close()
                log = open_log(order["place"])
                opened.callback(log.close)
                say("open")
            elif log is not None:
                _use(log, order)


def _use(log: Log, order: dict[str, Any]) -> None:
    if order["do"] == "append":
        log.append_each(messages(order["count"]))
        say("done")
    else:
        # One clock for all processes of the machine.
        coming = log.follow(order["count"], lambda: say("waiting"))
        say([time.monotonic() for _ in coming])


def say(what: Any) -> None:
    """Answer the parent."""
    os.write(1, f"{json.dumps(what)}\n".encode())


if __name__ == "__main__":
    main()
