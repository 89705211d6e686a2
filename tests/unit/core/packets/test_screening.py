"""What makes HDF5 open files or fill the memory does not come in."""

from __future__ import annotations

import numpy as np
import pytest

from kachery_core.errors import BadPacketError
from kachery_core.packets.screening import Screen
from tests.support.hostile_packets import HOSTILE, SECRET, made
from tests.support.packet_samples import SAMPLES, packet_of, read


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_packets_are_refused(name, tmp_path):
    packet = HOSTILE[name](tmp_path)
    with pytest.raises(BadPacketError):
        read(packet)


def test_the_secret_is_there_to_be_read(tmp_path):
    packet = HOSTILE["external storage"](tmp_path)
    assert SECRET not in packet
    assert SECRET in (tmp_path / "secret.bin").read_bytes()


def test_a_packet_may_need_what_its_subscriber_allows():
    packet = packet_of(SAMPLES["everything"])
    read(packet)
    with pytest.raises(BadPacketError, match="would need"):
        read(packet, largest=1000)


def test_what_was_needed_is_not_there_again():
    screen = Screen(memoryview(b"x" * 10), 1000)
    screen.spend(600, "one")
    with pytest.raises(BadPacketError, match="would need 600"):
        screen.spend(600, "another")


def test_a_small_packet_may_not_grow_a_thousand_fold_beyond_what_is_always_accepted(tmp_path):
    zeros = made(
        tmp_path,
        lambda file: file.create_dataset(
            "a", data=np.zeros(12_000_000), chunks=(12_000_000,), compression="gzip"
        ),
    )
    assert len(zeros) < 100_000 * 2
    with pytest.raises(BadPacketError):
        read(zeros, largest=1 << 20)
