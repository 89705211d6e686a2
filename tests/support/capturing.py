"""What passes on the loopback interface: every TCP stream from or to some ports, as it was sent."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVERY_PROTOCOL = 0x0003
_SEEN_WHEN_SENT = 4  # PACKET_OUTGOING; on loopback each packet is seen a second time as it arrives
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_RCVBUFFORCE = 33
_ROOM = 512 << 20
_LONGEST = 1 << 17
_TCP, _FIN_SYN_RST = 6, 0x07


def may_capture() -> bool:
    """Whether this process may listen to the loopback interface."""
    try:
        with _opened():
            return True
    except (AttributeError, OSError):
        return False


class Capture:
    """The streams that were heard.

    Attributes:
        streams: the bytes of each direction of each connection.
        dropped: packets that were too many to be heard.
    """

    def __init__(self, ports: set[int]) -> None:
        self.streams: dict[tuple[int, int], bytearray] = {}
        self.dropped = 0
        self._ports = ports
        self._next: dict[tuple[int, int], int] = {}

    def hear(self, packet: bytes) -> None:
        """Take one packet with its Ethernet header."""
        head = 14
        if packet[12:14] != b"\x08\x00" or packet[head + 9] != _TCP:
            return
        length = int.from_bytes(packet[head + 2 : head + 4], "big")
        tcp = head + 4 * (packet[head] & 0x0F)
        way: tuple[int, int] = struct.unpack_from(">HH", packet, tcp)
        if self._ports.isdisjoint(way):
            return
        number = int.from_bytes(packet[tcp + 4 : tcp + 8], "big")
        data = packet[tcp + 4 * (packet[tcp + 12] >> 4) : head + length if length else None]
        if packet[tcp + 13] & _FIN_SYN_RST & 0x02:
            self._next[way] = (number + 1) % 2**32
        elif data:
            self._append(way, number, data)

    def _append(self, way: tuple[int, int], number: int, data: bytes) -> None:
        """Put the data at the end of its stream; what comes again is left out."""
        known = (self._next.setdefault(way, number) - number) % 2**32
        if known >= 2**31:  # something before it was not heard; go on behind the gap
            known = 0
        if known < len(data):
            self.streams.setdefault(way, bytearray()).extend(data[known:])
            self._next[way] = (number + len(data)) % 2**32


@contextlib.contextmanager
def capturing(*ports: int) -> Iterator[Capture]:
    """Listen while the block runs; the streams are complete when it is left."""
    capture, over = Capture(set(ports)), threading.Event()
    with _opened() as heard:
        heard.settimeout(0.2)

        def listen() -> None:
            while True:
                try:
                    packet, where = heard.recvfrom(_LONGEST)
                except TimeoutError:
                    if over.is_set():
                        return
                    continue
                if where[2] == _SEEN_WHEN_SENT:
                    capture.hear(packet)

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield capture
        finally:
            over.set()
            listener.join()
            counts = heard.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
            capture.dropped = struct.unpack("II", counts)[1]


def _opened() -> socket.socket:
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERY_PROTOCOL))
    try:
        heard.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        heard.bind(("lo", _EVERY_PROTOCOL))
    except OSError:
        heard.close()
        raise
    return heard
