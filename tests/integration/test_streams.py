"""Publishing arrays at an address, and receiving them, as a user does it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import xarray
import zmq

import kachery_jupyter as kc
from kachery_core import errors
from tests.support.packet_samples import SAMPLES, packet_of

pytestmark = pytest.mark.timeout(120)
ANY_PORT = "tcp://127.0.0.1:*"
WAIT = 30


def numbered(number: int, size: int = 10) -> xarray.DataArray:
    return xarray.DataArray(np.full(size, number, "f8"), dims="x", name="n", attrs={"unit": "V"})


def numbers(subscriber, count: int) -> list[int]:
    return [int(next(subscriber).values[0]) for _ in range(count)]


@pytest.fixture
def publisher():
    with kc.ZMQPublisher(ANY_PORT) as publisher:
        yield publisher


def test_an_array_arrives_as_it_was(publisher):
    coords = {
        "time": np.datetime64("2026-01-01", "ns") + np.arange(4) * np.timedelta64(1, "ms"),
        "station": "AB",
        "channel": ("x", ["a", "b", "c"]),
    }
    sent = xarray.DataArray(np.ones((4, 3), "f4"), coords, ("time", "x"), "v", {"unit": "m/s"})
    sent.coords["time"].attrs["long_name"] = "time of the sample"
    with kc.ZMQSubscriber(publisher.address, WAIT) as subscriber:
        publisher.submit(sent)
        received = next(subscriber)
    assert received.identical(sent)
    received.values[...] = 0  # it is the receiver's own


def test_who_comes_late_gets_what_was_published_before_and_then_the_rest(publisher):
    for number in range(5):
        publisher.submit(numbered(number))
    with kc.ZMQSubscriber(publisher.address, WAIT) as early:
        assert numbers(early, 5) == [0, 1, 2, 3, 4]
        publisher.submit(numbered(5))
        with kc.ZMQSubscriber(publisher.address, WAIT) as late:
            assert numbers(late, 6) == [0, 1, 2, 3, 4, 5]
            publisher.submit(numbered(6))
            assert numbers(late, 1) == numbers(early, 2)[1:] == [6]
    assert early.stats.lost == early.stats.repeated == late.stats.repeated == 0


def test_history_has_a_limit_and_can_be_none_at_all():
    with kc.ZMQPublisher(ANY_PORT, history=200_000) as publisher:
        for number in range(100):
            publisher.submit(numbered(number, 1000))
        with kc.ZMQSubscriber(publisher.address, WAIT) as late:
            first = numbers(late, 1)[0]
            assert 85 <= first <= 95
            assert late.stats.lost == 0  # published before, not lost
    with kc.ZMQPublisher(ANY_PORT, history=0) as publisher:
        publisher.submit(numbered(0))
        with kc.ZMQSubscriber(publisher.address, WAIT) as late:
            publisher.wait_for_subscribers()
            publisher.submit(numbered(1))
            assert numbers(late, 1) == [1]


def test_subscribers_are_counted_as_they_come_and_go(publisher):
    assert publisher.nsubscribers == 0
    with pytest.raises(TimeoutError, match="0 of 1 subscribers"):
        publisher.wait_for_subscribers(timeout=0.05)
    subscribers = [kc.ZMQSubscriber(publisher.address) for _ in range(3)]
    assert publisher.wait_for_subscribers(3, timeout=WAIT) == 3
    for left, subscriber in zip((2, 1, 0), subscribers, strict=True):
        subscriber.close()
        until(lambda left=left: publisher.nsubscribers == left)


def test_a_writer_is_what_xdas_expects_of_it(publisher):
    publisher.write(numbered(3))
    assert publisher.result() is None
    with kc.ZMQSubscriber(publisher.address, WAIT) as subscriber:
        assert numbers(iter(subscriber), 1) == [3]
    assert (subscriber.chunk_dim, subscriber.unbounded) == ("time", True)


def test_waiting_ends_in_time_and_can_be_taken_up_again(publisher):
    with kc.ZMQSubscriber(publisher.address, timeout=0.05) as subscriber:
        publisher.wait_for_subscribers()
        with pytest.raises(TimeoutError, match=r"Nothing was published .* in 0.05 seconds"):
            next(subscriber)
        subscriber.timeout = WAIT
        publisher.submit(numbered(1))
        assert numbers(subscriber, 1) == [1]


def test_a_thread_that_waits_comes_to_an_end_when_the_subscriber_is_closed(publisher):
    subscriber = kc.ZMQSubscriber(publisher.address)
    received = []
    thread = threading.Thread(target=lambda: received.extend(subscriber))
    thread.start()
    publisher.submit(numbered(1))
    until(lambda: received)
    subscriber.close()
    thread.join(WAIT)
    assert not thread.is_alive()
    assert list(subscriber) == []
    subscriber.close()


def test_waiting_for_the_subscription_loses_nothing(publisher):
    publisher.submit(numbered(0))
    with kc.ZMQSubscriber(publisher.address, WAIT) as subscriber:
        subscriber.wait_until_subscribed()
        subscriber.wait_until_subscribed()
        assert numbers(subscriber, 1) == [0]


def test_two_publishers_of_one_program_have_one_address():
    with kc.ZMQPublisher(ANY_PORT) as first, kc.ZMQPublisher(first.address) as second:
        with kc.ZMQSubscriber(first.address, WAIT) as subscriber:
            first.submit(numbered(1))
            second.submit(numbered(2))
            first.submit(numbered(3))
            assert numbers(subscriber, 3) == [1, 2, 3]
            first.close()
            second.submit(numbered(4))
            assert numbers(subscriber, 1) == [4]
            assert subscriber.stats.lost == 0
        with kc.ZMQSubscriber(second.address, WAIT) as late:
            assert numbers(late, 2) == [2, 4]  # what the closed one published is gone with it
    with kc.ZMQPublisher(first.address) as third:
        assert third.nsubscribers == 0


def test_a_publisher_that_is_dropped_frees_its_address():
    publisher = kc.ZMQPublisher(ANY_PORT)
    address = publisher.address
    del publisher
    until(lambda: _can_bind(address))


def test_an_address_of_another_program_is_refused_clearly():
    with zmq.Context() as context, context.socket(zmq.PUB) as taken:
        port = taken.bind_to_random_port("tcp://127.0.0.1")
        with pytest.raises(errors.AddressTakenError, match="Nothing can be published at"):
            kc.ZMQPublisher(f"tcp://127.0.0.1:{port}")
    with pytest.raises(errors.AddressTakenError):
        kc.ZMQPublisher("tcp://192.0.2.1:5555")
    with pytest.raises(errors.InvalidInputError, match="no address"):
        kc.ZMQSubscriber("somewhere")


def test_many_threads_publish_at_once(publisher):
    with kc.ZMQSubscriber(publisher.address, WAIT) as subscriber:
        publisher.wait_for_subscribers()
        threads = [
            threading.Thread(
                target=lambda n=n: [publisher.submit(numbered(100 * n + k)) for k in range(20)]
            )
            for n in range(5)
        ]
        for thread in threads:
            thread.start()
        received = numbers(subscriber, 100)
        for thread in threads:
            thread.join()
    assert sorted(received) == [100 * n + k for n in range(5) for k in range(20)]
    assert subscriber.stats.lost == 0


def test_a_gap_is_seen(publisher):
    lines = _fake_publisher(publisher, skipped=(3, 4))
    with lines as address, kc.ZMQSubscriber(address, WAIT) as subscriber:
        assert numbers(subscriber, 4) == [0, 1, 2, 5]
        (gap,) = subscriber.gaps
        assert (gap.first, gap.last, gap.count) == (3, 4, 2)
        assert gap.key == publisher.public_key
        assert subscriber.stats.lost == 2


def test_a_gap_is_an_error_if_one_wants_it_so_and_nothing_else_is_lost(publisher):
    with (
        _fake_publisher(publisher, skipped=(3,)) as address,
        kc.ZMQSubscriber(address, WAIT, on_gap="raise") as subscriber,
    ):
        assert numbers(subscriber, 3) == [0, 1, 2]
        with pytest.raises(errors.StreamGapError, match="3 to 3"):
            next(subscriber)
        assert numbers(subscriber, 2) == [4, 5]


def test_a_slow_subscriber_sees_its_gap_and_the_publisher_does_not_wait():
    with (
        kc.ZMQPublisher(ANY_PORT, history=0, queue=2_000_000) as publisher,
        kc.ZMQSubscriber(publisher.address, WAIT) as slow,
    ):
        publisher.wait_for_subscribers()
        for number in range(300):
            publisher.submit(numbered(number, 100_000))
        received = numbers(slow, 3)
        publisher.close(linger=WAIT)
        with kc.ZMQPublisher(publisher.address) as again:
            again.submit(numbered(-1))
            while received[-1] != -1:
                received += numbers(slow, 1)
    in_order = received[:-1]
    assert in_order == sorted(set(in_order))
    between = in_order[-1] + 1 - len(in_order)
    assert slow.stats.lost == between
    assert len(in_order) < 300


def test_a_patient_publisher_waits_and_loses_nothing():
    with (
        kc.ZMQPublisher(ANY_PORT, history=0, queue=2_000_000, on_slow="wait") as publisher,
        kc.ZMQSubscriber(publisher.address, WAIT) as slow,
    ):
        publisher.wait_for_subscribers()
        thread = threading.Thread(
            target=lambda: [publisher.submit(numbered(n, 100_000)) for n in range(100)]
        )
        thread.start()
        time.sleep(0.2)
        assert numbers(slow, 100) == list(range(100))
        thread.join()
    assert slow.stats.lost == 0


def test_only_who_is_trusted_is_heard(publisher):
    secret = bytes(range(32))
    with (
        kc.ZMQPublisher(publisher.address, key=secret) as trusted,
        kc.ZMQSubscriber(publisher.address, WAIT, trusted=trusted.public_key) as subscriber,
    ):
        publisher.submit(numbered(1))
        trusted.submit(numbered(2))
        assert numbers(subscriber, 1) == [2]
        assert subscriber.stats.refused == 1
    with kc.ZMQPublisher(ANY_PORT, key=secret) as again:
        assert again.public_key == trusted.public_key
    with pytest.raises(ValueError, match="32 bytes"):
        kc.ZMQPublisher(ANY_PORT, key=b"short")
    with pytest.raises(ValueError, match="public key"):
        kc.ZMQSubscriber(publisher.address, trusted="me")


def test_what_is_no_packet_is_counted_and_passed_over():
    messages = [b"garbage", bytes(packet_of(SAMPLES["booleans"]))[:3000], b"xdas"]
    with bare_publisher(*messages, bytes(packet_of(SAMPLES["booleans"]))) as address:
        with kc.ZMQSubscriber(address, WAIT) as subscriber:
            assert next(subscriber).values.tolist() == [True, False]
        assert subscriber.stats.refused == 2
        with kc.ZMQSubscriber(address, WAIT, on_refused="raise") as subscriber:
            with pytest.raises(errors.BadPacketError, match="not a packet of xdas"):
                next(subscriber)
            with pytest.raises(errors.BadPacketError):
                next(subscriber)
            assert next(subscriber).values.tolist() == [True, False]


def test_what_cannot_be_published_says_so(publisher):
    for value, why in [
        (np.zeros(3), "not a labelled array"),
        (xarray.DataArray(["a"]), "dtype"),
        (xarray.DataArray([1], attrs={"a": {}}), "attribute 'a'"),
    ]:
        with pytest.raises(TypeError, match=why):
            publisher.submit(value)
    publisher.submit(numbered(7))
    with kc.ZMQSubscriber(publisher.address, WAIT) as subscriber:
        assert numbers(subscriber, 1) == [7]


def test_what_is_closed_is_closed(publisher):
    publisher.close()
    publisher.close()
    with pytest.raises(errors.StreamClosedError):
        publisher.submit(numbered(1))
    assert "closed" in repr(publisher)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_publish_in_its_parents_name(publisher):
    child = os.fork()
    if child == 0:
        try:
            publisher.submit(numbered(1))
        except errors.StreamClosedError:
            os._exit(3)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    publisher.submit(numbered(2))
    with kc.ZMQSubscriber(publisher.address, WAIT) as subscriber:
        assert numbers(subscriber, 1) == [2]


@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "publisher.close()"])
def test_a_script_ends_although_a_thread_still_iterates(ending):
    script = f"""
