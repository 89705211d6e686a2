"""What is in the bytes of a file, without a file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kachery_core.errors import BadPacketError
from kachery_core.packets.grammar_reading import from_variables
from tests.support.packet_samples import LARGEST, SAMPLES, assert_same, new_reader, packet_of


@pytest.mark.parametrize("name", SAMPLES)
def test_what_was_written_is_read_the_first_time_and_again(name):
    reader = new_reader()
    for _ in range(2):
        packet = packet_of(SAMPLES[name])
        assert_same(from_variables(reader.read(packet), LARGEST), SAMPLES[name])


def test_numbers_that_change_are_read_from_the_packet_they_came_in():
    reader = new_reader()
    first = SAMPLES["everything"]
    received = []
    for factor in (1, 2, 3):
        packet = packet_of(replace(first, values=first.values * factor))
        received.append(from_variables(reader.read(packet), LARGEST).values)
    for factor, values in zip((1, 2, 3), received, strict=True):
        assert np.array_equal(values, first.values * factor)


def test_a_change_anywhere_else_is_seen():
    reader = new_reader()
    first = SAMPLES["everything"]
    reader.read(packet_of(first))
    changed = replace(first, attrs=first.attrs | {"units": "V/s"})
    assert len(packet_of(changed)) == len(packet_of(first))
    assert from_variables(reader.read(packet_of(changed)), LARGEST).attrs["units"] == "V/s"


def test_what_is_received_can_be_changed():
    reader = new_reader()
    packet = bytes(packet_of(SAMPLES["everything"]))
    for _ in range(2):
        found = from_variables(reader.read(memoryview(packet)), LARGEST)
        found.values[...] = 0
        found.coords["gain"].values[...] = 0
        found.attrs.clear()
    assert_same(from_variables(reader.read(memoryview(packet)), LARGEST), SAMPLES["everything"])


def test_packets_cut_anywhere_are_refused():
    packet = packet_of(SAMPLES["one row"])
    reader = new_reader()
    for size in range(0, len(packet), 101):
        with pytest.raises(BadPacketError):
            reader.read(packet[:size])


@pytest.mark.parametrize("garbage", [b"", b"xdas", b"\x89HDF\r\n\x1a\n", b"{}" * 5000])
def test_what_is_no_packet_is_refused(garbage):
    with pytest.raises(BadPacketError):
        new_reader().read(memoryview(garbage))
