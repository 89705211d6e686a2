"""Streams over a network that fails: what was lost is seen, and nothing comes twice."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import xarray

import kachery_jupyter as kc
from tests.support.cutting_proxy import CuttingProxy

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
ROUNDS = int(os.environ.get("KACHERY_TEST_STREAM_CUTS", "10"))
PACKETS = 60
LAST = -1.0


def numbered(number: float) -> xarray.DataArray:
    return xarray.DataArray(np.full(5000, number), dims="x")


def everything(subscriber) -> list[int]:
    """All that comes until the packet that says it is the last."""
    came: list[int] = []
    while (value := float(next(subscriber).values[0])) != LAST:
        came.append(int(value))
    return came


def assert_nothing_is_lost_silently(came: list[int], subscriber, first: int = 0) -> None:
    assert came == sorted(set(came)), "twice, or in another order"
    lost = [number for gap in subscriber.gaps for number in range(gap.first, gap.last + 1)]
    assert sorted(came + [n for n in lost if n < PACKETS]) == list(range(first, PACKETS))


@pytest.mark.parametrize("history", [64 << 20, 0], ids=["kept", "not kept"])
@pytest.mark.parametrize("way", ["reset", "stall"])
def test_a_connection_that_is_cut(way, history):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(ROUNDS):
        with kc.ZMQPublisher("tcp://127.0.0.1:*", history=history) as publisher:
            port = int(publisher.address.rpartition(":")[2])
            with (
                contextlib.closing(CuttingProxy(port)) as proxy,
                kc.ZMQSubscriber(f"tcp://127.0.0.1:{proxy.port}", timeout=60) as subscriber,
            ):
                publisher.wait_for_subscribers()
                when = rng.randrange(5, PACKETS - 5)
                is_over = threading.Event()
                told = (publisher, proxy, way, when, is_over)
                thread = threading.Thread(target=_publish, args=told)
                thread.start()
                try:
                    came = everything(subscriber)
                finally:
                    is_over.set()
                    thread.join()
        assert_nothing_is_lost_silently(came, subscriber)
        if history:
            assert came == list(range(PACKETS))


def _publish(publisher, proxy, way: str, when: int, is_over: threading.Event) -> None:
    for number in range(PACKETS):
        if number == when:
            proxy.cut(way)
        if number == when + 4:
            proxy.heal()
        publisher.submit(numbered(number))
        time.sleep(0.002)
    # The end may be lost like anything else, if the connection is not there again yet.
    while not is_over.is_set():
        publisher.submit(numbered(LAST))
        is_over.wait(0.2)


def test_a_publisher_that_is_killed_and_comes_again():
    script = """
import sys, time, numpy, xarray, kachery_jupyter as kc
publisher = kc.ZMQPublisher(sys.argv[1], key=bytes(32))
print(publisher.address, flush=True)
publisher.wait_for_subscribers()
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    publisher.submit(xarray.DataArray(numpy.full(5000, float(number)), dims="x"))
print("sent", flush=True)
sys.stdin.read()
"""

    def run(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", script, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    with run("tcp://127.0.0.1:*", "0", "30") as first:
        address = first.stdout.readline().strip()
        with kc.ZMQSubscriber(address, timeout=60) as subscriber:
            came = [int(next(subscriber).values[0]) for _ in range(20)]
            first.kill()
            with run(address, "100", "120") as second:
                while came[-1] != 119:
                    came.append(int(next(subscriber).values[0]))
                second.kill()
            assert came == sorted(set(came))
            assert came[:20] == list(range(20))
            assert came[-20:] == list(range(100, 120))
            assert subscriber.stats.lost == 0
