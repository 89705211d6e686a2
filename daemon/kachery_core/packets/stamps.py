"""The 512 bytes before a packet: who published it, as the how manyth, and that it is whole.

HDF5 looks for the begin of a file at 0, 512, 1024, ...: what stands before is invisible to xdas.
The first 16 bytes are the address inside the socket (a ZeroMQ topic), and are not signed: one and
the same packet is sent to all, or again to one that came late.

    0    topic          16   "kcA" and a newline, or "kcP", a number and a newline; zeros
    16   mark            8   "kcstamp1"
    24   key            32   Ed25519 public key of the publisher
    56   epoch           8   u64, which run of the publisher this is; grows from run to run
    64   number          8   u64, 0 for the first packet of the run
    72   time            8   i64, microseconds since 1970 when it was published
    80   size            8   u64, bytes that follow the stamp
    88   flags           8   u64; 1: was an xdas array
    96   digest         32   BLAKE3 of the bytes that follow
    128  signature      64   Ed25519 of "kachery-packet-1", a zero byte, and bytes 16 to 128
    192  zeros         320   kept for later; readers take no notice

All numbers are big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from blake3 import blake3

from kachery_core.errors import BadPacketError
from kachery_core.keys import is_signed_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kachery_core.keys import Signer

STAMP_SIZE = 512
TOPIC_SIZE = 16
LIVE_TOPIC = b"kcA\n"
FROM_XDAS = 1
_MARK = b"kcstamp1"
_PURPOSE = b"kachery-packet-1\0"
_LAYOUT = struct.Struct(">8s32sQQqQQ32s")
_SIGNED_END = TOPIC_SIZE + _LAYOUT.size
_SIGNATURE_END = _SIGNED_END + 64


@dataclass(frozen=True)
class Stamp:
    """What is known of a packet before it is read.

    Attributes:
        key: of the publisher, 64 hex digits.
        epoch: which run of the publisher.
        number: of the packet in that run.
        time: microseconds since 1970 when it was published, by the publisher's clock.
        flags: see the module.
    """

    key: str
    epoch: int
    number: int
    time: int
    flags: int = 0


def private_topic(number: int) -> bytes:
    """The topic under which packets are sent to one peer only."""
    return b"kcP%08x\n" % number


def address_to(packet: NDArray[np.uint8], topic: bytes) -> None:
    """Write the topic into a packet."""
    packet[:TOPIC_SIZE] = np.frombuffer(topic.ljust(TOPIC_SIZE, b"\0"), np.uint8)


def put_stamp(packet: NDArray[np.uint8], stamp: Stamp, signer: Signer) -> None:
    """Number and sign a packet in place; its first 512 bytes are free for that."""
    body = packet.data[STAMP_SIZE:]
    signed = _LAYOUT.pack(
        _MARK,
        bytes.fromhex(stamp.key),
        stamp.epoch,
        stamp.number,
        stamp.time,
        len(body),
        stamp.flags,
        blake3(body).digest(),
    )
    address_to(packet, LIVE_TOPIC)
    packet[TOPIC_SIZE:_SIGNED_END] = np.frombuffer(signed, np.uint8)
    signature = signer.sign(_PURPOSE + signed)
    packet[_SIGNED_END:_SIGNATURE_END] = np.frombuffer(signature, np.uint8)


def read_stamp(packet: memoryview) -> Stamp | None:
    """The stamp of a packet, verified; None if there is none, as xdas writes it.

    Raises:
        BadPacketError: the packet is not what its stamp says, or nobody signed it.
    """
    if packet[TOPIC_SIZE : TOPIC_SIZE + len(_MARK)] != _MARK:
        return None
    if len(packet) < STAMP_SIZE:
        raise BadPacketError("The packet is cut off.")
    signed = bytes(packet[TOPIC_SIZE:_SIGNED_END])
    _, key, epoch, number, time, size, flags, digest = _LAYOUT.unpack(signed)
    body = packet[STAMP_SIZE:]
    if len(body) != size:
        raise BadPacketError(f"The packet has {len(body):,} bytes, and should have {size:,}.")
    signature = bytes(packet[_SIGNED_END:_SIGNATURE_END])
    if not is_signed_by(key.hex(), signature, _PURPOSE + signed) or blake3(body).digest() != digest:
        raise BadPacketError(
            "The packet was changed after it was signed.",
            hint="Somebody between here and the publisher is not honest, or damages data.",
        )
    return Stamp(key.hex(), epoch, number, time, flags)
