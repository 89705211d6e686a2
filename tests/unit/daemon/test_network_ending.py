"""What is cancelled ends, and what takes too long as well."""

from __future__ import annotations

import asyncio

import pytest

from kachery_daemon.network.ending import end_tasks, within


def test_what_comes_in_time_is_handed_on():
    async def story():
        assert await within(asyncio.sleep(0, "done"), 5) == "done"
        assert await within(asyncio.sleep(0, "done"), None) == "done"
        with pytest.raises(asyncio.TimeoutError):
            await within(asyncio.sleep(60), 0.01)

    asyncio.run(story())


def test_who_is_cancelled_at_the_moment_the_work_ends_is_cancelled():
    async def story():
        work = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(within(work, 60))
        await asyncio.sleep(0.01)
        work.set_result("done")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(story())


def test_work_has_ended_when_its_time_is_over():
    ended = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.3)  # longer than one look of `end_tasks`
            ended.append(True)

    async def story():
        with pytest.raises(asyncio.TimeoutError):
            await within(work(), 0.01)
        assert ended

    asyncio.run(story())


def test_work_that_does_not_hear_is_told_again():
    async def deaf():
        for _ in range(2):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    async def story():
        task = asyncio.ensure_future(deaf())
        await asyncio.sleep(0)
        await asyncio.wait_for(end_tasks([task]), 5)
        assert task.done()

    asyncio.run(story())
