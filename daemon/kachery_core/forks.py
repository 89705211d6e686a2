"""Two histories of one subfeed, both signed by its writer: found, and proved to anybody.

A proof is the last entry both have in common and, from there, a signed run of batches of each.
Whoever has the feed's public key can check it; nobody but the writer can make one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import BrokenChainError
from kachery_core.messages import Batch, Head, SubfeedKey, chain, check_run, encode_batch
from kachery_core.runs import batches_from, head_at

if TYPE_CHECKING:
    from collections.abc import Iterator


class ForkProof(msgspec.Struct, frozen=True):
    """What proves a fork.

    Attributes:
        key: the subfeed.
        before: the head both histories share.
        ours: batches of one history from there on, the last one signed.
        theirs: batches of the other.
    """

    key: SubfeedKey
    before: Head
    ours: bytes
    theirs: bytes

    @property
    def index(self) -> int:
        """The first message that may differ."""
        return self.before.length


def find_fork(key: SubfeedKey, before: Head, ours: bytes, theirs: bytes) -> ForkProof | None:
    """Compare two runs of batches that begin at the same head.

    Returns:
        A proof if they are two histories; None if one continues the other.

    Raises:
        BrokenChainError, BadSignatureError: one of them is no history of this subfeed at all.
    """
    first, second = check_run(key, before, ours), check_run(key, before, theirs)
    shared = before.length
    for entry, other in zip(
        _entries(key, before, first), _entries(key, before, second), strict=False
    ):
        if entry != other:
            return _proof(key, before, first, second, shared)
        shared += 1
    return None


def check_fork(proof: ForkProof) -> None:
    """Check that a proof proves what it says.

    Raises:
        BrokenChainError, BadSignatureError: a part of it is forged.
        BrokenChainError: its two histories are one.
    """
    if find_fork(proof.key, proof.before, proof.ours, proof.theirs) is None:
        raise BrokenChainError("The two histories in this proof are one and the same.")


def _entries(key: SubfeedKey, before: Head, batches: list[Batch]) -> Iterator[bytes]:
    head = before
    for batch in batches:
        for payload in batch.payloads:
            head = chain(key, head, batch.time_us, [payload])
            yield head.entry


def _proof(
    key: SubfeedKey, before: Head, first: list[Batch], second: list[Batch], shared: int
) -> ForkProof:
    """Leave out what both have in common.

    By messages: the same messages may be cut into other batches, or signed at other places.
    """
    ours, theirs = (
        b"".join(map(encode_batch, batches_from(batches, shared))) for batches in (first, second)
    )
    return ForkProof(key, head_at(key, before, first, shared), ours, theirs)
