"""What was found in a packet, on its way from another process."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kachery_core.errors import BadPacketError
from kachery_core.packets.findings import Region, found_from_bytes, found_to_bytes
from kachery_core.packets.image_looking import look_through
from tests.support.packet_samples import LARGEST, SAMPLES, packet_of


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("encoding", [None, {"compression": "gzip"}], ids=["plain", "gzip"])
def test_it_comes_as_it_was_sent(name, encoding):
    sent = look_through(packet_of(SAMPLES[name], encoding), LARGEST)
    received = found_from_bytes(found_to_bytes(sent))
    assert (received.conventions, received.coordinates) == (sent.conventions, sent.coordinates)
    for there, here in zip(sent.members, received.members, strict=True):
        assert (there.name, there.dims) == (here.name, here.dims)
        assert set(there.attrs) == set(here.attrs)
        for key, value in there.attrs.items():
            assert np.array_equal(here.attrs[key], value)
        if isinstance(there.values, Region):
            assert here.values == there.values
        else:
            assert np.array_equal(here.values, there.values)


def forged(**changes):
    member = {"name": "a", "dims": ["x"], "attrs": {}, "values": {}} | changes
    head = {"members": [member], "conventions": "CF", "coordinates": []}
    text = json.dumps(head).encode()
    return len(text).to_bytes(4, "big") + text + bytes(8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(4),
        forged(),
        forged(values={"dtype": "<f8", "shape": [9], "start": 0, "inline": 1}),
        forged(values={"dtype": "<f8", "shape": [-1], "start": 0}),
        forged(values={"dtype": "<f8", "shape": [1], "start": -8}),
        forged(values={"dtype": "|O", "shape": [1], "start": 0, "inline": 1}),
        forged(values={"dtype": "no", "shape": [1], "start": 0}),
        forged(attrs={"b": {"dtype": "<f8", "shape": [1], "start": 0}}),
    ],
    ids=range(9),
)
def test_what_makes_no_sense_is_refused(data):
    with pytest.raises(BadPacketError):
        found_from_bytes(data)
