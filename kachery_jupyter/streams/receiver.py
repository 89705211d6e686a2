"""The receiving end of a socket: one message after the other, until it is closed."""

from __future__ import annotations

import logging
import threading
import time

import zmq
import zmq.utils.monitor

from kachery_core.errors import InvalidInputError
from kachery_jupyter.streams.ending import program_is_over, waiting_here
from kachery_jupyter.streams.waking import Waker

_LOG = logging.getLogger(__name__)
# What is not taken waits with the publisher, who counts it. Here it would only fill the memory.
_LENGTH = 8
_SUSPICIOUS = 3
_LONGEST_WAIT_MS = 200
_RECONNECT_MS = 100
_KEEPALIVE = {
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 30,
    zmq.TCP_KEEPALIVE_INTVL: 10,
    zmq.TCP_KEEPALIVE_CNT: 3,
}


class Receiver:
    """Messages from one address. One thread at a time receives; any other may close.

    Args:
        address: where somebody publishes, or will.
        largest: bytes; whoever sends more in one message is disconnected.

    Raises:
        InvalidInputError: this is no address.
    """

    def __init__(self, address: str, largest: int) -> None:
        self.address = address
        self.is_closed = False
        self.cuts = 0
        self._cuts_in_a_row = 0
        self._largest = largest
        self._using = threading.Lock()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._waker = Waker()
        self._poller = zmq.Poller()
        for source in (self._socket, self._monitor, self._waker.source):
            self._poller.register(source, zmq.POLLIN)
        try:
            self._connect()
        except zmq.ZMQError as problem:
            self.close()
            raise InvalidInputError(
                f"There is no address {address!r}: {problem.strerror}.",
                hint="An address is tcp://HOST:PORT.",
            ) from problem

    def receive(self, timeout: float | None) -> memoryview | None:
        """The next message; None if it was closed, or the program is over.

        Raises:
            TimeoutError: nothing came in so many seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._using:
            while not self.is_closed:
                try:
                    message = self._socket.recv(zmq.NOBLOCK, copy=False).buffer
                except zmq.Again:
                    left = None if deadline is None else deadline - time.monotonic()
                else:
                    self._cuts_in_a_row = 0
                    return message
                if left is not None and left <= 0:
                    raise TimeoutError
                if not self._wait(left):
                    self.is_closed = True
            self._release()
            return None

    def close(self) -> None:
        """Free the socket, and end whoever waits in `receive`."""
        self.is_closed = True
        self._waker.wake()
        # Whoever receives releases it; nobody does if this is not to be had.
        if self._using.acquire(blocking=False):
            try:
                self._release()
            finally:
                self._using.release()

    def _connect(self) -> None:
        socket = self._socket
        socket.setsockopt(zmq.RCVHWM, _LENGTH)
        socket.setsockopt(zmq.MAXMSGSIZE, self._largest)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        for option, value in _KEEPALIVE.items():
            socket.setsockopt(option, value)
        # Exactly one subscription, and to everything: publishers of xdas count them.
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(self.address)

    def _wait(self, left: float | None) -> bool:
        """Wait for anything to happen; whether there is any use in waiting on."""
        longest = _LONGEST_WAIT_MS if left is None else min(_LONGEST_WAIT_MS, int(left * 1000) + 1)
        with waiting_here():
            found = dict(self._poller.poll(longest))
            if not found and program_is_over():
                return False
        if self._monitor in found:
            zmq.utils.monitor.recv_monitor_message(self._monitor)
            self._note_cut()
        return True

    def _note_cut(self) -> None:
        self.cuts += 1
        self._cuts_in_a_row += 1
        # A publisher that ends cuts once. Whoever sends too much is cut off each time.
        if self._cuts_in_a_row == _SUSPICIOUS:
            _LOG.warning(
                "The connection to %s is cut again and again: its packets may have more than the"
                " %s bytes of max_bytes.",
                self.address,
                f"{self._largest:,}",
            )

    def _release(self) -> None:
        if self._socket.closed:
            return
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)
        self._context.term()
        self._waker.close()
