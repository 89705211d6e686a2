"""What may be done with messages, whichever way it was asked: over HTTP or on the feed socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.errors import InvalidRequestError
from kachery_core.messages import Head, SubfeedKey
from kachery_core.wire.feeds import BEFORE_HEADER, LENGTH_HEADER, Appended, Ready
from kachery_daemon.api.door import Role
from kachery_daemon.keyring import OWNER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future
    from typing import TypeAlias

    from kachery_core.wire.feeds import NewMessages, ReadRequest, Watch
    from kachery_daemon.api.door import Asker
    from kachery_daemon.feeds.collection import Feeds

    # Waits until one of some subfeeds goes on, at most so many milliseconds.
    Wait: TypeAlias = Callable[[dict[SubfeedKey, int], int], Awaitable[object]]


def writer_of(asker: Asker) -> int:
    """Who asks, as feeds know their writers.

    Raises:
        InvalidRequestError: somebody else than the owner, and nothing tells who.
    """
    if asker.role == Role.OWNER:
        return OWNER
    if asker.uid is None:
        raise InvalidRequestError(
            "Other users of this computer reach feeds by the node's UNIX socket only.",
            hint="Over TCP the node cannot tell whose feed it is.",
        )
    return asker.uid


async def append(feeds: Feeds, body: NewMessages, writer: int) -> Appended:
    """Append messages; durable when this returns."""
    key = SubfeedKey(body.feed, body.subfeed)
    if body.name is not None:
        await feeds.name_subfeed(key, body.name, writer)
    return Appended(*await feeds.append(key, *_parts(body), writer))


def append_soon(feeds: Feeds, body: NewMessages, writer: int) -> Future[tuple[int, int]] | None:
    """Begin an append if nothing of what it needs is on the disk; otherwise None."""
    if body.name is not None:
        return None
    return feeds.append_soon(SubfeedKey(body.feed, body.subfeed), *_parts(body), writer)


def _parts(body: NewMessages) -> tuple[bytes, list[bytes]]:
    return bytes.fromhex(body.append_id), [bytes(message) for message in body.messages]


async def read(feeds: Feeds, body: ReadRequest, wait: Wait) -> tuple[dict[str, str], bytes]:
    """Messages from a position on: what the headers say of them, and their batches."""
    key = SubfeedKey(body.feed, body.subfeed)
    before, run = await feeds.read(key, body.position, body.max_bytes, body.channel)
    if not run and body.wait_msec:
        await wait({key: body.position}, body.wait_msec)
        before, run = await feeds.read(key, body.position, body.max_bytes, body.channel)
    length = await feeds.length(key)
    if await feeds.copies.fork(key) is None:
        length = max(length, feeds.elsewhere.expected(key))
    return _facts(before, length), run


async def watch(feeds: Feeds, body: Watch, wait: Wait) -> Ready:
    """Which of many subfeeds have messages, as soon as one has; or are found to be forked."""
    keys = [SubfeedKey(one.feed, one.subfeed) for one in body.positions]
    lowest: dict[SubfeedKey, int] = {}
    for key, one in zip(keys, body.positions, strict=True):
        lowest[key] = min(one.position, lowest.get(key, one.position))
    await feeds.elsewhere.catch_up(lowest, body.channel)
    await wait(lowest, body.wait_msec)
    return Ready(
        [
            place
            for place, (key, one) in enumerate(zip(keys, body.positions, strict=True))
            if await feeds.is_ready(key, one.position)
        ]
    )


def _facts(before: Head, length: int) -> dict[str, str]:
    return {BEFORE_HEADER: f"{before.length} {before.entry.hex()}", LENGTH_HEADER: str(length)}
