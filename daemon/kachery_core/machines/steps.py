"""What the download machine tells its driver to do, and how patient it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from kachery_core.machines.candidates import Claim
    from kachery_core.manifests import Manifest


@dataclass(frozen=True)
class FetchTable:
    """Ask a provider for its chunk table: `table_came`, then `ended`."""

    request: int
    provider: str
    claim: Claim


@dataclass(frozen=True)
class FetchChunks:
    """Ask a provider for chunks: `chunk_came` for each, in any order, then `ended`."""

    request: int
    provider: str
    first: int
    count: int


@dataclass(frozen=True)
class StopRequest:
    """Nobody needs this answer any more; `ended` is still to be told."""

    request: int


@dataclass(frozen=True)
class UseTable:
    """Get ready for the chunks of this table, then say `opened`."""

    table: Manifest


@dataclass(frozen=True)
class CheckWhole:
    """All chunks are here: compare the whole with its SHA-1, then say `checked`."""


Step = Union[FetchTable, FetchChunks, StopRequest, UseTable, CheckWhole]  # noqa: UP007 - 3.10


@dataclass(frozen=True)
class Limits:
    """How much at a time, and what is patient enough; seconds unless said otherwise.

    Attributes:
        slots: requests to one provider at a time.
        requests: requests to all of them together.
        longest_run: chunks in one request.
        stall: without a byte of an answer, it is given up.
        slowest_chunk: a chunk that takes longer is given up, however it trickles.
        hesitation: without a chunk of an answer, an idle provider is asked for the same.
        patience: without providers and progress, the download is given up.
        strikes: failures in a row before a provider counts as gone.
        largest: bytes there is room for.
    """

    slots: int = 2
    requests: int = 8
    longest_run: int = 64
    stall: float = 10.0
    slowest_chunk: float = 60.0
    hesitation: float = 2.0
    patience: float = 30.0
    strikes: int = 4
    largest: int = 1 << 62
