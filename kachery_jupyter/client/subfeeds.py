"""One log of a feed: append to it, read it from any position, follow it."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any, overload

import msgspec

from kachery_core.errors import ExtraMissingError, FeedNotWriteableError, InvalidInputError
from kachery_core.feeds import FeedUri, subfeed_hash, subfeed_label
from kachery_core.messages import APPEND_ID_SIZE, SubfeedKey
from kachery_core.wire.feeds import LARGEST_APPEND, Appended
from kachery_jupyter.client.dependencies import note_stored
from kachery_jupyter.client.feed_html import subfeed_html
from kachery_jupyter.client.line import ask_patiently
from kachery_jupyter.client.payloads import decode_messages, encode_messages
from kachery_jupyter.client.readers import VerifiedReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from kachery_core.feeds import SubfeedName
    from kachery_jupyter.client.readers import Reader

_STREAM_WAIT_MSEC = 20_000


class Truth(int):
    """True or False, also when called: both spellings of kachery work."""

    def __call__(self) -> bool:
        """The same."""
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))


class Subfeed:
    """An append-only log of messages, each any JSON value; arrays and bytes are kept as content.

    Attributes:
        feed_id: the feed's public key, 64 hex digits.
        subfeed_name: as it was given.
        subfeed_hash: what stands for the name, 40 hex digits.
    """

    def __init__(
        self,
        feed_id: str,
        name: SubfeedName,
        position: int = 0,
        *,
        is_writeable: bool = False,
        reader: Reader | None = None,
    ) -> None:
        self.feed_id = feed_id
        self.subfeed_name = name
        self.subfeed_hash = subfeed_hash(name)
        self._is_writeable = is_writeable
        self._is_named = False
        self._position = position
        self._reader = reader or VerifiedReader(SubfeedKey(feed_id, self.subfeed_hash))

    def __repr__(self) -> str:
        return f"<Subfeed {self.uri} at {self._position}>"

    def _repr_html_(self) -> str:
        return subfeed_html(self)

    @property
    def uri(self) -> str:
        """The subfeed's URI."""
        return str(FeedUri(self.feed_id, subfeed_label(self.subfeed_name)))

    @property
    def position(self) -> int:
        """Index of the next message to be read."""
        return self._position

    @position.setter
    def position(self, position: int) -> None:
        self._position = position

    @property
    def is_writeable(self) -> Truth:
        """Whether messages can be appended here."""
        return Truth(self._is_writeable)

    def append_message(self, message: Any, append_id: str | None = None) -> int:
        """Append one message; durable, signed and visible to readers when this returns.

        Args:
            message: any JSON value; arrays and bytes in it are stored as content.
            append_id: 32 hex digits; the same id is the same append, for your own retries.

        Returns:
            The message's index.

        Raises:
            FeedNotWriteableError: it is another node's or user's feed, or it is retired.
            InvalidInputError: not a JSON value, or larger than 1 MiB.
        """
        return self.append_messages([message], append_id)

    def append_messages(self, messages: Iterable[Any], append_id: str | None = None) -> int:
        """Append messages, all of them or none, with one signature and one wait for the disk.

        Args:
            messages: together at most 32 MiB as JSON.
            append_id: see `append_message`.

        Returns:
            The index of the first.

        Raises:
            FeedNotWriteableError, InvalidInputError: see `append_message`.
        """
        if not self._is_writeable:
            raise FeedNotWriteableError(
                f"{self.uri} cannot be appended to from here.",
                hint="Only the node that made a feed appends to it, until it is retired.",
            )
        listed = list(messages)
        if not listed:
            return self.get_num_messages()
        encoded = encode_messages(listed)
        if len(encoded) > LARGEST_APPEND:
            raise InvalidInputError(
                f"These {len(listed):,} messages have {len(encoded):,} bytes; one append takes at"
                f" most {LARGEST_APPEND:,}, all of them or none.",
                hint="Append them in several calls, or store large values and append their URIs.",
            )
        return self._append(encoded, append_id or secrets.token_hex(APPEND_ID_SIZE)).first

    def get_next_message(self, wait_msec: int = 10, *, signed: bool = False) -> Any:
        """The next message, or None if none came in time; the position advances."""
        messages = self.get_next_messages(wait_msec=wait_msec, signed=signed, max_num_messages=1)
        return messages[0] if messages else None

    def get_next_messages(
        self,
        wait_msec: int = 10,
        signed: bool = False,  # noqa: FBT002 - as kachery had it
        max_num_messages: int = 0,
        advance_position: bool = True,  # noqa: FBT002 - as kachery had it
    ) -> list[Any]:
        """The messages from the position on, each verified.

        Args:
            wait_msec: how long to wait for the first if there is none yet, in milliseconds.
            signed: give `{"body", "entry"}` instead of the message alone.
            max_num_messages: at most so many; 0 for all there are.
            advance_position: go on behind them next time.

        Raises:
            UntrustworthyError: what the node sent is not what the feed's writer wrote.
        """
        start = self._position
        found = self._reader.read(
            start, start + max_num_messages if max_num_messages else None, wait_msec
        )
        if advance_position:
            self._position = start + len(found)
        return self._reader.signed(start, len(found)) if signed else decode_messages(found)

    def get_num_messages(self) -> int:
        """How many messages the subfeed has."""
        return self._reader.length()

    def payloads(self, start: int, end: int | None = None, wait_msec: int = 0) -> list[bytes]:
        """The JSON bytes of messages [start, end) as they were signed; arrays stay references."""
        return self._reader.read(start, end, wait_msec)

    def message_stream(self, *, signed: bool = False) -> Iterator[Any]:
        """Every message from the position on, for ever; waits for those to come."""
        while True:
            yield from self._passing(
                self.get_next_messages(_STREAM_WAIT_MSEC, signed, advance_position=False)
            )

    def __iter__(self) -> Iterator[Any]:
        return self.message_stream()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            found = await asyncio.to_thread(self.get_next_messages, 1000, advance_position=False)
            for message in self._passing(found):
                yield message

    def __len__(self) -> int:
        return self.get_num_messages()

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        length = self.get_num_messages()
        if isinstance(index, slice):
            chosen = range(length)[index]
            if not chosen:
                return []
            low, high = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1]) + 1
            messages = decode_messages(self._reader.read(low, high, 0))
            return [messages[one - low] for one in chosen]
        place = range(length)[index]
        return decode_messages(self._reader.read(place, place + 1, 0))[0]

    def to_dataframe(self) -> Any:
        """All messages as a pandas DataFrame, one row each.

        Raises:
            ExtraMissingError: pandas is not installed.
        """
        try:
            import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415 - for those who ask
        except ModuleNotFoundError:
            raise ExtraMissingError(
                "A DataFrame needs pandas, which is not installed here.", hint="pip install pandas"
            ) from None
        return pd.json_normalize(self[:])

    def print_messages(self) -> None:
        """Print every message from the position on, for ever."""
        for message in self.message_stream():
            print(json.dumps(message, default=repr))

    def set_position(self, position: int) -> None:
        """The same as assigning to `position`."""
        self._position = position

    def get_position(self) -> int:
        """The same as `position`."""
        return self._position

    def get_uri(self) -> str:
        """The same as `uri`."""
        return self.uri

    def get_num_local_messages(self) -> int:
        """The same as `get_num_messages`."""
        return self.get_num_messages()

    def _passing(self, messages: list[Any]) -> Iterator[Any]:
        """Messages from the position on; it is always behind the last that was given out."""
        for place, message in enumerate(messages, self._position):
            if place != self._position:
                return  # whoever reads has set another position
            self._position = place + 1
            yield message

    def _append(self, messages: bytes, append_id: str) -> Appended:
        name = b"" if self._is_named else b',"name":' + json.dumps(self.subfeed_name).encode()
        body = b'{"feed":"%b","subfeed":"%b","append_id":"%b"%b,"messages":%b}' % (
            self.feed_id.encode(),
            self.subfeed_hash.encode(),
            append_id.encode(),
            name,
            messages,
        )
        # Perhaps it was appended and only the answer was lost: the id makes asking again safe.
        reply = ask_patiently("/messages/append", body)
        if not self._is_named:
            note_stored(self.uri)
        self._is_named = True
        return msgspec.json.decode(reply.body, type=Appended)
