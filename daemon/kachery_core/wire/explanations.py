"""Why something loads or does not: what the node saw when it looked, for people and programs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from kachery_core.roles import Role  # noqa: TC001 - msgspec reads the annotations
from kachery_core.wire.channels import LinkState  # noqa: TC001 - the same
from kachery_core.wire.local import Answer, Message

_LONGEST_URI = 8192


class ExplainQuery(Message, frozen=True):
    """What to explain: the URI of a content, a folder, a file in it, a feed or a subfeed."""

    uri: Annotated[str, msgspec.Meta(max_length=_LONGEST_URI)]


class ProviderFacts(Answer, frozen=True):
    """A node that may provide.

    Attributes:
        node_id: 64 hex digits.
        name: what the channel's owner calls it, or ''.
        is_archive: whether it keeps what passes.
        answer: whether it has what was looked for, has not, or did not answer in time.
        size: of what it has, in the explanation's unit; null if it has nothing.
        path: how bytes would come from there; '' if it has nothing.
        problem: what is wrong with it, for people; or ''.
    """

    node_id: str
    name: str
    is_archive: bool
    answer: Literal["has it", "has it not", "silent"]
    size: int | None = None
    path: Literal["direct", "hub", ""] = ""
    problem: str = ""


class ChannelFacts(Answer, frozen=True):
    """One channel, as it was when the node looked there.

    Attributes:
        name: what the channel is called.
        channel_id: account nkey.
        hub: where its hub is.
        state: whether it is reached, and if not, why.
        role: what this node needs to ask there.
        is_granted: whether the channel's owner granted it.
        is_enabled: whether it is enabled on this node.
        was_asked: whether the question was sent.
        problem: why it was not, or what went wrong, for people; or ''.
        advice: what to do about that; or ''.
        present: how many other nodes are there.
        providers: those of them that may provide.
        expires_at: when this node's membership ends, seconds since 1970.
        clock_offset: seconds by which this computer's clock is ahead of the hub's; null if unknown.
    """

    name: str
    channel_id: str
    hub: str
    state: LinkState
    role: Role
    is_granted: bool
    is_enabled: bool
    was_asked: bool
    problem: str
    advice: str
    present: int
    providers: list[ProviderFacts]
    expires_at: int
    clock_offset: float | None = None


class Explanation(Answer, frozen=True):
    """Where something was looked for, and what came of it.

    Attributes:
        uri: what was asked about.
        subject: what that is, for people: 'the content 6af826b3…'.
        is_here: whether it is on this node.
        here: what is here of it, for people.
        channels: where it was looked for; also where it could not be.
        conclusion: one sentence.
        advice: what to do; or ''.
        unit: what sizes count: bytes of a content, messages of a subfeed, subfeeds of a feed.
    """

    uri: str
    subject: str
    is_here: bool
    here: str
    channels: list[ChannelFacts]
    conclusion: str
    advice: str
    unit: str = "bytes"


class Check(Answer, frozen=True):
    """One thing that was looked at.

    Attributes:
        level: ok, warning or wrong.
        subject: what was looked at.
        text: what is the case.
        advice: what to do; or ''.
    """

    level: Literal["ok", "warning", "wrong"]
    subject: str
    text: str
    advice: str = ""


class Checks(Answer, frozen=True):
    """What the node finds when it looks at its channels and its way to other nodes."""

    checks: list[Check]
