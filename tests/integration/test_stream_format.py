"""The vector in docs/streams.md is what this version writes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from kachery_core.keys import SeedSigner
from kachery_core.packets.stamps import STAMP_SIZE, Stamp, put_stamp, read_stamp

DOCUMENT = (Path(__file__).parents[2] / "docs/streams.md").read_text()


def test_the_vector_is_what_is_written():
    signer = SeedSigner(bytes(range(32)))
    packet = np.zeros(STAMP_SIZE + 3, np.uint8)
    packet[STAMP_SIZE:] = list(b"abc")
    stamp = Stamp(signer.public_key, 1_790_000_000, 7, 1_790_000_000_000_000, 1)
    put_stamp(packet, stamp, signer)
    (vector,) = re.findall(r"```hex\n([0-9a-f\n]+)```", DOCUMENT)
    assert bytes(packet[:192]).hex() == vector.replace("\n", "")
    assert read_stamp(packet.data) == stamp
