"""Real xdas, of any version, as publisher or subscriber in a process of its own.

Runs alone in an environment that has nothing but xdas: `python foreign_xdas.py ROLE ADDRESS ...`.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time

import numpy as np

PACKETS = 10


def facts(array):
    """What must be equal on both sides, of an array of any library, as JSON."""
    coords = {}
    for name in array.coords:
        values = np.asarray(array.coords[name].values)
        if values.dtype.kind == "M":
            values = values.astype("M8[ns]").astype("i8")
        coords[str(name)] = [str(values.dtype.kind), values.tolist()]
    values = np.ascontiguousarray(array.values)
    return {
        "shape": list(values.shape),
        "dtype": str(values.dtype),
        "values": hashlib.sha256(values.tobytes()).hexdigest(),
        "dims": list(array.dims),
        "coords": coords,
        "name": array.name,
        "attrs": {key: np.asarray(value).tolist() for key, value in (array.attrs or {}).items()},
    }


def xdas_packets():
    """An acquisition with a gap in its time, in packets; coordinates of every kind."""
    import xdas

    rng = np.random.default_rng(7)
    rows, columns = 100, 40
    start = np.datetime64("2026-03-01T12:00:00", "ns")
    late = start + np.timedelta64(5, "s")
    step = np.timedelta64(10_000_001, "ns")
    time_ties = {
        "tie_indices": [0, 54, 55, 99],
        "tie_values": [start, start + 54 * step, late, late + 44 * step],
    }
    coords = {
        "time": time_ties,
        "distance": {"tie_indices": [0, columns - 1], "tie_values": [0.1, 987.3]},
        "channel": ("distance", np.array([f"ch-{number}" for number in range(columns)])),
        "gain": 2.5,
    }
    whole = xdas.DataArray(
        rng.normal(size=(rows, columns)).astype("f4"),
        coords,
        dims=("time", "distance"),
        name="strain",
        attrs={"unit": "1/s", "gauge": 10.0, "taps": [1.0, 2.0]},
    )
    edges = np.linspace(0, rows, PACKETS + 1).astype(int)
    return [whole[edges[part] : edges[part + 1]] for part in range(PACKETS)]


def publish(address, encoding_name):
    """Publish the packets, slowly enough for whoever waits already."""
    from xdas.processing import ZMQPublisher

    publisher = ZMQPublisher(address, _encoding(encoding_name))
    time.sleep(1.0)
    for packet in xdas_packets():
        publisher.submit(packet)
        time.sleep(0.02)
    print(json.dumps([facts(packet) for packet in xdas_packets()]), flush=True)
    sys.stdin.readline()


def subscribe(address, count):
    """Print what came, once so many did."""
    from xdas.processing import ZMQSubscriber

    subscriber = ZMQSubscriber(address)
    print("ready", flush=True)
    received = [facts(next(subscriber)) for _ in range(int(count))]
    print(json.dumps(received), flush=True)


def _encoding(name):
    if name == "none":
        return None
    import hdf5plugin

    if name == "zfp":
        return {"chunks": (10, 10), **hdf5plugin.Zfp(reversible=True)}
    return {"zstd": hdf5plugin.Zstd(clevel=3), "blosc2": hdf5plugin.Blosc2()}[name]


if __name__ == "__main__":
    {"publish": publish, "subscribe": subscribe}[sys.argv[1]](*sys.argv[2:])
