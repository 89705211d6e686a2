"""A user's program beside a node: `python -m benchmarks.remote_program`.

It does what each line of JSON tells it, `{"do": …, …}`, and answers with one line. Times are
seconds; moments are `time.monotonic`, one clock for all processes of the machine.
"""

from __future__ import annotations

import json
import sys
import time
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import kachery_jupyter as kc
from benchmarks.feed_logs import KacheryLog, messages
from benchmarks.feed_peers import new_subfeed
from benchmarks.feed_program import say

if TYPE_CHECKING:
    from collections.abc import Callable

_TEXT_CHARACTERS = 1024


def main() -> None:
    """Do what each line says, until there are no more."""
    doing: dict[str, Callable[..., Any]] = {
        "store": _store,
        "link": _link,
        "store_texts": _store_texts,
        "load": _load,
        "load_each": _load_each,
        "load_many": _load_many,
        "begin": _begin,
        "new_subfeed": _new_subfeed,
        "append": _append,
        "follow": _follow,
    }
    for line in sys.stdin:
        order = json.loads(line)
        say(doing[order.pop("do")](**order))


def _store(path: str) -> str:
    return kc.store_file(path)


def _link(path: str) -> str:
    return kc.link_file(path)


def _store_texts(count: int) -> list[str]:
    """The URIs of new texts of 1 KB."""
    return kc.store_many([token_hex(_TEXT_CHARACTERS // 2) for _ in range(count)])


def _load(uri: str) -> float:
    """Seconds until a file of another node is here, whole and verified."""
    began = time.perf_counter()
    if kc.load_file(uri) is None:
        raise RuntimeError(f"Nobody has {uri}.")
    return time.perf_counter() - began


def _load_each(uris: list[str]) -> list[float]:
    """Seconds for each text, one after the other."""
    taken = []
    for uri in uris:
        began = time.perf_counter()
        found = kc.load_text(uri)
        taken.append(time.perf_counter() - began)
        _check(found)
    return taken


def _load_many(uris: list[str]) -> float:
    began = time.perf_counter()
    found = kc.load_many(uris)
    taken = time.perf_counter() - began
    for text in found:
        _check(text)
    return taken


def _begin(uri: str) -> float:
    """Seconds until the first kilobyte of a file of another node has been read."""
    began = time.perf_counter()
    file = kc.open(uri)
    if file is None:
        raise RuntimeError(f"Nobody has {uri}.")
    with file:
        data = file.read(1024)
    taken = time.perf_counter() - began
    if len(data) != 1024:
        raise RuntimeError(f"{uri} gave {len(data)} of 1024 bytes.")
    return taken


def _new_subfeed() -> str:
    return new_subfeed()


def _append(uri: str, count: int, pause: float) -> list[float]:
    """The moments at which each append began."""
    log = KacheryLog(uri)
    moments = []
    for message in messages(count):
        time.sleep(pause)
        moments.append(time.monotonic())
        log.append_each([message])
    return moments


def _follow(uri: str, count: int) -> list[float]:
    """The moments at which each message was here; says "waiting" before the first."""
    coming = KacheryLog(uri).follow(count, lambda: say("waiting"))
    return [time.monotonic() for _ in coming]


def _check(text: Any) -> None:
    if text is None or len(text) != _TEXT_CHARACTERS:
        raise RuntimeError("A text did not come as it was stored.")


if __name__ == "__main__":
    main()
