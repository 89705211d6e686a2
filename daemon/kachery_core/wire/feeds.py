"""The messages between a node and the programs on its computer, about feeds.

Messages of a feed travel as batches (kachery_core.messages), so that the program verifies what
the node read from its disk.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from kachery_core.wire.local import Answer, Count, Message, Name

# Headers of an answer that carries batches: what is before them, and how far the subfeed goes.
BEFORE_HEADER = "Kachery-Before"
LENGTH_HEADER = "Kachery-Length"

# The lengths as well: a pattern's end is also before a last newline, and one subfeed under two
# spellings would be two logs.
FeedId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
SubfeedHash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$", max_length=40)]
Entry = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
AppendId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=600_000)]
# More would make one answer large; a reader asks again.
LONGEST_READ = 16 << 20
# All messages of one append together, with their commas; a batch of them is sent whole.
LARGEST_APPEND = 32 << 20
# What is compared at once ends with a signature: two such appends at most, in base64.
LARGEST_COMPARISON = 96 << 20


class NewFeed(Message, frozen=True):
    """A feed to make; a name is for its maker only. The same creation id is the same feed."""

    name: Name | None = None
    creation_id: AppendId | None = None


class LookQuery(Message, frozen=True):
    """Where to look for a feed that is not here, and how long at most."""

    channel: Name = ""
    timeout_seconds: Annotated[float, msgspec.Meta(ge=0, le=600)] | None = None


class FeedQuery(Message, frozen=True):
    """The feed its maker calls by a name."""

    name: Name | None = None


class SubfeedInfo(Answer, frozen=True):
    """One subfeed of a feed."""

    subfeed: str
    name: Any
    length: int


class FeedInfo(Answer, frozen=True):
    """One feed.

    Attributes:
        feed: its public key.
        uri: its URI.
        name: what its maker calls it, or null.
        is_writeable: whether the asker may append to it.
        created_at: seconds since 1970.
        retired: {"successor", "reason"}, or null.
        subfeeds: those whose names are known here; empty in lists.
        legacy: whether an old kachery daemon wrote it; then it can only be read.
        is_copy: whether another node writes it, and here is a verified copy.
    """

    feed: str
    uri: str
    name: str | None
    is_writeable: bool
    created_at: float
    retired: dict[str, Any] | None
    subfeeds: list[SubfeedInfo]
    legacy: bool = False
    is_copy: bool = False


class FeedList(Answer, frozen=True):
    """Feeds, the newest first."""

    feeds: list[FeedInfo]


class NewMessages(Message, frozen=True):
    """Messages to append; the same append id is the same append, however often it is sent."""

    feed: FeedId
    subfeed: SubfeedHash
    append_id: AppendId
    messages: list[msgspec.Raw]
    name: Any = None


class Appended(Answer, frozen=True):
    """Where the messages are now, durably: [first, first + count)."""

    first: int
    count: int


class ReadRequest(Message, frozen=True):
    """Which messages to send; waits for the first of them if there is none yet.

    Messages that another node writes are brought from the channels, or from the one that is named.
    """

    feed: FeedId
    subfeed: SubfeedHash
    position: Count = 0
    max_bytes: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_READ)] = 1 << 20
    wait_msec: Milliseconds = 0
    channel: Name = ""


class LegacyRequest(Message, frozen=True):
    """Which messages of an old feed to send."""

    feed: FeedId
    subfeed: SubfeedHash
    position: Count = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class LegacyMessages(Answer, frozen=True):
    """Signed messages as the old daemon wrote them, and how many there are in all."""

    messages: list[msgspec.Raw]
    length: int


class Comparison(Message, frozen=True):
    """A run of batches from elsewhere, to be compared with those here."""

    feed: FeedId
    subfeed: SubfeedHash
    before_length: Count
    before_entry: Entry
    run: bytes


class Compared(Answer, frozen=True):
    """They agree, as far as both go."""

    length: int


class Position(Message, frozen=True):
    """Where a reader is in a subfeed."""

    feed: FeedId
    subfeed: SubfeedHash
    position: Count


class Watch(Message, frozen=True):
    """Subfeeds to wait for, all at once."""

    positions: Annotated[list[Position], msgspec.Meta(max_length=10_000)]
    wait_msec: Milliseconds = 0
    channel: Name = ""


class Ready(Answer, frozen=True):
    """Which of the watched subfeeds have a message at their position, by place in the list."""

    ready: list[int]


class Retirement(Message, frozen=True):
    """Why a feed ends, and what follows it."""

    successor: str | None = None
    reason: Annotated[str, msgspec.Meta(max_length=1000)] = ""
