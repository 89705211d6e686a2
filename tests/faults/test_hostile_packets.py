"""Packets that are damaged in every way: nothing falls, nothing is read, memory stays small."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest
import zmq

import kachery_jupyter as kc
from kachery_core.errors import BadPacketError
from kachery_core.packets.grammar_reading import from_variables
from kachery_core.packets.image_reading import ImageReader
from kachery_jupyter.streams.looker import Looker
from tests.support.hostile_packets import HOSTILE, SECRET
from tests.support.packet_samples import LARGEST, SAMPLES, assert_same, packet_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]
COUNT = int(os.environ.get("KACHERY_TEST_HOSTILE_PACKETS", "1000"))
MOST_MEMORY = 1 << 29


def test_thousands_of_damaged_packets():
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    command = [sys.executable, "-m", "tests.support.packet_storm", str(COUNT), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    refused, ended, *peaks = map(int, done.stdout.split())
    print(f"{refused} of {COUNT} refused, {ended} times HDF5 hung or fell, peaks {peaks}")
    assert refused > COUNT // 4
    assert max(peaks) < MOST_MEMORY


def test_hdf5_may_hang_or_fall_and_the_next_packet_is_read():
    looker = Looker(LARGEST, patience=2.0)
    reader = ImageReader(looker)
    try:
        for name in ("everything", "segments"):
            array = SAMPLES[name]
            assert_same(from_variables(reader.read(packet_of(array)), LARGEST), array)
            looker._program.kill()
            with pytest.raises(BadPacketError, match="HDF5"):
                reader.read(memoryview(bytes(packet_of(SAMPLES["one row"]))[:-8]))
        assert looker.ended == 2
    finally:
        looker.close()


def test_a_subscriber_goes_on_after_all_of_them_and_reads_no_file(tmp_path):
    packets = [build(tmp_path) for build in HOSTILE.values()]
    good = bytes(packet_of(SAMPLES["everything"]))
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        with kc.ZMQSubscriber(f"tcp://127.0.0.1:{port}", timeout=60) as subscriber:
            assert socket.recv() == b"\x01"
            for packet in [*packets, good]:
                socket.send(packet)
            received = next(subscriber)
            assert subscriber.stats.refused == len(packets)
    assert received.name == "strain"
    assert SECRET not in received.values.tobytes()


def test_a_message_that_is_larger_than_is_accepted_does_not_come_in():
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        address = f"tcp://127.0.0.1:{port}"
        with kc.ZMQSubscriber(address, timeout=2, max_bytes=1 << 20) as subscriber:
            socket.recv()
            socket.send(bytes(2 << 20))
            with pytest.raises(TimeoutError):
                next(subscriber)
            assert subscriber.stats.cuts >= 1
