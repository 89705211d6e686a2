"""Where messages come from that this node does not write: nowhere, until it is told better."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from typing import Protocol

    from kachery_core.messages import SubfeedKey

    class Elsewhere(Protocol):
        """Other nodes, as far as reading feeds is concerned. One's own feeds are left alone."""

        async def look(self, feed: str, channel: str = "", seconds: float | None = None) -> None:
            """Make a feed of another node known here, with the names of its subfeeds.

            Args:
                feed: its public key.
                channel: name or id of the only channel to look on; '' for all.
                seconds: how long to look at most.

            Raises:
                FeedNotFoundError: it is not here, and nobody who can be asked has it.
                ChannelNotFoundError: there is no such channel.
                NotAllowedError, UnavailableError: the only channel to look on cannot be asked.
            """
            ...

        async def catch_up(self, positions: Mapping[SubfeedKey, int], channel: str = "") -> None:
            """Bring what others have of subfeeds, as far as somebody needs it who reads.

            Returns when there is a message here at each position, or nobody has one.

            Args:
                positions: where somebody reads.
                channel: name or id of the only channel to look on; '' for all.

            Raises:
                OverLimitError, UnavailableError: there is no room for messages here.
                ChannelNotFoundError: there is no such channel.
            """
            ...

        def following(self, keys: Iterable[SubfeedKey]) -> AbstractContextManager[None]:
            """Keep subfeeds up to date while somebody waits for their messages."""
            ...

        def forget(self, feed: str) -> None:
            """A feed was deleted here: bring nothing of it until somebody reads it again."""
            ...

        def expected(self, key: SubfeedKey) -> int:
            """How many messages of a subfeed are here or on their way; their writer signed them."""
            ...

        def told(self, key: SubfeedKey) -> int:
            """How many messages others say that a subfeed has; nothing proves it."""
            ...


class Nowhere:
    """Nobody else is asked."""

    async def look(self, feed: str, channel: str = "", seconds: float | None = None) -> None:
        """Nothing is found."""

    async def catch_up(self, positions: Mapping[SubfeedKey, int], channel: str = "") -> None:
        """Nothing comes."""

    def following(self, keys: Iterable[SubfeedKey]) -> AbstractContextManager[None]:
        """Nothing changes."""
        del keys
        return contextlib.nullcontext()

    def forget(self, feed: str) -> None:
        """Nothing comes anyway."""

    def expected(self, key: SubfeedKey) -> int:
        """Nothing is on its way."""
        del key
        return 0

    def told(self, key: SubfeedKey) -> int:
        """Nobody says anything."""
        del key
        return 0
