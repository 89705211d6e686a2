"""Who published a packet, as the how manyth, and that it is whole."""

from __future__ import annotations

import numpy as np
import pytest

from kachery_core.errors import BadPacketError
from kachery_core.keys import SeedSigner
from kachery_core.packets.grammar_writing import to_variables
from kachery_core.packets.image_writing import ImageWriter
from kachery_core.packets.stamps import (
    LIVE_TOPIC,
    STAMP_SIZE,
    Stamp,
    address_to,
    private_topic,
    put_stamp,
    read_stamp,
)
from tests.support.packet_samples import SAMPLES, packet_of

SIGNER = SeedSigner(bytes(range(32)))
STAMP = Stamp(SIGNER.public_key, 1_790_000_000, 7, 1_790_000_000_000_000, 1)


def stamped() -> np.ndarray:
    packet = ImageWriter().write(to_variables(SAMPLES["booleans"]), STAMP_SIZE)
    put_stamp(packet, STAMP, SIGNER)
    return packet


def test_what_was_stamped_is_known():
    assert read_stamp(memoryview(stamped())) == STAMP


def test_the_bytes_of_a_stamp_stay_what_they_are():
    packet = np.zeros(STAMP_SIZE + 3, np.uint8)
    packet[STAMP_SIZE:] = list(b"abc")
    put_stamp(packet, STAMP, SIGNER)
    assert bytes(packet[:24]) == b"kcA\n" + bytes(12) + b"kcstamp1"
    assert bytes(packet[24:56]).hex() == SIGNER.public_key
    assert int.from_bytes(bytes(packet[56:64]), "big") == STAMP.epoch
    assert int.from_bytes(bytes(packet[64:72]), "big") == STAMP.number
    assert int.from_bytes(bytes(packet[80:88]), "big") == 3
    assert bytes(packet[128:192]).hex() == VECTOR
    assert not packet[192:512].any()


def test_a_packet_of_xdas_has_none():
    assert read_stamp(packet_of(SAMPLES["booleans"])) is None
    assert read_stamp(memoryview(b"xdas")) is None


def test_the_topic_is_not_signed_because_it_changes():
    packet = stamped()
    assert bytes(packet[:4]) == LIVE_TOPIC
    address_to(packet, private_topic(12))
    assert bytes(packet[:13]) == b"kcP0000000c\n\0"
    assert read_stamp(memoryview(packet)) == STAMP


@pytest.mark.parametrize("place", [24, 60, 71, 75, 87, 95, 100, 130, STAMP_SIZE, -1])
def test_any_other_change_is_seen(place):
    packet = stamped()
    packet[place] ^= 1
    with pytest.raises(BadPacketError):
        read_stamp(memoryview(packet))


def test_a_packet_that_is_cut_off_is_refused():
    packet = memoryview(stamped())
    for size in (30, 511, 512, len(packet) - 1):
        with pytest.raises(BadPacketError):
            read_stamp(packet[:size])


VECTOR = (
    "fb6a26e54a4c54d2ea6fd044a0c1e45965f73267c609f31c10642dd108d1f8c3"
    "8d52952d2bfd5d913bac382efdcfd2d53e075312d7546f1530735c859a8e5e05"
)
