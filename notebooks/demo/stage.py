"""What is said on the way, and checked: a claim that does not hold ends the demo with status 1."""

from __future__ import annotations

import time


def timed(action):
    """What it gives, and how many seconds it took."""
    begin = time.monotonic()
    result = action()
    return result, time.monotonic() - begin


def wait_for(condition, what: str, seconds: float = 30) -> float:
    """Wait for something that another process does; how many seconds it took."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() > begin + seconds:
            check(what, False)
        time.sleep(0.02)
    return time.monotonic() - begin


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


def show(*lines: str) -> None:
    for line in lines:
        print(f"    {line}", flush=True)


def check(claim: str, holds: bool) -> None:
    print(f"    {'yes' if holds else 'NO!'}  {claim}", flush=True)
    if not holds:
        raise SystemExit(1)
