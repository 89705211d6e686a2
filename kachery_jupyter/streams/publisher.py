"""`kc.ZMQPublisher`: arrays published at an address, for kachery and for any xdas."""

from __future__ import annotations

import os
import secrets
import threading
import time
import weakref
from itertools import count
from typing import TYPE_CHECKING, Any

from kachery_core.errors import InvalidInputError, StreamClosedError
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_jupyter.streams.extras import require

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Literal

    import xarray
    from typing_extensions import Self

    from kachery_jupyter.streams.endpoints import Endpoint

_LINGER = 5.0
_MEBIBYTE = 1 << 20
_users = count(1)
# Who signs in this process; what bears such a name was made here. Not forgotten: packets stay.
own_keys: set[str] = set()


class ZMQPublisher:
    """Publishes labelled arrays at an address, as xdas does; any xdas can subscribe.

        with kc.ZMQPublisher("tcp://*:5555") as publisher:
            publisher.submit(da)

    Who subscribes late gets what was published before, as far as it is kept. Packets are numbered
    and signed; `ZMQSubscriber` sees what is missing and what was changed. Publishers of one process
    may have one address.

    Args:
        address: where, as ZeroMQ writes it: `tcp://127.0.0.1:5555` for this computer,
            `tcp://*:5555` for all who reach it, `tcp://127.0.0.1:*` for any free port. Whoever
            reaches the address can read: there is no other protection than not being reachable.
        encoding: how values are packed, as h5py takes it and xdas does:
            `{"chunks": (10, 10), **hdf5plugin.Zfp(accuracy=1e-6)}`. None sends them as they are.
        key: 32 secret bytes that sign the packets; the same ones, the same `public_key` again.
            None signs with a key of this publisher only.
        history: bytes that are kept for late subscribers; 0 keeps nothing.
        queue: bytes that may wait for one slow subscriber.
        on_slow: what becomes of a packet for a subscriber whose queue is full: "drop" loses it for
            this subscriber, which sees the gap; "wait" makes `submit` wait.
        greeting: greet subscribers as xdas 0.2.9 and later do, for those who call
            `wait_until_subscribed()`. xdas 0.2.8 and earlier die of it.

    Attributes:
        address: where it publishes, with the port it got.
        public_key: who signs, 64 hex digits: for `ZMQSubscriber(address, trusted=...)`.

    Raises:
        ExtraMissingError: pip install 'kachery-jupyter[streams]'.
        AddressTakenError: another program publishes there, or it is no address of this computer.
        NotStreamableError: an encoding that does not exist.
    """

    def __init__(  # noqa: PLR0913 - all but the first two by name
        self,
        address: str,
        encoding: dict[str, Any] | None = None,
        *,
        key: bytes | None = None,
        history: int = 64 * _MEBIBYTE,
        queue: int = 256 * _MEBIBYTE,
        on_slow: Literal["drop", "wait"] = "drop",
        greeting: bool = False,
    ) -> None:
        require("zmq", "h5py")
        from kachery_core.packets.image_writing import ImageWriter  # noqa: PLC0415 - an extra
        from kachery_jupyter.streams import addresses  # noqa: PLC0415 - an extra

        if key is not None and len(key) != SEED_SIZE:
            raise InvalidInputError(f"A key has {SEED_SIZE} bytes, and this one {len(key)}.")
        self.encoding = encoding
        self._signer = SeedSigner(secrets.token_bytes(SEED_SIZE) if key is None else key)
        self.public_key = self._signer.public_key
        own_keys.add(self.public_key)
        self._writer = ImageWriter(None if encoding is None else dict(encoding))
        self._user = next(_users)
        self._keep = history
        self._is_patient = on_slow == "wait"
        self._process = os.getpid()
        # Larger than that of any run before, and of the publisher made just now.
        self._epoch = time.time_ns()
        self._number = 0
        self._turn = threading.Lock()
        self._endpoint: Endpoint = addresses.join(address, self._user, queue, is_greeting=greeting)
        self.address = address if "*:" in address else self._endpoint.address
        self._leaving = weakref.finalize(
            self, addresses.leave, self._endpoint, self._user, _LINGER, is_waiting=False
        )
        self._leaving.atexit = False

    def __repr__(self) -> str:
        state = f"{self._number} packets" if self._leaving.alive else "closed"
        return f"ZMQPublisher({self.address!r}): {state}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def nsubscribers(self) -> int:
        """How many subscribers there are now; both kinds count."""
        return self._endpoint.subscribers

    @property
    def dropped(self) -> int:
        """How many packets nobody got, because too much waited for slow subscribers."""
        return self._endpoint.dropped

    def submit(self, da: xarray.DataArray | Any) -> None:
        """Publish one array. Any thread may; packets have the order of the calls.

        Args:
            da: `xarray.DataArray` or `xdas.DataArray`: numbers of any shape and dtype, and
                coordinates of one dimension or none.

        Raises:
            NotStreamableError: something in the array has no form in a packet.
            StreamClosedError: the publisher was closed.
        """
        from kachery_core.packets import grammar_writing, stamps  # noqa: PLC0415 - an extra
        from kachery_jupyter.streams import arrays  # noqa: PLC0415 - an extra

        self._check_open()
        array = arrays.to_labelled(da)
        flags = stamps.FROM_XDAS if arrays.is_xdas(da) else 0
        with self._turn:
            variables = grammar_writing.to_variables(array)
            packet = self._writer.write(variables, stamps.STAMP_SIZE)
            now = time.time_ns() // 1000
            stamp = stamps.Stamp(self.public_key, self._epoch, self._number, now, flags)
            stamps.put_stamp(packet, stamp, self._signer)
            self._endpoint.send(self._user, packet, self._keep, is_patient=self._is_patient)
            self._number += 1

    def write(self, da: xarray.DataArray | Any) -> None:
        """The same as `submit`: a publisher can stand where xdas expects a writer."""
        self.submit(da)

    def result(self) -> None:
        """None: nothing is left of what was published."""

    def wait_for_subscribers(self, count: int = 1, timeout: float | None = 60.0) -> int:
        """Wait until there are so many subscribers; return how many there are.

        Raises:
            StreamTimeoutError: a TimeoutError; they did not come in so many seconds.
        """
        self._check_open()
        return self._endpoint.wait_for_subscribers(count, timeout)

    def close(self, linger: float = _LINGER) -> None:
        """Send what still waits and free the address; doing so twice does nothing.

        Args:
            linger: seconds without any subscriber taking anything, after which the rest is
                given up, and the log says so.
        """
        from kachery_jupyter.streams import addresses  # noqa: PLC0415 - an extra

        if self._leaving.detach() is not None:
            addresses.leave(self._endpoint, self._user, linger)

    def _check_open(self) -> None:
        if not self._leaving.alive:
            raise StreamClosedError(f"The publisher at {self.address} was closed.")
        if os.getpid() != self._process:
            raise StreamClosedError(
                "The publisher stayed with the process that made it.",
                hint="Make a new one in each process, at an address of its own.",
            )
