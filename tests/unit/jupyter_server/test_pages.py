"""What one browser page is told: in order, not too often, and never more than it takes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from kachery_core.wire.events import NOUNS
from kachery_jupyter.server.pages import _MOST_WAITING_BYTES, Page


async def told(page: Page, sent: list[Any], seconds: float) -> list[Any]:
    """What a page is sent within some seconds."""
    running = asyncio.ensure_future(page.run())
    await asyncio.sleep(seconds)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return sent


def fresh() -> tuple[Page, list[Any]]:
    """A page, and what it was sent."""
    sent: list[Any] = []

    async def send(text: bytes) -> None:
        sent.append(json.loads(text))

    return Page(send), sent


def test_what_is_told_often_is_sent_once_in_the_order_of_the_nouns() -> None:
    async def story() -> list[Any]:
        page, sent = fresh()
        for noun in reversed(NOUNS):
            page.tell_changed([noun])
            page.tell_changed([noun])
        return await told(page, sent, 0.05)

    assert asyncio.run(story()) == [{"type": "changed", "nouns": list(NOUNS)}]


def test_ten_times_a_second_is_the_most() -> None:
    async def story() -> list[Any]:
        page, sent = fresh()

        async def happen() -> None:
            while True:
                page.tell_changed(["files"])
                await asyncio.sleep(0.005)

        happening = asyncio.ensure_future(happen())
        await told(page, sent, 0.45)
        happening.cancel()
        return sent

    assert 1 <= len(asyncio.run(story())) <= 6


def test_only_the_newest_progress_is_sent_and_none_after_the_end() -> None:
    async def story() -> list[Any]:
        page, sent = fresh()
        for done in range(5):
            page.tell_progress("a", {"load": "a", "done": done})
            page.tell_progress("b", {"load": "b", "done": done})
        page.tell({"load": "b", "end": True})
        return await told(page, sent, 0.05)

    assert asyncio.run(story()) == [{"load": "a", "done": 4}, {"load": "b", "end": True}]


def test_a_page_that_takes_nothing_is_not_remembered_for_ever() -> None:
    async def story() -> list[Any]:
        page, sent = fresh()
        text = json.dumps("x" * (1 << 20)).encode()
        taken = [page.tell_text(text) for _ in range(20)]
        assert taken.count(True) <= _MOST_WAITING_BYTES // len(text) + 2
        assert not taken[-1]
        await told(page, sent, 0.1)
        assert page.tell_text(b"1"), "it takes more once it has taken these"
        return sent

    assert len(asyncio.run(story())) < 20
