"""Errors of streams: what others publish, and what is missing to read it.

Part of the tree in `kachery_core.errors`, and imported from there.
"""

from __future__ import annotations

from kachery_core.error_kinds import InvalidInputError, UnavailableError, UntrustworthyError


class NotStreamableError(InvalidInputError, TypeError):
    """This array, or a part of it, has no form in a packet."""


class AddressTakenError(UnavailableError):
    """The address cannot be published at: it is taken, or is none of this computer."""


class StreamTimeoutError(UnavailableError, TimeoutError):
    """Nobody came, or nothing was published, in the time given."""


class StreamClosedError(UnavailableError):
    """The publisher or subscriber was closed before."""


class ExtraMissingError(UnavailableError):
    """A library that this needs is not installed."""


class BadPacketError(UntrustworthyError, ValueError):
    """A packet of a stream that is damaged, or wants more than to be read."""


class StreamGapError(UntrustworthyError):
    """Packets of a stream were lost on their way."""
