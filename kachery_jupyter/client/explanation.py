"""How an explanation is shown: text for terminals, a table for notebooks, JSON for programs."""

from __future__ import annotations

from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kachery_core.wire import explanations
    from kachery_core.wire.explanations import ChannelFacts, ProviderFacts

_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"
# A clock that is off by less is no reason for anything.
_NOTICED_SECONDS = 5
_SHORT = 12


class Explanation:
    """Where something was looked for, and what came of it.

    Attributes:
        uri: what was asked about.
        is_here: whether it is on this node.
        channels: where it was looked for, and where it could not be; each with its `providers`.
        conclusion: one sentence.
        advice: what to do; or ''.
    """

    def __init__(self, facts: explanations.Explanation) -> None:
        self._facts = facts
        self.uri = facts.uri
        self.is_here = facts.is_here
        self.channels = facts.channels
        self.conclusion = facts.conclusion
        self.advice = facts.advice

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        value: dict[str, Any] = msgspec.to_builtins(self._facts)
        return value

    @override
    def __repr__(self) -> str:
        lines = [f"{head:<14}{text}".rstrip() for head, text in self._rows()]
        return _printable("\n".join([*lines, "", *self._end()]))

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="{_CELL}">{_shown(head)}</th>'
            f'<td style="{_CELL}">{_shown(text)}</td></tr>'
            for head, text in self._rows()
        )
        first, *more = self._end()
        end = f"<p><b>{_shown(first)}</b> {' '.join(map(_shown, more))}</p>"
        return f"<table><tbody>{rows}</tbody></table>{end}"

    def _end(self) -> list[str]:
        return [self.conclusion, *([self.advice] if self.advice else [])]

    def _rows(self) -> Iterator[tuple[str, str]]:
        facts = self._facts
        yield "about", facts.subject
        yield "here", facts.here or ("yes" if facts.is_here else "no")
        for channel in facts.channels:
            yield f"channel {channel.name}", _channel_text(channel)
            for provider in channel.providers:
                yield "", f"{_name_of(provider)}: {_provider_text(provider, facts.unit)}"


def _channel_text(channel: ChannelFacts) -> str:
    said: list[str] = ["reached" if channel.state == "connected" else channel.state]
    if not channel.is_granted:
        said.append(f"{channel.role} is not granted")
    elif not channel.is_enabled:
        said.append(f"{channel.role} is granted, but disabled here")
    else:
        said.append(f"{channel.role} is granted and enabled")
    said.append("asked" if channel.was_asked else "not asked")
    if channel.was_asked:
        said.append(_count_text(channel))
    if channel.clock_offset is not None and abs(channel.clock_offset) >= _NOTICED_SECONDS:
        direction = "ahead of" if channel.clock_offset > 0 else "behind"
        said.append(f"this clock is {abs(channel.clock_offset):,.0f} s {direction} the hub's")
    end = datetime.fromtimestamp(channel.expires_at, timezone.utc).astimezone()
    text = f"{', '.join(said)}; member until {end:%Y-%m-%d}"
    return " ".join([f"{text}.", *filter(None, (channel.problem, channel.advice))])


def _count_text(channel: ChannelFacts) -> str:
    nodes = "node" if channel.present == 1 else "nodes"
    return f"{channel.present} other {nodes} there, {len(channel.providers)} may provide"


def _provider_text(provider: ProviderFacts, unit: str) -> str:
    said: list[str] = [provider.answer if provider.answer != "silent" else "did not answer"]
    if provider.size is not None:
        said.append(f"{provider.size:,} {unit}")
    if provider.path == "direct":
        said.append("reached directly")
    elif provider.path == "hub":
        said.append("reached through the hub")
    return ", ".join(said) + (f". {provider.problem}" if provider.problem else "")


def _name_of(provider: ProviderFacts) -> str:
    kind = "archive" if provider.is_archive else "node"
    return f"{kind} {provider.name or provider.node_id[:_SHORT]}"


def _shown(text: str) -> str:
    return escape(_printable(text))


def _printable(text: str) -> str:
    """Names come from anybody: they must not move the cursor of a terminal."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )
