"""A publisher or a subscriber in a process of its own."""

from __future__ import annotations

import sys
import time

import numpy as np

UNCOUNTED = 8


def main() -> None:
    """Publish, or receive and print the seconds that the counted packets took."""
    role, library, address, count, rows, columns, dtype = sys.argv[1:]
    shape = (int(rows), int(columns))
    if role == "publish":
        _publish(library, address, int(count) + UNCOUNTED, shape, dtype)
    else:
        print(_receive(library, address, int(count)), flush=True)


def _publish(library: str, address: str, count: int, shape: tuple[int, int], dtype: str) -> None:
    values = np.random.default_rng(1).normal(size=shape).astype(dtype)
    start = np.datetime64("2026-01-01", "ns")
    if library == "raw":
        import zmq

        socket = zmq.Context().socket(zmq.XPUB)
        socket.setsockopt(zmq.XPUB_NODROP, 1)
        socket.bind(address)
        socket.recv()
        for _ in range(count):
            socket.send(values)
        return
    packets = [_packet(library, values, start, number) for number in range(16)]
    if library == "xdas":
        from xdas.processing import ZMQPublisher

        publisher = ZMQPublisher(address)
    else:
        import kachery_jupyter as kc

        publisher = kc.ZMQPublisher(address, on_slow="wait")
    publisher.wait_for_subscribers()
    for number in range(count):
        publisher.submit(packets[number % 16])
    publisher.close()


def _packet(library: str, values: np.ndarray, start: np.datetime64, number: int):
    rows, columns = values.shape
    step = np.timedelta64(10, "ms")
    first = start + number * rows * step
    if library == "xdas":
        import xdas

        time_ties = {"tie_indices": [0, rows - 1], "tie_values": [first, first + (rows - 1) * step]}
        distance_ties = {"tie_indices": [0, columns - 1], "tie_values": [0.0, 5.0 * (columns - 1)]}
        return xdas.DataArray(values, {"time": time_ties, "distance": distance_ties})
    import xarray

    coords = {"time": first + np.arange(rows) * step, "distance": np.arange(columns) * 5.0}
    return xarray.DataArray(values, coords, ("time", "distance"))


def _receive(library: str, address: str, count: int) -> float:
    if library == "raw":
        import zmq

        socket = zmq.Context().socket(zmq.SUB)
        socket.connect(address)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        subscriber = iter(socket.recv, None)
    elif library == "xdas":
        from xdas.processing import ZMQSubscriber

        subscriber = ZMQSubscriber(address)
    else:
        import kachery_jupyter as kc

        subscriber = kc.ZMQSubscriber(address, on_gap="raise", on_refused="raise")
    for _ in range(UNCOUNTED):
        next(subscriber)
    began = time.perf_counter()
    for _ in range(count):
        next(subscriber)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
