"""The cells of the streaming seed, with kachery's publisher and subscriber; the rest is verbatim.

`python -m tests.support.streaming_seed COUNT` runs them so often; then the program ends by itself,
although the last subscriber's thread still iterates.
"""

from __future__ import annotations

import sys
import threading
import time

import hdf5plugin
import xdas as xd

from kachery_jupyter import ZMQPublisher, ZMQSubscriber


def run_cells():
    # `xd.synthetics.dummy` has moved since the seed was written.
    da = xd.testing.dummy()
    packets = xd.split(da, 5)

    address = f"tcp://localhost:{xd.io.get_free_port()}"
    publisher = ZMQPublisher(address)

    def publish():
        for packet in packets:
            publisher.submit(packet)
            # give a chance to the subscriber to connect in time and to get the last packet
            time.sleep(0.1)

    machine1 = threading.Thread(target=publish)
    machine1.start()

    subscriber = ZMQSubscriber(address)
    received = []

    def subscribe():
        for packet in subscriber:
            received.append(packet)  # noqa: PERF402 - as the seed has it

    machine2 = threading.Thread(target=subscribe)
    machine2.start()

    machine1.join()
    print(f"We received {len(received)} packets!")
    assert xd.concatenate(received).equals(da)

    encoding = {"chunks": (10, 10), **hdf5plugin.Zfp(accuracy=1e-6)}
    encoded = ZMQPublisher(address, encoding)
    assert encoded.address == publisher.address

    # "The rest is the same": with the first publisher gone, as when its name is given anew.
    publisher.close()
    for packet in packets:
        encoded.submit(packet)
    late = ZMQSubscriber(address, timeout=30)
    again = xd.concatenate([next(late) for _ in packets])
    assert abs(again.values - da.values).max() <= 1e-6
    late.close()
    return subscriber, encoded


def main(count: int) -> None:
    for _ in range(count - 1):
        subscriber, publisher = run_cells()
        subscriber.close()
        publisher.close()
    run_cells()


if __name__ == "__main__":
    main(int(sys.argv[1]))
