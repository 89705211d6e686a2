"""Which fetched content to let go when it takes more than its share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class _Evictable(Protocol):
        @property
        def size(self) -> int: ...
        @property
        def pinned(self) -> bool: ...
        @property
        def fetched(self) -> bool: ...


T = TypeVar("T", bound="_Evictable")


def choose_evictions(oldest_first: Sequence[T], quota_bytes: int) -> list[T]:
    """The contents to let go so that the fetched ones fit the quota.

    Own and pinned content is never chosen; of the rest, the least recently used go first.

    Args:
        oldest_first: contents, the least recently used first.
        quota_bytes: what fetched content may take together, pinned content included.
    """
    total = sum(content.size for content in oldest_first if content.fetched)
    chosen = []
    for content in oldest_first:
        if total <= quota_bytes:
            break
        if content.fetched and not content.pinned:
            chosen.append(content)
            total -= content.size
    return chosen
