"""Waking a thread that waits."""

import os
import select

from kachery_jupyter.streams.waking import Waker


def test_who_waits_is_woken_and_nobody_else_is_written_to_later():
    waker = Waker()
    assert select.select([waker.source], [], [], 0)[0] == []
    waker.wake()
    assert select.select([waker.source], [], [], 0)[0] == [waker.source]
    waker.close()
    source, end = os.pipe()  # has the numbers that the waker had
    waker.wake()
    waker.close()
    assert select.select([source], [], [], 0)[0] == []
    os.close(source)
    os.close(end)
