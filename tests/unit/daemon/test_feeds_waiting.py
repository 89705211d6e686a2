"""Readers that wait: woken by a commit, once, and never missed."""

import asyncio
import threading

from kachery_core.messages import SubfeedKey
from kachery_daemon.feeds.waiting import Waiters

ONE, OTHER = SubfeedKey("0a" * 32, "0b" * 20), SubfeedKey("0a" * 32, "0c" * 20)
LONG = 30


class Lengths:
    """What has been committed, and how often somebody asked."""

    def __init__(self):
        self.by_key = {}
        self.asked = 0

    async def ready(self):
        self.asked += 1
        return [key for key, length in self.by_key.items() if length]


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never happened")


def commit(waiters, lengths, key):
    """As the committer's thread does it."""

    def work():
        lengths.by_key[key] = 1
        waiters.wake_from_thread(key)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_what_is_there_already_is_told_at_once():
    async def story():
        waiters, lengths = Waiters(), Lengths()
        lengths.by_key[ONE] = 1
        assert await waiters.wait([ONE], lengths.ready, LONG) == [ONE]
        assert waiters._events == {}

    asyncio.run(story())


def test_a_waiter_asks_once_before_and_once_after_the_commit_and_not_in_between():
    async def story():
        waiters, lengths = Waiters(), Lengths()
        waiting = asyncio.ensure_future(waiters.wait([ONE, OTHER], lengths.ready, LONG))
        await until(lambda: lengths.asked)
        await asyncio.sleep(0.3)
        assert lengths.asked == 1
        commit(waiters, lengths, OTHER)
        assert await asyncio.wait_for(waiting, LONG) == [OTHER]
        assert lengths.asked == 2

    asyncio.run(story())


def test_nobody_is_woken_for_what_they_do_not_wait_for():
    async def story():
        waiters, lengths = Waiters(), Lengths()
        waiting = asyncio.ensure_future(waiters.wait([ONE], lengths.ready, 0.3))
        await until(lambda: lengths.asked)
        commit(waiters, Lengths(), OTHER)
        assert await waiting == []
        assert lengths.asked == 2

    asyncio.run(story())


def test_a_commit_while_the_waiter_asks_is_not_missed():
    async def story():
        waiters, lengths = Waiters(), Lengths()

        async def ready():
            found = await lengths.ready()
            if lengths.asked == 1:
                commit(waiters, lengths, ONE)
            return found

        assert await asyncio.wait_for(waiters.wait([ONE], ready, LONG), LONG / 2) == [ONE]

    asyncio.run(story())


def test_all_of_many_waiters_are_woken():
    async def story():
        waiters, lengths = Waiters(), Lengths()
        waiting = [
            asyncio.ensure_future(waiters.wait([ONE], lengths.ready, LONG)) for _ in range(100)
        ]
        await until(lambda: lengths.asked == 100)
        commit(waiters, lengths, ONE)
        assert await asyncio.gather(*waiting) == [[ONE]] * 100

    asyncio.run(story())


def test_who_gives_up_leaves_nothing_behind():
    async def story():
        waiters, lengths = Waiters(), Lengths()
        assert await waiters.wait([ONE], lengths.ready, 0.01) == []
        waiting = asyncio.ensure_future(waiters.wait([ONE, OTHER], lengths.ready, LONG))
        await until(lambda: lengths.asked == 3)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiters._events == {}

    asyncio.run(story())