import threading, numpy, xarray, kachery_jupyter as kc
publisher = kc.ZMQPublisher("tcp://127.0.0.1:*")
subscriber = kc.ZMQSubscriber(publisher.address)
received = []
def receive():
    for packet in subscriber:
        received.append(packet)
    print(len(received), flush=True)
threading.Thread(target=receive).start()
for number in range(3):
    publisher.submit(xarray.DataArray(numpy.zeros(3)))
while len(received) < 3:
    pass
{ending}
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "3\n"


def test_a_script_that_only_publishes_ends_once_everything_is_taken():
    script = """
import sys, numpy, xarray, kachery_jupyter as kc
publisher = kc.ZMQPublisher("tcp://127.0.0.1:*")
print(publisher.address, flush=True)
publisher.wait_for_subscribers()
for number in range(50):
    publisher.submit(xarray.DataArray(numpy.full(20_000, number, "f8")))
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        with kc.ZMQSubscriber(program.stdout.readline().strip(), WAIT) as subscriber:
            assert numbers(subscriber, 50) == list(range(50))
        assert program.wait(WAIT) == 0


def test_memory_is_bounded_while_a_subscriber_takes_nothing():
    script = """
import resource, sys, numpy, xarray, kachery_jupyter as kc
publisher = kc.ZMQPublisher("tcp://127.0.0.1:*", history=4 << 20, queue=16 << 20)
print(publisher.address, flush=True)
publisher.wait_for_subscribers()
array = xarray.DataArray(numpy.zeros(1 << 17))
publisher.submit(array)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number in range(500):
    publisher.submit(array)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, flush=True)
