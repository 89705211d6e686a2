"""Runs of batches from another node: checked, cut, and joined to a chain that is held here.

The messages in a run are the writer's, and its last signature proves all of them. How they are cut
into batches, and what stands where signatures inside the run should be, is only the word of whoever
sent it. So a run is cut where it is needed, by messages, and of the signatures inside it few are
kept, each one checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import BrokenChainError
from kachery_core.messages import (
    LARGEST_PAYLOAD,
    Head,
    chain,
    check_head,
    check_run,
    decode_batches,
    encode_batch,
)

if TYPE_CHECKING:
    from kachery_core.messages import Batch, SubfeedKey

# A run that is read back later begins anywhere and ends at a signature: they must not be far apart.
_SIGNED_EVERY = 64 << 10
_BATCH_OVERHEAD = 142


def check_foreign_run(key: SubfeedKey, before: Head, data: bytes) -> list[Batch]:
    """The batches of a run that somebody sent, if the feed's writer made them.

    Raises:
        BrokenChainError: they do not continue `before`, the last is not signed, there are none, or
            a message is larger than a feed may have.
        BadSignatureError: the last is signed by somebody else.
    """
    batches = check_run(key, before, data)
    if not batches:
        raise BrokenChainError("There are no messages in this run.")
    if any(len(payload) > LARGEST_PAYLOAD for batch in batches for payload in batch.payloads):
        raise BrokenChainError(f"A message in this run has more than {LARGEST_PAYLOAD:,} bytes.")
    return batches


def head_at(key: SubfeedKey, before: Head, batches: list[Batch], length: int) -> Head:
    """The head of a checked run where the chain has `length` entries, also inside a batch.

    Raises:
        BrokenChainError: the run does not go through there.
    """
    if before.length == length:
        return before
    for batch in batches:
        if batch.first < length <= batch.head.length:
            return chain(key, before, batch.time_us, batch.payloads[: length - batch.first])
        before = batch.head
    raise BrokenChainError(f"This run does not go through message {length}.")


def batches_from(batches: list[Batch], length: int) -> list[Batch]:
    """The messages of a checked run from number `length` on; a batch that began before is cut."""
    rest = []
    for batch in batches:
        if batch.head.length <= length:
            continue
        if batch.first < length:
            payloads = batch.payloads[length - batch.first :]
            rest.append(msgspec.structs.replace(batch, first=length, payloads=payloads))
        else:
            rest.append(batch)
    return rest


def cut_run(key: SubfeedKey, before: Head, data: bytes, length: int) -> tuple[Head, bytes]:
    """The part of a run of one's own that begins exactly at message number `length`.

    Returns:
        The head there, and the batches from there on.
    """
    if before.length == length:
        return before, data
    batches = [batch for batch, _ in decode_batches(data)]
    start = head_at(key, before, batches, length)
    return start, b"".join(map(encode_batch, batches_from(batches, length)))


def with_few_signatures(key: SubfeedKey, batches: list[Batch]) -> list[Batch]:
    """A checked run with its last signature, and one for each 64 KiB before it.

    Raises:
        BadSignatureError: one that would be kept is not the writer's.
    """
    kept = []
    size = 0
    for batch in batches[:-1]:
        size += sum(map(len, batch.payloads)) + _BATCH_OVERHEAD
        if not batch.signature:
            kept.append(batch)
        elif size < _SIGNED_EVERY:
            kept.append(msgspec.structs.replace(batch, signature=b""))
        else:
            check_head(key, batch.head, batch.signature)
            kept.append(batch)
            size = 0
    return [*kept, *batches[-1:]]
