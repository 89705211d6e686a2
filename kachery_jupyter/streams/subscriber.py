"""`kc.ZMQSubscriber`: arrays from an address where kachery or any xdas publishes."""

from __future__ import annotations

import logging
import sys
import weakref
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kachery_core.errors import (
    BadPacketError,
    InvalidInputError,
    StreamClosedError,
    StreamGapError,
    StreamTimeoutError,
)
from kachery_core.keys import is_public_key
from kachery_jupyter.streams.extras import require
from kachery_jupyter.streams.publisher import own_keys

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Literal

    import xarray
    from typing_extensions import Self

    from kachery_core.packets.stamps import Stamp
    from kachery_jupyter.streams.looker import Looker
    from kachery_jupyter.streams.receiver import Receiver
    from kachery_jupyter.streams.sequence import Gap

_LOG = logging.getLogger(__name__)
_GREETING = b"xdas"
_KEPT_GAPS = 10_000
_LARGEST = 512 << 20


@dataclass
class Received:
    """What a subscriber counted.

    Attributes:
        packets: given to the program.
        lost: numbered by their publisher, and never came.
        repeated: came again, after a connection was cut, and were left out.
        refused: damaged, hostile, or not signed by whom the subscriber trusts.
        cuts: of the connection.
    """

    packets: int = 0
    lost: int = 0
    repeated: int = 0
    refused: int = 0
    cuts: int = 0


