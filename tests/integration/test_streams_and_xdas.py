"""Streams between kachery and real xdas of both wire generations, in both directions."""

from __future__ import annotations

import json
import os
import subprocess

import hdf5plugin
import numpy as np
import pytest

import kachery_jupyter as kc
from tests.support.foreign_xdas import PACKETS, facts
from tests.support.xdas_environments import foreign, python_with_xdas

VERSIONS = os.environ.get("KACHERY_TEST_XDAS", "0.2.7 0.2.10").split()
# Environments of old versions are made at the first run, over the network.
pytestmark = pytest.mark.timeout(900)
ENCODINGS = {
    "none": None,
    "zfp": {"chunks": (10, 10), **hdf5plugin.Zfp(reversible=True)},
    "zstd": hdf5plugin.Zstd(clevel=3),
}


@pytest.fixture(params=VERSIONS)
def python(request):
    return python_with_xdas(request.param, request.config.cache)


@pytest.fixture
def address():
    with kc.ZMQPublisher("tcp://127.0.0.1:*") as publisher:
        return publisher.address


def received_from(python, address, encoding, **options):
    with (
        kc.ZMQSubscriber(address, timeout=60, on_refused="raise", **options) as subscriber,
        foreign(python, "publish", address, encoding) as publisher,
    ):
        arrays = [next(subscriber) for _ in range(PACKETS)]
        sent = json.loads(publisher.stdout.readline())
    return arrays, sent


@pytest.mark.parametrize("encoding", ["none", "zfp", "blosc2"])
def test_what_xdas_publishes_is_received(python, address, encoding):
    arrays, sent = received_from(python, address, encoding)
    assert [facts(array) for array in arrays] == sent
    assert {type(array).__module__.partition(".")[0] for array in arrays} == {"xarray"}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_xdas_receives_what_is_published_also_what_was_published_before(python, address, encoding):
    xarrays = xarray_packets()
    with kc.ZMQPublisher(address, ENCODINGS[encoding]) as publisher:
        for array in xarrays[:5]:
            publisher.submit(array)
        with foreign(python, "subscribe", address, str(PACKETS)) as subscriber:
            assert publisher.wait_for_subscribers(timeout=120) == 1
            for array in xarrays[5:]:
                publisher.submit(array)
            assert subscriber.stdout.readline() == "ready\n"
            received = json.loads(subscriber.stdout.readline())
    assert received == [facts(array) for array in xarrays]


def test_a_new_xdas_can_wait_for_a_greeting_that_is_asked_for(request, address):
    python = python_with_xdas("0.2.10", request.config.cache)
    program = (
        "import sys; from xdas.processing import ZMQSubscriber as S; s = S(sys.argv[1], 60);"
        "s.wait_until_subscribed(); print('greeted', flush=True); print(next(s).shape, flush=True)"
    )
    with kc.ZMQPublisher(address, greeting=True, history=0) as publisher:
        command = [python, "-W", "ignore", "-c", program, address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
            try:
                assert waiting.stdout.readline() == "greeted\n"
                publisher.submit(xarray_packets()[0])
                assert waiting.stdout.readline() == "(10, 40)\n"
            finally:
                waiting.kill()


def test_arrays_of_xdas_come_out_as_they_went_in():
    xdas = pytest.importorskip("xdas")
    from tests.support.foreign_xdas import xdas_packets

    packets = xdas_packets()
    for packet in packets:
        packet.attrs = {"unit": "1/s"}  # xdas cannot compare attributes that are lists
    with kc.ZMQPublisher("tcp://127.0.0.1:*") as publisher:
        for packet in packets:
            publisher.submit(packet)
        with kc.ZMQSubscriber(publisher.address, timeout=30) as subscriber:
            received = [next(subscriber) for _ in packets]
        with kc.ZMQSubscriber(publisher.address, timeout=30, as_xdas=False) as subscriber:
            as_xarray = next(subscriber)
    assert all(type(array) is xdas.DataArray for array in received)
    assert xdas.concatenate(received).equals(xdas.concatenate(packets))
    assert np.array_equal(as_xarray.time.values, packets[0].coords["time"].values)


def test_what_xdas_published_comes_out_as_xdas_if_asked_for(address, request):
    xdas = pytest.importorskip("xdas")
    from tests.support.foreign_xdas import xdas_packets

    python = python_with_xdas("0.2.10", request.config.cache)
    arrays, _ = received_from(python, address, "none", as_xdas=True)
    whole, sent = xdas.concatenate(arrays), xdas.concatenate(xdas_packets())
    assert whole.coords.equals(sent.coords)
    assert facts(whole) == facts(sent)


def xarray_packets():
    import xarray

    rng = np.random.default_rng(3)
    start = np.datetime64("2026-03-01T12:00:00", "ns")
    packets = []
    for number in range(PACKETS):
        times = start + (np.arange(10) + 10 * number) * np.timedelta64(4, "ms")
        coords = {
            "time": times,
            "distance": np.linspace(0, 987.3, 40),
            "channel": ("distance", [f"ch-{place}" for place in range(40)]),
            "gain": 2.5,
        }
        values = rng.normal(size=(10, 40)).astype("f4")
        attrs = {"unit": "1/s", "gauge": 10.0, "taps": [1.0, 2.0]}
        packets.append(xarray.DataArray(values, coords, ("time", "distance"), "strain", attrs))
    return packets
