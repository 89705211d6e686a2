"""How a program asks its node for content that is on other nodes: whole, or a range of bytes."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from kachery_core.wire.local import Answer, Count, ErrorFacts, Message, Name

Sha1 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
ManifestSha1 = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{40})?$")]
MOST_AT_ONCE = 1000
LARGEST_RANGE = 16 << 20


class WantedContent(Message, frozen=True):
    """One content to have here.

    Attributes:
        sha1: of the content.
        manifest: SHA-1 of the chunk table that its URI names, or ''.
        name: what it is called here.
    """

    sha1: Sha1
    manifest: ManifestSha1 = ""
    name: Name = ""


class LoadRequest(Message, frozen=True):
    """Contents to have here.

    Attributes:
        uris: the contents.
        channels: names of the only channels to ask; null for all where this node may request.
        timeout_seconds: after this long the load fails; null for as long as bytes arrive.
    """

    uris: Annotated[list[WantedContent], msgspec.Meta(max_length=MOST_AT_ONCE)]
    channels: Annotated[list[Name], msgspec.Meta(max_length=100)] | None = None
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None


class LoadProgress(Answer, frozen=True):
    """How far a load is.

    Attributes:
        done: bytes that are here and verified.
        total: bytes of all that was found so far.
        rate: bytes per second, lately.
        providers: nodes that send at the moment.
        path: how the bytes come: direct, hub, both, or '' while none come.
    """

    done: int
    total: int
    rate: float
    providers: int
    path: Literal["", "direct", "hub", "both"] = ""


class LoadLine(Answer, frozen=True, omit_defaults=True):
    """One line of the answer to a load; each has one of the three.

    Attributes:
        progress: sent several times a second while the load goes on.
        done: the last line: for each content whether it is here now.
        asked: beside `done`: the names of the channels that were asked.
        error: the last line: what went wrong; what came before it is kept.
    """

    progress: LoadProgress | None = None
    done: list[bool] | None = None
    asked: list[str] | None = None
    error: ErrorFacts | None = None


class RangeQuery(Message, frozen=True):
    """Bytes [start, end) of a content; the empty range only asks how many bytes there are."""

    sha1: Sha1
    start: Count
    end: Count
    manifest: ManifestSha1 = ""
    channel: Name | None = None


class TransferFacts(Answer, frozen=True):
    """A content that is on its way here.

    Attributes:
        sha1: of the content.
        name: what it will be called.
        done: bytes that are here and verified.
        total: bytes of it; 0 before that is known.
        senders: who sends at the moment, `channel id/node id`, and on which way: direct or hub.
        blamed: who sent something wrong.
    """

    sha1: str
    name: str
    done: int
    total: int
    senders: dict[str, str]
    blamed: list[str]


class Transfers(Answer, frozen=True):
    """What goes on between this node and others.

    Attributes:
        sent_chunks: of 1 MiB, sent to other nodes since the start.
        received_chunks: the same, received and right.
        coming: what is on its way here.
    """

    sent_chunks: int
    received_chunks: int
    coming: list[TransferFacts]