class ZMQSubscriber:
    """Receives the arrays that are published at an address, by kachery or any xdas.

        for da in kc.ZMQSubscriber("tcp://192.168.1.7:5555"):
            ...

    It iterates without end: until `close()`, or until the program has nothing else left to do.

    Args:
        address: where the publisher is, `tcp://HOST:PORT`. It need not be there yet.
        timeout: seconds to wait at most for each packet; None waits without end.
        as_xdas: True gives `xdas.DataArray`, False `xarray.DataArray`. None gives xarray, and xdas
            for what a `kc.ZMQPublisher` was given as xdas, if this program has imported xdas.
        trusted: public key of the one publisher to accept packets from; None accepts all.
        on_gap: "warn" notes lost packets in `gaps` and in the log, "raise" also raises
            StreamGapError in their place; the next call goes on after them.
        on_refused: "warn" counts packets that are damaged or hostile and goes on, "raise" raises
            BadPacketError in their place.
        max_bytes: that one packet may have, on its way and unpacked.

    Attributes:
        gaps: the latest `Gap`s, oldest first.
        stats: `Received`.

    Raises:
        ExtraMissingError: pip install 'kachery-jupyter[streams]'.
        InvalidInputError: not an address, or not a public key.
    """

    chunk_dim = "time"
    unbounded = True

    def __init__(  # noqa: PLR0913 - all but the first two by name
        self,
        address: str,
        timeout: float | None = None,
        *,
        as_xdas: bool | None = None,
        trusted: str | None = None,
        on_gap: Literal["warn", "raise"] = "warn",
        on_refused: Literal["warn", "raise"] = "warn",
        max_bytes: int = _LARGEST,
    ) -> None:
        require("zmq", "h5py", *(["xdas"] if as_xdas else ["xarray"]))
        from kachery_core.packets.image_reading import ImageReader  # noqa: PLC0415 - an extra
        from kachery_jupyter.streams.looker import Looker, looking_here  # noqa: PLC0415
        from kachery_jupyter.streams.receiver import Receiver  # noqa: PLC0415 - an extra
        from kachery_jupyter.streams.sequence import Sequence  # noqa: PLC0415

        if trusted is not None and not is_public_key(trusted):
            raise InvalidInputError(
                f"{trusted!r} is no public key.", hint="Give publisher.public_key, 64 hex digits."
            )
        self.address = address
        self.timeout = timeout
        self.gaps: deque[Gap] = deque(maxlen=_KEPT_GAPS)
        self.stats = Received()
        self._as_xdas = as_xdas
        self._trusted = trusted
        self._is_strict_on_gaps = on_gap == "raise"
        self._is_strict_on_refused = on_refused == "raise"
        self._max_bytes = max_bytes
        # HDF5 is not made for bytes of strangers: theirs are looked through in another process.
        self._looker = Looker(max_bytes)
        self._strangers = ImageReader(self._looker)
        self._friends = ImageReader(looking_here(max_bytes))
        self._sequence = Sequence()
        self._ahead: deque[memoryview] = deque()
        self._held: Any = None
        self._receiver = Receiver(address, max_bytes)
        self._leaving = weakref.finalize(self, _release, self._receiver, self._looker)

    def __repr__(self) -> str:
        state = "closed" if self._receiver.is_closed else f"{self.stats.packets} packets"
        return f"ZMQSubscriber({self.address!r}): {state}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> xarray.DataArray | Any:
        """The next array.

        Raises:
            StreamTimeoutError: a TimeoutError; nothing came in time. The next call waits again.
            StopIteration: the subscriber was closed, or the program is over.
            StreamGapError: packets were lost, with on_gap="raise".
            BadPacketError: a packet was refused, with on_refused="raise".
        """
        if self._held is not None:
            held, self._held = self._held, None
            return self._counted(held)
        while True:
            message = self._ahead.popleft() if self._ahead else self._receive()
            if message is None:
                raise StopIteration
            if message == _GREETING:
                continue
            found = self._accepted(message)
            if found is not None:
                return self._counted(found)

    def wait_until_subscribed(self) -> None:
        """Wait until the publisher knows of this subscriber; packets are not lost by that.

        A publisher says so with a greeting (xdas 0.2.9 and later, `greeting=True` here), or with
        its first packet.

        Raises:
            StreamTimeoutError: a TimeoutError; neither came in time.
            StreamClosedError: the subscriber was closed.
        """
        if self._ahead or self._held is not None or self.stats.packets:
            return
        message = self._receive()
        if message is None:
            raise StreamClosedError(f"The subscriber to {self.address} was closed.")
        self._ahead.append(message)

    def close(self) -> None:
        """Stop receiving; who iterates, in whichever thread, comes to an end."""
        self._leaving()

    def _receive(self) -> memoryview | None:
        try:
            return self._receiver.receive(self.timeout)
        except TimeoutError as problem:
            raise StreamTimeoutError(
                f"Nothing was published at {self.address} in {self.timeout} seconds.",
                hint="Is the publisher running, at this address? The next call waits again.",
            ) from problem
        finally:
            self.stats.cuts = self._receiver.cuts

    def _accepted(self, message: memoryview) -> Any:
        """The array in a message; None if there is none for the program."""
        try:
            stamp, array = self._read(message)
        except BadPacketError as problem:
            self.stats.refused += 1
            if self._is_strict_on_refused:
                raise
            _LOG.warning("A packet from %s was refused: %s", self.address, problem)
            return None
        if stamp is None or array is None:
            return array
        noted = self._sequence.note(stamp)
        if noted is False:
            self.stats.repeated += 1
            return None
        if noted is not True:
            self._note_gap(noted, array)
        return array

    def _read(self, message: memoryview) -> tuple[Stamp | None, Any]:
        from kachery_core.packets import grammar_reading, stamps  # noqa: PLC0415 - an extra
        from kachery_jupyter.streams import arrays  # noqa: PLC0415 - an extra

        stamp = stamps.read_stamp(message)
        if self._trusted is not None and (stamp is None or stamp.key != self._trusted):
            raise BadPacketError(
                "The packet is not signed by the publisher that this subscriber trusts.",
                hint="Was the publisher started again without its key?",
            )
        body = message if stamp is None else message[stamps.STAMP_SIZE :]
        variables = (self._friends if self._is_friend(stamp) else self._strangers).read(body)
        array = grammar_reading.from_variables(variables, self._max_bytes)
        was_xdas = stamp is not None and bool(stamp.flags & stamps.FROM_XDAS)
        is_wanted = was_xdas and "xdas" in sys.modules if self._as_xdas is None else self._as_xdas
        try:
            return stamp, (arrays.to_xdas if is_wanted else arrays.to_xarray)(array)
        except (ValueError, TypeError, KeyError, IndexError, OverflowError) as problem:
            raise BadPacketError(f"The packet makes no array: {problem}.") from problem

    def _is_friend(self, stamp: Stamp | None) -> bool:
        """Whether this program, or whom it trusts, published what bears this stamp."""
        return stamp is not None and (stamp.key == self._trusted or stamp.key in own_keys)

    def _note_gap(self, gap: Gap, array: Any) -> None:
        self.gaps.append(gap)
        self.stats.lost += gap.count
        said = f"Packets {gap.first} to {gap.last} from {self.address} were lost."
        if self._is_strict_on_gaps:
            self._held = array
            raise StreamGapError(
                said,
                hint="This subscriber, or the network, is slower than the publisher."
                " The next call goes on after them.",
                first=gap.first,
                last=gap.last,
            )
        _LOG.warning(said)

    def _counted(self, array: Any) -> Any:
        self.stats.packets += 1
        return array


def _release(receiver: Receiver, looker: Looker) -> None:
    receiver.close()
    looker.close()
