"""What waits in a socket for its subscribers, limited by bytes.

ZeroMQ counts messages, not bytes, for each subscriber. The count it gets is what the bytes make of
packets as large as those that are sent; it is only ever raised, because a queue that is made
shorter can stop for good. Where packets grow later, the bytes are counted here, over all.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import zmq

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONGEST = 4000
_SLACK = 4
# Counting costs more than copying what is smaller. Of such packets, one now and then is counted,
# to see whether subscribers take anything.
_COUNTED_FROM = 1 << 16
_MARK_SECONDS = 0.01
_TICK = 0.005
_MOST_COUNTED = 4096


class Outgoing:
    """The sending side of a socket. Not for several threads at once.

    Args:
        socket: of kind XPUB.
        queue: bytes that may wait for each subscriber.
    """

    SHORTEST = 4

    def __init__(self, socket: zmq.Socket[bytes], queue: int) -> None:
        self.dropped = 0
        self._socket = socket
        self._queue = queue
        self._length = self.SHORTEST
        self._waiting: deque[tuple[zmq.MessageTracker, int]] = deque()
        self._bytes = 0
        self._is_patient = False
        self._marked = 0.0

    @property
    def waiting(self) -> int:
        """How many packets were not taken yet, of those that are counted."""
        self._forget_taken()
        return len(self._waiting)

    def send(self, packet: NDArray[Any], history: int, *, is_patient: bool) -> bool:
        """Send to all; say whether that is done.

        Args:
            packet: bytes.
            history: how many packets a late subscriber will be sent at once.
            is_patient: false drops the packet for subscribers whose queue is full, and for all
                where that is not enough to stay within memory; true leaves it unsent then.
        """
        self._lengthen(max(self._queue // packet.nbytes, history + 1 + _SLACK))
        if self._is_full(packet.nbytes):
            self.dropped += not is_patient
            return not is_patient
        if is_patient != self._is_patient:
            self._socket.setsockopt(zmq.XPUB_NODROP, int(is_patient))
            self._is_patient = is_patient
        try:
            self._give(packet)
        except zmq.Again:
            return False
        return True

    def send_again(self, packet: NDArray[Any]) -> None:
        """Send what one subscriber missed."""
        if self._is_patient:
            self._socket.setsockopt(zmq.XPUB_NODROP, 0)
            self._is_patient = False
        self._give(packet)

    def make_room(self, history: int) -> None:
        """A new subscriber's queue has the length of the others', and takes all of the history."""
        self._lengthen(history + _SLACK)
        self._socket.setsockopt(zmq.SNDHWM, self._length)

    def wait_until_taken(self, patience: float) -> None:
        """Wait while subscribers take what waits; not longer than this without any being taken."""
        last, seen = time.monotonic(), self.waiting
        while seen and time.monotonic() - last < patience:
            time.sleep(_TICK)
            if self.waiting < seen:
                last, seen = time.monotonic(), self.waiting

    def _give(self, packet: NDArray[Any]) -> None:
        data = packet.data
        now = time.monotonic()
        if packet.nbytes < _COUNTED_FROM and now - self._marked < _MARK_SECONDS:
            self._socket.send(data, zmq.NOBLOCK)
            return
        frame = zmq.Frame(data, track=True, copy=False, copy_threshold=0)
        self._socket.send(frame, zmq.NOBLOCK, copy=False)
        self._waiting.append((frame.tracker, packet.nbytes))
        self._bytes += packet.nbytes
        self._marked = now
        if len(self._waiting) > _MOST_COUNTED:
            self._forget_taken()

    def _is_full(self, size: int) -> bool:
        if self._bytes + size <= 2 * self._queue:
            return False
        self._forget_taken()
        # Each subscriber may be behind in another part of the stream.
        return bool(self._waiting) and self._bytes + size > max(2 * self._queue, 4 * size)

    def _forget_taken(self) -> None:
        self._waiting = deque(entry for entry in self._waiting if not entry[0].done)
        self._bytes = sum(size for _, size in self._waiting)

    def _lengthen(self, wanted: int) -> None:
        wanted = min(_LONGEST, wanted)
        if wanted > self._length:
            self._length = wanted
            self._socket.setsockopt(zmq.SNDHWM, wanted)
