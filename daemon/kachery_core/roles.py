"""Roles: what a member of a channel may do. Pure: the same answer at every node, and at the hub.

The channel's owner grants roles; a node's user enables them. What counts is what is granted and
enabled. The hub keeps members from other subjects by the permissions in their memberships; every
node checks each message it gets again, by `may_send`, because a hub is only trusted to carry.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kachery_core import subjects
from kachery_core.nkeys import user_nkey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from kachery_core.subjects import Topic

    class Granted(Protocol):
        """What the channel's owner allowed a node: a membership, or one to be made."""

        @property
        def node_id(self) -> str:
            """64 hex digits."""
            ...

        @property
        def roles(self) -> frozenset[Role]:
            """Of the six."""
            ...

        @property
        def is_owner(self) -> bool:
            """Whether it may decide who belongs to the channel."""
            ...

        @property
        def is_archive(self) -> bool:
            """Whether it may be told what passes."""
            ...


class Role(str, enum.Enum):
    """What a member may do in a channel."""

    REQUEST_FILES = "request-files"
    PROVIDE_FILES = "provide-files"
    REQUEST_FEEDS = "request-feeds"
    PROVIDE_FEEDS = "provide-feeds"
    REQUEST_TASKS = "request-tasks"
    PROVIDE_TASKS = "provide-tasks"

    def __str__(self) -> str:
        return self.value

    @property
    def topic(self) -> Topic:
        """What it is about."""
        return _TOPICS[self.value.partition("-")[2]]

    @property
    def is_request(self) -> bool:
        """Whether it is about asking; else it is about answering."""
        return self.value.startswith("request-")

    @property
    def other_side(self) -> Role:
        """The role of who answers this one, or asks it."""
        verb = "provide" if self.is_request else "request"
        return Role(f"{verb}-{self.topic}")


_TOPICS: dict[str, Topic] = {"files": "files", "feeds": "feeds", "tasks": "tasks"}
ALL_ROLES = frozenset(Role)
REQUEST_ROLES = frozenset(role for role in Role if role.is_request)
# Messages per question, and nanoseconds, that the hub lets an answer take.
_MOST_ANSWERS = 1024
_LONGEST_ANSWER = 60_000_000_000


def effective_roles(
    granted: Iterable[Role], enabled: Iterable[Role] | None = None
) -> frozenset[Role]:
    """The roles that count; a node that never chose has everything enabled that is granted."""
    return frozenset(granted) if enabled is None else frozenset(granted) & frozenset(enabled)


def permissions(granted: Granted) -> dict[str, Any]:
    """The permissions of a membership, as NATS reads them: `pub`, `sub` and `resp`."""
    # An empty list would allow everything; both always have something in them.
    return {
        "pub": {"allow": list(_sends(_facts(granted)))},
        "sub": {"allow": list(_receives(_facts(granted)))},
        "resp": {"max": _MOST_ANSWERS, "ttl": _LONGEST_ANSWER},
    }


def may_send(granted: Granted, subject: str) -> bool:
    """Whether a member may send to this subject; answers, to inboxes, are another matter."""
    return subjects.is_plain(subject) and any(
        subjects.matches(pattern, subject) for pattern in _sends(_facts(granted))
    )


def may_receive(granted: Granted, subject: str) -> bool:
    """Whether a member may read what is sent to this subject."""
    return subjects.is_plain(subject) and any(
        subjects.matches(pattern, subject) for pattern in _receives(_facts(granted))
    )


def _facts(granted: Granted) -> tuple[str, frozenset[Role], bool, bool]:
    return granted.node_id, granted.roles, granted.is_owner, granted.is_archive


@lru_cache(maxsize=4096)
def _sends(facts: tuple[str, frozenset[Role], bool, bool]) -> tuple[str, ...]:
    node_id, roles, is_owner, _ = facts
    allowed = ["members.>"] if is_owner else [subjects.ASK]
    allowed.append(subjects.presence(node_id))
    for role in sorted(roles):
        if role.is_request:
            allowed += [subjects.find(role.topic), f"{role.topic}.get.>"]
        elif role.topic != "files":
            allowed.append(subjects.live(role.topic, ">"))
    if roles & REQUEST_ROLES:
        allowed.append("archive.>")
    return tuple(allowed)


@lru_cache(maxsize=4096)
def _receives(facts: tuple[str, frozenset[Role], bool, bool]) -> tuple[str, ...]:
    node_id, roles, is_owner, is_archive = facts
    allowed = [subjects.RECORD, subjects.membership(node_id), subjects.EVERY_PRESENCE]
    allowed.append(f"{subjects.inbox_prefix(node_id)}.>")
    if is_owner:
        allowed.append(subjects.ASK)
    for role in sorted(roles):
        if not role.is_request:
            allowed += [subjects.find(role.topic), f"{role.topic}.get.{user_nkey(node_id)}.>"]
        elif role.topic != "files":
            allowed.append(subjects.live(role.topic, ">"))
    if is_archive:
        allowed.append(subjects.archive(node_id))
    return tuple(allowed)
