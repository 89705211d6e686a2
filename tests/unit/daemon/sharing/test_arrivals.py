"""What a thread receives is told in the event loop: all of it, in its order, and soon."""

from __future__ import annotations

import asyncio
import time

from kachery_daemon.sharing.arrivals import Arrivals

MANY = 200


def test_everything_is_told_in_its_order_and_the_loop_is_not_woken_for_each():
    told = []
    wakes = []

    async def story():
        arrivals = Arrivals(lambda index, is_right: told.append((index, is_right)))
        loop = asyncio.get_running_loop()
        real = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *args: (wakes.append(args), real(*args))

        def bring():
            for index in range(MANY):
                arrivals.bring(index, is_right=index != 7)
                time.sleep(0.0005)

        await asyncio.to_thread(bring)
        arrivals.tell()

    asyncio.run(story())
    assert told == [(index, index != 7) for index in range(MANY)]
    assert len(wakes) < MANY / 4


def test_the_first_chunks_are_told_at_once():
    async def story():
        came = asyncio.Event()
        arrivals = Arrivals(lambda *_: came.set())
        began = time.monotonic()
        await asyncio.to_thread(arrivals.bring, 0, is_right=True)
        await came.wait()
        return time.monotonic() - began

    assert min(asyncio.run(story()) for _ in range(5)) < 0.015


def test_the_last_chunk_is_told_though_nothing_comes_after_it():
    told = []

    async def story():
        everything = asyncio.Event()

        def took(index, is_right):
            del is_right
            told.append(index)
            if index == 9:
                everything.set()

        arrivals = Arrivals(took)
        for index in range(10):
            await asyncio.to_thread(arrivals.bring, index, is_right=True)
        await everything.wait()

    asyncio.run(asyncio.wait_for(story(), 5))
    assert told == list(range(10))
