"""What HDF5 finds in a packet."""

from __future__ import annotations

import numpy as np
import pytest

from kachery_core.errors import BadPacketError
from kachery_core.packets.findings import Region
from kachery_core.packets.image_looking import look_through
from tests.support.packet_samples import LARGEST, SAMPLES, packet_of


def test_numbers_are_found_where_they_lie():
    packet = packet_of(SAMPLES["everything"])
    found = {member.name: member for member in look_through(packet, LARGEST).members}
    region = found["strain"].values
    assert isinstance(region, Region)
    there = np.ndarray(region.shape, region.dtype, packet, region.start)
    assert np.array_equal(there, SAMPLES["everything"].values)
    assert found["strain"].dims == ("time", "distance")


def test_texts_and_packed_numbers_are_unpacked():
    packet = packet_of(SAMPLES["everything"], {"compression": "gzip"})
    found = {member.name: member.values for member in look_through(packet, LARGEST).members}
    assert np.array_equal(found["strain"], SAMPLES["everything"].values)
    assert found["station"].item() == "héllo"


def test_damage_is_one_error_whatever_hdf5_makes_of_it():
    with pytest.raises(BadPacketError, match="damaged"):
        look_through(memoryview(b"\x89HDF\r\n\x1a\n" + bytes(100)), LARGEST)
