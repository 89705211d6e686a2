"""What a feed refuses, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.errors import (
    FeedForkedError,
    FeedNotFoundError,
    FeedNotWriteableError,
    FeedRollbackError,
    InvalidInputError,
)
from kachery_core.feeds import control_subfeed, subfeed_hash
from kachery_core.messages import LARGEST_PAYLOAD
from kachery_core.wire.feeds import LARGEST_APPEND
from kachery_daemon.keyring import OWNER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kachery_core.feeds import SubfeedName
    from kachery_core.forks import ForkProof
    from kachery_core.messages import Head, SubfeedKey
    from kachery_daemon.feeds.log import SubfeedLog
    from kachery_daemon.feeds.registry import FeedRecord


def check_payloads(payloads: Sequence[bytes]) -> None:
    """Refuse an append without messages, or with one that is too large."""
    if not payloads:
        raise InvalidInputError("There is no message to append.")
    largest = max(map(len, payloads))
    if largest > LARGEST_PAYLOAD:
        raise InvalidInputError(
            f"A message has {largest:,} bytes; a feed takes at most {LARGEST_PAYLOAD:,}.",
            hint="Store the value (kc.store_json, kc.store_npy) and append its URI.",
        )
    size = sum(map(len, payloads)) + len(payloads)
    if size > LARGEST_APPEND:
        raise InvalidInputError(
            f"One append takes at most {LARGEST_APPEND:,} bytes; these messages have {size:,}.",
            hint="Append them in several calls.",
        )


def check_not_control(key: SubfeedKey) -> None:
    """Refuse messages in the subfeed that says how a feed ends."""
    if key.subfeed == control_subfeed():
        raise InvalidInputError(
            "This subfeed is kept for the end of the feed.", hint="Use retire() to end it."
        )


def check_name(key: SubfeedKey, name: SubfeedName) -> None:
    """Refuse a name that is another subfeed's."""
    if subfeed_hash(name) != key.subfeed:
        raise InvalidInputError(
            f"{name!r:.100} is not the name of the subfeed {key.subfeed}.",
            hint="A subfeed's hash follows from its name.",
        )


def check_owned(record: FeedRecord, writer: int) -> None:
    """Refuse whoever did not make the feed."""
    if record.is_copy and writer != OWNER:
        raise FeedNotWriteableError(
            f"The feed {record.feed} is a copy; this node's owner decides whether it is kept.",
            feed=record.feed,
        )
    if writer not in (OWNER, record.writer):
        raise FeedNotWriteableError(
            f"The feed {record.feed} belongs to another user of this computer.",
            hint="Create a feed of your own; everybody here can read it.",
            feed=record.feed,
        )


def check_writeable(record: FeedRecord, writer: int) -> None:
    """Refuse whoever did not make the feed, and everybody once it is retired."""
    if record.is_copy:
        raise FeedNotWriteableError(
            f"The feed {record.feed} is written by another node; here is a copy of it.",
            hint="Create a feed of your own.",
            feed=record.feed,
        )
    check_owned(record, writer)
    if record.retired is not None:
        successor = record.retired["successor"]
        raise FeedNotWriteableError(
            f"The feed {record.feed} is retired: {record.retired['reason'] or 'no reason given'}.",
            hint=f"Its successor is {successor}." if successor else "Create a new feed.",
            feed=record.feed,
            successor=successor,
        )


def ending(feed: str) -> FeedNotWriteableError:
    """The error for a feed whose end is being written just now."""
    return FeedNotWriteableError(
        f"The feed {feed} is being retired and takes no more messages.",
        hint="Ask for it again to learn what follows it.",
        feed=feed,
    )


def check_witness(log: SubfeedLog, seen: Head) -> None:
    """Refuse an older or another copy of a subfeed than the one seen before.

    Appending to it would give one index two messages.
    """
    if log.head.length < seen.length:
        raise FeedRollbackError(
            f"This copy of feed {log.key.feed} ends at message {log.head.length},"
            f" and {seen.length} were already written to it.",
            hint="It was restored from an older backup. Restore a newer one, or start a new feed"
            " and retire this one.",
            feed=log.key.feed,
            here=log.head.length,
            seen=seen.length,
        )
    if not log.contains(seen):
        raise other_than_seen(log.key, seen)


def other_than_seen(key: SubfeedKey, seen: Head) -> FeedForkedError:
    """The error for a history that is not the one seen before, of which only the head is known."""
    return FeedForkedError(
        f"Message {seen.length - 1} of feed {key.feed} is not the one seen before.",
        hint="Two copies of its node wrote the same feed. Its writer should start a new one.",
        feed=key.feed,
        subfeed=key.subfeed,
        index=seen.length - 1,
    )


def forked(proof: ForkProof) -> FeedForkedError:
    """The error for a feed with two histories."""
    return FeedForkedError(
        f"The feed {proof.key.feed} has two histories from message {proof.index} on,"
        " both signed by its writer.",
        hint="Messages before that can still be read. Its writer should retire it.",
        feed=proof.key.feed,
        subfeed=proof.key.subfeed,
        index=proof.index,
    )


def not_found(feed: str) -> FeedNotFoundError:
    """The error for a feed that is not here."""
    return FeedNotFoundError(
        f"The feed {feed} is not on this node.",
        hint="Check the URI; `kachery feed ls` lists the feeds that are here.",
        feed=feed,
    )
