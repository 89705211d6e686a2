"""Whose turn it is: bounded work, and nobody starves."""

from __future__ import annotations

import asyncio

from kachery_daemon.network.turns import Turns
from tests.support.stories import story


class Bench:
    """Work that ends when it is told to."""

    def __init__(self):
        self.running = []
        self.done = []

    def job(self, name):
        async def work():
            ending = asyncio.Event()
            self.running.append((name, ending))
            await ending.wait()
            self.running.remove((name, ending))
            self.done.append(name)

        return work

    async def finish_one(self):
        self.running[0][1].set()
        for _ in range(4):
            await asyncio.sleep(0)


@story
async def test_only_so_much_runs_for_one_asker_and_only_so_much_waits():
    turns, bench = Turns(each=2, total=10, waiting=3), Bench()
    taken = [turns.offer("a", bench.job(number)) for number in range(7)]
    await asyncio.sleep(0)
    assert taken == [True] * 5 + [False] * 2
    assert len(bench.running) == 2
    assert turns.offer("b", bench.job("other"))
    await asyncio.sleep(0)
    assert len(bench.running) == 3
    while bench.running:
        await bench.finish_one()
    assert sorted(bench.done, key=str) == [0, 1, 2, 3, 4, "other"]


@story
async def test_everybody_gets_a_turn():
    turns, bench = Turns(each=2, total=2, waiting=100), Bench()
    for number in range(50):
        turns.offer("greedy", bench.job(f"greedy {number}"))
    for name in ("b", "c"):
        turns.offer(name, bench.job(name))
    await asyncio.sleep(0)
    while bench.running:
        await bench.finish_one()
    assert len(bench.done) == 52
    assert max(bench.done.index("b"), bench.done.index("c")) < 8


@story
async def test_work_that_fails_makes_room():
    turns = Turns(each=1, total=1, waiting=5)
    done = []

    async def fail():
        raise RuntimeError

    async def work():
        done.append(1)

    turns.offer("a", fail)
    for _ in range(3):
        turns.offer("a", work)
    await asyncio.sleep(0.01)
    assert done == [1, 1, 1]


@story
async def test_what_is_forgotten_neither_runs_nor_waits():
    turns, bench = Turns(each=1, total=1, waiting=5), Bench()
    for number in range(3):
        turns.offer("a", bench.job(number))
    await asyncio.sleep(0)
    await turns.close()
    assert bench.done == []
    assert turns.offer("a", bench.job("after"))
    await asyncio.sleep(0)
    assert bench.running[-1][0] == "after"
    await turns.close()