publisher.close(linger=0.1)
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        with kc.ZMQSubscriber(program.stdout.readline().strip(), WAIT):
            grown = int(program.stdout.readline()) * (1 if sys.platform == "darwin" else 1024)
        assert program.wait(WAIT) == 0
    assert grown < 100_000_000


def until(holds) -> None:
    deadline = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _can_bind(address: str) -> bool:
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        try:
            socket.bind(address)
        except zmq.ZMQError:
            return False
        return True


class bare_publisher:  # noqa: N801 - used like a function
    """Messages as they are, sent to each subscriber that comes."""

    def __init__(self, *messages: bytes) -> None:
        self._messages = messages

    def __enter__(self) -> str:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self._is_over = False
        self._thread = threading.Thread(target=self._send)
        self._thread.start()
        return f"tcp://127.0.0.1:{port}"

    def _send(self) -> None:
        while not self._is_over:
            if self._socket.poll(20) and self._socket.recv()[:1] == b"\x01":
                for message in self._messages:
                    self._socket.send(message)

    def __exit__(self, *_error: object) -> None:
        self._is_over = True
        self._thread.join()
        self._socket.close(0)
        self._context.term()


def _fake_publisher(publisher, skipped: tuple[int, ...]) -> bare_publisher:
    """A relay that loses some of six packets on the way."""
    for number in range(6):
        publisher.submit(numbered(number))
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(publisher.address)
        messages = [socket.recv() for _ in range(6)]
    return bare_publisher(*(m for n, m in enumerate(messages) if n not in skipped))
