"""A feed that grows all the time, and a program on another node that follows it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.support.channels import programs_environment, wait_for

if TYPE_CHECKING:
    from tests.support.nodes import RunningNode

_WRITER = """
import json, time
import kachery_jupyter as kc
subfeed = kc.create_feed().load_subfeed("main")
print(json.dumps({"uri": subfeed.uri}), flush=True)
number = 0
while True:
    try:
        subfeed.append_message({"n": number})
        said = {"acknowledged": number}
    except kc.KacheryError as error:
        said = {"error": type(error).__name__}
    print(json.dumps(said), flush=True)
    number += 1
    time.sleep(0.05)
"""
_READER = """
import json, sys, time
import kachery_jupyter as kc
subfeed = None
while True:
    start = time.monotonic()
    try:
        subfeed = subfeed or kc.load_subfeed(sys.argv[1])
        said = {"numbers": [one["n"] for one in subfeed.get_next_messages(wait_msec=300)]}
    except kc.KacheryError as error:
        said = {"error": type(error).__name__}
        time.sleep(0.1)
    print(json.dumps(said | {"seconds": time.monotonic() - start}), flush=True)
"""


class _Program:
    """A program that says lines of JSON until it is ended."""

    def __init__(self, code: str, node: RunningNode, *arguments: str) -> None:
        self.said: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env=programs_environment(node),
            stdout=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.said.append(json.loads(line))


class ToldFeed:
    """Appends about twenty messages a second at one node, and reads them at another.

    Args:
        writer: the node that has the feed.
        reader: the node that follows it.
    """

    def __init__(self, writer: RunningNode, reader: RunningNode) -> None:
        self._writer = _Program(_WRITER, writer)
        wait_for(lambda: self._writer.said, "there is a feed")
        uri = self._writer.said[0]["uri"]
        self._reader = _Program(_READER, reader, uri)
        wait_for(lambda: self.seen, "a message is read")

    @property
    def acknowledged(self) -> list[int]:
        """What the writer was told to be durable."""
        return [line["acknowledged"] for line in list(self._writer.said) if "acknowledged" in line]

    @property
    def seen(self) -> list[int]:
        """What was read, in that order."""
        said = list(self._reader.said)
        return [number for line in said for number in line.get("numbers", ())]

    @property
    def slowest(self) -> float:
        """Seconds that the longest read took; each was to wait 0.3."""
        return max(line["seconds"] for line in list(self._reader.said))

    @property
    def errors(self) -> dict[str, int]:
        """With what appends and reads ended, and how often."""
        names = [one["error"] for one in [*self._writer.said, *self._reader.said] if "error" in one]
        return {name: names.count(name) for name in sorted(set(names))}

    def catch_up(self, seconds: float) -> float:
        """Wait until all that is acknowledged now was read; how many seconds it took."""
        began = time.monotonic()
        goal = self.acknowledged[-1]
        wait_for(lambda: self.seen and self.seen[-1] >= goal, f"message {goal} arrives", seconds)
        return time.monotonic() - began

    def check(self) -> None:
        """Nothing was lost, repeated or brought out of order."""
        assert self._writer.is_alive, "the program that writes ended"
        assert self._reader.is_alive, "the program that reads ended"
        seen = self.seen
        assert seen == sorted(set(seen)), "messages came twice, or out of order"
        lost = {number for number in self.acknowledged if number <= seen[-1]} - set(seen)
        assert not lost, f"messages that were acknowledged are lost: {sorted(lost)[:10]}"

    def close(self) -> None:
        """End both programs."""
        self._reader.close()
        self._writer.close()
