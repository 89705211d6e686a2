"""Logs of messages kept by kachery, Redis and NATS, used in the same way.

A message is a dict; every kind of log encodes it itself when it is appended. Each uses its own
fastest client of Python, on one connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGE_BYTES = 200
_PART = 1000
_NATS_IN_FLIGHT = 1000
_WAIT_MSEC = 60_000
_SUBJECT = "feeds"
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


class Log(Protocol):
    """One log, open for writing and reading.

    Attributes:
        place: what `open_log` needs to open it in another process.
    """

    place: list[str]

    def append_each(self, messages: list[Any]) -> None:
        """Append one message after the other, each acknowledged before the next."""

    def append_in_batches(self, messages: list[Any], size: int) -> None:
        """Append all messages, `size` at a time, each batch acknowledged before the next."""

    def read_all(self) -> int:
        """Read the log from its beginning; how many messages it has."""

    def follow(self, count: int, on_waiting: Callable[[], None]) -> Iterator[Any]:
        """The next messages to come, each as soon as it is here."""

    def close(self) -> None:
        """Let go of the connection."""


def messages(count: int) -> list[dict[str, Any]]:
    """Different messages of 200 bytes as JSON."""
    made = []
    for number in range(count):
        message = {"event": 1_000_000 + number, "time": 1.7e9 + number, "unit": number % 97 + 100}
        message["note"] = ""  # type: ignore[assignment]
        message["note"] = "x" * (MESSAGE_BYTES - len(encode(message)))  # type: ignore[assignment]
        made.append(message)
    return made


def open_log(place: list[str]) -> Log:
    """A log by its place, in any process."""
    kind, *where = place
    kinds: dict[str, Callable[..., Log]] = {
        "kachery": KacheryLog,
        "redis": RedisLog,
        "nats": NatsLog,
    }
    return kinds[kind](*where)


class KacheryLog:
    """A subfeed: signed by the node, verified and decoded here."""

    def __init__(self, uri: str) -> None:
        import kachery_jupyter as kc

        self.place = ["kachery", uri]
        self._open = kc.load_subfeed
        self._subfeed = kc.load_subfeed(uri)

    def append_each(self, messages: list[Any]) -> None:
        for message in messages:
            self._subfeed.append_message(message)

    def append_in_batches(self, messages: list[Any], size: int) -> None:
        for start in range(0, len(messages), size):
            self._subfeed.append_messages(messages[start : start + size])

    def read_all(self) -> int:
        # A new one: what was read before is kept in the old one.
        return len(self._open(self.place[1]).get_next_messages(wait_msec=0))

    def follow(self, count: int, on_waiting: Callable[[], None]) -> Iterator[Any]:
        reader = self._open(self.place[1])
        reader.position = first = len(reader)
        on_waiting()
        while reader.position < first + count:
            yield from reader.get_next_messages(wait_msec=_WAIT_MSEC)

    def close(self) -> None:
        """The connection belongs to the thread."""


class RedisLog:
    """A stream, one entry with one field for each message; given out as bytes."""

    def __init__(self, address: str, stream: str) -> None:
        import redis

        self.place = ["redis", address, stream]
        self._redis = redis.Redis(unix_socket_path=address)
        self._stream = stream

    def append_each(self, messages: list[Any]) -> None:
        for message in messages:
            self._redis.xadd(self._stream, {"m": encode(message)})

    def append_in_batches(self, messages: list[Any], size: int) -> None:
        for start in range(0, len(messages), size):
            with self._redis.pipeline(transaction=False) as pipeline:
                for message in messages[start : start + size]:
                    pipeline.xadd(self._stream, {"m": encode(message)})
                pipeline.execute()

    def read_all(self) -> int:
        found: list[Any] = []
        start = "-"
        while part := self._redis.xrange(self._stream, min=start, count=_PART):
            found += [fields[b"m"] for _, fields in part]
            start = "(" + part[-1][0].decode()
        return len(found)

    def follow(self, count: int, on_waiting: Callable[[], None]) -> Iterator[Any]:
        latest = self._redis.xrevrange(self._stream, count=1)
        last = latest[0][0] if latest else b"0-0"
        on_waiting()
        while count > 0:
            for _, part in self._redis.xread({self._stream: last}, block=_WAIT_MSEC):
                for last, fields in part:  # noqa: B007 - the last one is where to go on
                    count -= 1
                    yield decode(fields[b"m"])

    def close(self) -> None:
        self._redis.close()


class NatsLog:
    """A JetStream stream of one subject in a file; given out as bytes."""

    def __init__(self, port: str, stream: str) -> None:
        self.place = ["nats", port, stream]
        self._stream = stream
        self._subject = f"{_SUBJECT}.{stream}"
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._connect(port))

    def append_each(self, messages: list[Any]) -> None:
        self._loop.run_until_complete(self._append_each(messages))

    def append_in_batches(self, messages: list[Any], size: int) -> None:
        self._loop.run_until_complete(self._append_in_batches(messages, size))

    def read_all(self) -> int:
        return self._loop.run_until_complete(self._read_all())

    def follow(self, count: int, on_waiting: Callable[[], None]) -> Iterator[Any]:
        from nats.js.api import DeliverPolicy

        run = self._loop.run_until_complete
        subscription = run(
            self._stream_of.subscribe(
                self._subject, ordered_consumer=True, deliver_policy=DeliverPolicy.NEW
            )
        )
        on_waiting()
        for _ in range(count):
            yield decode(run(subscription.next_msg(_WAIT_MSEC / 1000)).data)
        run(subscription.unsubscribe())

    def close(self) -> None:
        self._loop.run_until_complete(self._disconnect())
        self._loop.close()

    async def _connect(self, port: str) -> None:
        import nats
        from nats.js.errors import BadRequestError

        self._nats = await nats.connect(f"nats://127.0.0.1:{port}")
        self._stream_of = self._nats.jetstream(publish_async_max_pending=2 * _NATS_IN_FLIGHT)
        with contextlib.suppress(BadRequestError):  # another process made it
            await self._stream_of.add_stream(name=self._stream, subjects=[self._subject])

    async def _disconnect(self) -> None:
        """Close the connection, and let the tasks of its client end."""
        await self._nats.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _append_each(self, messages: list[Any]) -> None:
        for message in messages:
            await self._stream_of.publish(self._subject, encode(message))

    async def _append_in_batches(self, messages: list[Any], size: int) -> None:
        for start in range(0, len(messages), size):
            await asyncio.gather(
                *[
                    await self._stream_of.publish_async(self._subject, encode(message))
                    for message in messages[start : start + size]
                ]
            )

    async def _read_all(self) -> int:
        from nats.js.api import AckPolicy, ConsumerConfig

        info = await self._stream_of.stream_info(self._stream)
        found: list[bytes] = []
        reader = await self._stream_of.pull_subscribe(
            self._subject, stream=self._stream, config=ConsumerConfig(ack_policy=AckPolicy.NONE)
        )
        while len(found) < info.state.messages:
            found += [message.data for message in await reader.fetch(_PART)]
        await reader.unsubscribe()
        return len(found)
