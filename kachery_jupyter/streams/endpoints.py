"""One address that is published at: its socket, who listens, and what late listeners get.

Publishers of one process share an address. The socket is used by whoever publishes, under a lock;
a thread beside them greets who comes, also while nothing is published. Each peer subscribes to
everything, as xdas does, and is entered here under two topics: the one of all packets, and for a
moment one of its own, under which it is sent what it missed.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from typing import TYPE_CHECKING, Any

import zmq

from kachery_core.errors import AddressTakenError, StreamClosedError, StreamTimeoutError
from kachery_core.packets.stamps import LIVE_TOPIC, address_to, private_topic
from kachery_jupyter.streams.history import History
from kachery_jupyter.streams.outgoing import Outgoing
from kachery_jupyter.streams.waking import Waker

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

_LOG = logging.getLogger(__name__)
GREETING = b"xdas"
# A connection whose other end is gone without a word is noticed by the kernel after two minutes.
_KEEPALIVE = {
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 60,
    zmq.TCP_KEEPALIVE_INTVL: 15,
    zmq.TCP_KEEPALIVE_CNT: 4,
}
_POLL_MS = 1000
_BUSY = 0.002


class Endpoint:
    """The one socket of this process at an address.

    Args:
        address: as ZeroMQ writes it, `tcp://127.0.0.1:5555`.
        queue: bytes that may wait for each subscriber.
        is_greeting: whether subscribers are greeted as xdas 0.2.9 and later do.

    Raises:
        AddressTakenError: the address is taken, or none of this computer.
    """

    def __init__(self, address: str, queue: int, *, is_greeting: bool) -> None:
        self.address = address
        self.lock = threading.RLock()
        self.linger = 0.0
        self.history = History()
        self.is_closed = False
        self._count = 0
        self._peers = 0
        self._changed = threading.Condition(self.lock)
        self._context = zmq.Context()
        self._socket = self._bound_socket(is_greeting=is_greeting)
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")
        self._outgoing = Outgoing(self._socket, queue)
        self._waker = Waker()
        self._thread = threading.Thread(
            target=self._attend, name=f"kachery publisher at {address}", daemon=True
        )
        self._thread.start()

    @property
    def subscribers(self) -> int:
        """How many peers are subscribed."""
        with self.lock:
            self._take_events()
            return self._count

    @property
    def dropped(self) -> int:
        """How many packets were given to nobody, because too much waited already."""
        return self._outgoing.dropped

    def send(
        self, publisher: Hashable, packet: NDArray[Any], keep: int, *, is_patient: bool
    ) -> None:
        """Send a packet to all who are subscribed, and keep it for who comes later.

        Args:
            publisher: whose history it belongs to.
            packet: with its stamp; not changed afterwards.
            keep: bytes that this publisher's history may have.
            is_patient: whether to wait for subscribers that are slow.
        """
        while True:
            with self.lock:
                if self.is_closed:
                    raise StreamClosedError(
                        f"The publisher at {self.address} was closed.",
                        hint="Make a new one: ZMQPublisher(address)",
                    )
                self._take_events()
                if self._outgoing.send(packet, len(self.history), is_patient=is_patient):
                    self.history.add(publisher, packet, keep)
                    self._take_events()
                    return
            time.sleep(_BUSY)

    def wait_for_subscribers(self, count: int, timeout: float | None) -> int:
        """Wait until so many peers are subscribed.

        Raises:
            StreamTimeoutError: they did not come in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            self._take_events()
            while self._count < count:
                left = None if deadline is None else deadline - time.monotonic()
                if self.is_closed or (left is not None and left <= 0):
                    raise StreamTimeoutError(
                        f"{self._count} of {count} subscribers came to {self.address}"
                        f" in {timeout} seconds.",
                        hint="Do they connect to this address, and is it reachable from there?",
                    )
                self._changed.wait(left)
            return self._count

    def forget(self, publisher: Hashable) -> None:
        """Keep nothing of this publisher for late subscribers."""
        with self.lock:
            self.history.forget(publisher)

    def close(self, linger: float, *, is_waiting: bool = True) -> None:
        """Send what waits, for so many seconds at most, and free the address.

        Args:
            linger: seconds without anything being taken, after which the rest is given up.
            is_waiting: whether to return only then.
        """
        self.linger = linger
        self.is_closed = True
        self._waker.wake()
        if is_waiting and self._thread is not threading.current_thread():
            self._thread.join()

    def _bound_socket(self, *, is_greeting: bool) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.XPUB)
        try:
            socket.setsockopt(zmq.XPUB_MANUAL, 1)
            socket.setsockopt(zmq.XPUB_VERBOSER, 1)
            # Small until the size of packets is known; it is only ever raised.
            socket.setsockopt(zmq.SNDHWM, Outgoing.SHORTEST)
            for option, value in _KEEPALIVE.items():
                socket.setsockopt(option, value)
            if is_greeting:
                socket.setsockopt(zmq.XPUB_WELCOME_MSG, GREETING)
            socket.bind(self.address)
        except zmq.ZMQError as problem:
            socket.close(0)
            self._context.term()
            raise AddressTakenError(
                f"Nothing can be published at {self.address}: {problem.strerror}.",
                hint="Is another program there? An address of this computer is tcp://IP:PORT,"
                " or tcp://*:PORT for all of its networks.",
            ) from problem
        return socket

    def _attend(self) -> None:
        poller = select.poll()
        poller.register(int(self._socket.getsockopt(zmq.FD)), select.POLLIN)
        poller.register(self._waker.source, select.POLLIN)
        while not self.is_closed:
            with self.lock:
                self._take_events()
            poller.poll(_POLL_MS)
        self._outgoing.wait_until_taken(self.linger)
        if self._outgoing.waiting:
            _LOG.warning(
                "Subscribers to %s took nothing for %s seconds; what waited for them is lost.",
                self.address,
                self.linger,
            )
            self.linger = 0.0
        with self._changed:
            self._socket.close(round(self.linger * 1000))
            self._changed.notify_all()
        self._context.term()
        self._waker.close()

    def _take_events(self) -> None:
        """Whoever came is entered; to be called, under the lock, after each use of the socket."""
        if self._socket.closed:
            return
        while int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            event = self._socket.recv(zmq.NOBLOCK)
            if event[:1] == b"\x01":
                self._count += 1
                self._enter()
            else:
                self._count -= 1
                self._socket.setsockopt(zmq.UNSUBSCRIBE, LIVE_TOPIC)
            self._changed.notify_all()

    def _enter(self) -> None:
        """The peer whose event was taken last gets what was published, and then what will be."""
        self._peers += 1
        topic = private_topic(self._peers & 0xFFFFFFFF)
        self._outgoing.make_room(len(self.history))
        self._socket.setsockopt(zmq.SUBSCRIBE, topic)
        for packet in self.history:
            again = packet.copy()
            address_to(again, topic)
            self._outgoing.send_again(again)
        self._socket.setsockopt(zmq.UNSUBSCRIBE, topic)
        self._socket.setsockopt(zmq.SUBSCRIBE, LIVE_TOPIC)
