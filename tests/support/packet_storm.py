"""Thousands of damaged packets, as they come to a subscriber.

`python -m tests.support.packet_storm COUNT SEED` prints how many were refused, how often the other
process had to be ended, and the peak of memory of both in bytes.
"""

from __future__ import annotations

import random
import resource
import struct
import sys
from dataclasses import replace
from pathlib import Path

import hdf5plugin

from kachery_core.errors import BadPacketError
from kachery_core.packets.grammar_reading import from_variables
from kachery_core.packets.image_reading import ImageReader
from kachery_jupyter.streams.looker import Looker
from tests.support.packet_samples import SAMPLES, packet_of

LARGEST = 64 << 20
SHORT = replace(SAMPLES["everything"], attrs={})
BASES = [
    bytes(packet_of(array, encoding))
    for array in (SHORT, SAMPLES["segments"], SAMPLES["a gap"], SAMPLES["one row"])
    for encoding in (None, {"compression": "gzip"}, dict(hdf5plugin.Zstd()))
]
NUMBERS = (0, 1, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)


def damaged(rng: random.Random) -> bytes:
    packet = bytearray(rng.choice(BASES))
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        way = rng.randrange(5)
        place = rng.randrange(len(packet) - 8)
        if way == 0:
            packet[place] ^= 1 << rng.randrange(8)
        elif way == 1:
            packet[place] = rng.randrange(256)
        elif way == 2:
            struct.pack_into("<Q", packet, place, rng.choice(NUMBERS))
        elif way == 3:
            other = rng.randrange(len(packet) - 8)
            size = rng.randrange(1, 200)
            packet[place : place + size] = packet[other : other + size]
        else:
            del packet[place:]
            break
        if len(packet) < 32:
            break
    return bytes(packet)


def main(count: int, seed: int) -> None:
    rng = random.Random(seed)
    refused = 0
    looker = Looker(LARGEST, patience=0.5)
    reader = ImageReader(looker)
    for _ in range(count):
        packet = memoryview(damaged(rng))
        try:
            from_variables(reader.read(packet), LARGEST)
        except BadPacketError:
            refused += 1
    looker.close()
    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    print(refused, looker.ended, _own_peak(unit), children)


def _own_peak(unit: int) -> int:
    """Most memory of this program alone; Linux counts that of who started it among its usage."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
