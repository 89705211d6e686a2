"""What a node tells a program that listens: that something is different, not what it is now."""

from __future__ import annotations

from typing import Literal

import msgspec

from kachery_core.wire.local import Answer

Noun = Literal["files", "feeds", "channels", "transfers", "status"]
NOUNS: tuple[Noun, ...] = ("files", "feeds", "channels", "transfers", "status")


class EventLine(Answer, frozen=True, omit_defaults=True):
    """One line of the events of a node.

    Attributes:
        changed: what is worth being asked for again; empty says only that the node is still there.
    """

    changed: list[Noun] = msgspec.field(default_factory=list)
