"""Finds where two histories of a subfeed part: the one here and the one of another node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.messages import outline_batches
from kachery_core.runs import check_foreign_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kachery_core.forks import ForkProof
    from kachery_core.messages import Head, SubfeedKey
    from kachery_daemon.feeds.copies import Copies
    from kachery_daemon.system.threads import Threads

    # A run of the other node from a position on, and the head before it.
    Ask = Callable[[int], Awaitable[tuple[Head, bytes]]]


async def find_split(
    copies: Copies, threads: Threads, key: SubfeedKey, differs_at: int, ask: Ask
) -> ForkProof | None:
    """Halve the way to a place where both differ, until the place where they begin to.

    Args:
        copies: what is here.
        threads: for checking signatures.
        key: the subfeed.
        differs_at: a length at which the heads differ; both have it.
        ask: what the other node has.

    Returns:
        The proof; None if the other node does not stand by what it said.

    Raises:
        BrokenChainError, BadSignatureError: what it sent is no history of this subfeed.
    """
    same, different = 0, differs_at
    while same < different:
        middle = (same + different) // 2
        before, data = await ask(middle)
        if before.length != middle or not data:
            return None
        await threads.run(check_foreign_run, key, before, data)
        if await copies.head(key, middle) != before:
            different = middle
            continue
        proof = await copies.prove(key, before, data)
        if proof is not None:
            return proof
        *_, last = outline_batches(data)
        same = last.head.length
    return None
