"""Subjects: the addresses inside a channel. What each role may do with them: `kachery_core.roles`.

    members.record  members.ask  members.NODE     who belongs to the channel
    presence.NODE                                 who is there
    TOPIC.find                                    who has it? to all who provide
    TOPIC.get.NODE.INSTANCE                       questions to one of them
    TOPIC.live.TOKEN                              what is new, to all who asked for it lately
    archive.NODE                                  what passed, to an archive
    _INBOX_NODE.…                                 answers

TOPIC is files, feeds or tasks. NODE is the user nkey of a node, INSTANCE one run of it (16 hex
digits), so that a question never reaches the successor of who was asked. Nothing names content.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kachery_core.nkeys import user_nkey

if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Topic: TypeAlias = Literal["files", "feeds", "tasks"]

# Tokens between dots; no blanks, no wildcards.
_PLAIN = re.compile(r"[!-)+,\-/-=?-~]+(?:\.[!-)+,\-/-=?-~]+)*")

RECORD = "members.record"
ASK = "members.ask"
EVERY_PRESENCE = "presence.*"


def membership(node_id: str) -> str:
    """Where a node hears of its own new membership."""
    return f"members.{user_nkey(node_id)}"


def presence(node_id: str) -> str:
    """Where a node says that it is there."""
    return f"presence.{user_nkey(node_id)}"


def find(topic: Topic) -> str:
    """Where all who provide are asked who has something."""
    return f"{topic}.find"


def get(topic: Topic, node_id: str, instance: str) -> str:
    """Where one run of one node is asked for something."""
    return f"{topic}.get.{user_nkey(node_id)}.{instance}"


def live(topic: Topic, token: str) -> str:
    """Where something new is told (`capabilities.live_token`)."""
    return f"{topic}.live.{token}"


def archive(node_id: str) -> str:
    """Where an archive is told what passes."""
    return f"archive.{user_nkey(node_id)}"


def inbox_prefix(node_id: str) -> str:
    """What every subject begins with at which this node gets answers; a dot follows."""
    return f"_INBOX_{user_nkey(node_id)}"


def is_inbox_of(node_id: str, subject: str) -> bool:
    """Whether answers sent to a subject reach this node and nobody else.

    Whoever asks chooses where the answer goes: answers are sent to the asker's inbox or not at all.
    """
    prefix, dot, rest = subject.partition(".")
    return prefix == inbox_prefix(node_id) and dot == "." and is_plain(rest)


def is_plain(subject: str) -> bool:
    """Whether this is one subject: tokens between dots, without wildcards or blanks."""
    return _PLAIN.fullmatch(subject) is not None


def matches(pattern: str, subject: str) -> bool:
    """Whether a subject is one of those that a pattern stands for.

    `*` stands for one token, `>` at the end for one or more.
    """
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted.pop()
        if len(given) <= len(wanted):
            return False
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(
        want in {"*", have} for want, have in zip(wanted, given, strict=True)
    )
