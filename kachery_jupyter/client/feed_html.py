"""How notebooks show feeds and subfeeds: escaped HTML, made of what is at hand."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING, Any

from kachery_core.errors import KacheryError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from kachery_core.wire.feeds import FeedInfo

    class Writeable(Protocol):
        """A feed, as far as its state is told."""

        @property
        def retired(self) -> dict[str, Any] | None:
            """How it ended, if it did."""
            ...

        @property
        def is_copy(self) -> int:
            """Whether another node writes it."""
            ...

        @property
        def is_writeable(self) -> int:
            """Whether it can be appended to here."""
            ...

    class Readable(Protocol):
        """A subfeed, as far as it is shown."""

        @property
        def uri(self) -> str:
            """Its URI."""
            ...

        def __len__(self) -> int: ...

        def payloads(self, start: int, end: int | None = None, wait_msec: int = 0) -> list[bytes]:
            """The JSON bytes of its messages."""
            ...


_CELL = "text-align:left;padding:2px 12px 2px 0"
_CODE = "font-family:var(--jp-code-font-family,monospace);user-select:all"
_MESSAGES_SHOWN = 5
_LONGEST_SHOWN = 200


def feed_state(feed: Writeable) -> str:
    """What cannot be done with a feed, in a word or two; nothing if it can be appended to."""
    if feed.retired is not None:
        return "retired"
    if feed.is_copy:
        return "copy"
    return "" if feed.is_writeable else "read only"


def feed_html(info: FeedInfo) -> str:
    """A feed as a table of what is known of it."""
    rows = [("feed", _code(info.uri))]
    if info.name is not None:
        rows.append(("name", escape(one_line(info.name))))
    if info.created_at:
        moment = datetime.fromtimestamp(info.created_at, timezone.utc).astimezone()
        rows.append(("kept since" if info.is_copy else "created", f"{moment:%Y-%m-%d %H:%M}"))
    if info.retired is not None:
        rows.append(("retired", escape(one_line(info.retired["reason"] or "yes"))))
        if info.retired["successor"]:
            rows.append(("successor", _code(info.retired["successor"])))
    elif info.is_copy:
        rows.append(("kept", "a copy of another node's feed"))
    elif not info.is_writeable:
        rows.append(("writeable", "no"))
    return _table(rows)


def subfeed_html(subfeed: Readable) -> str:
    """A subfeed as a table: how long it is, and its last messages."""
    rows = [("subfeed", _code(subfeed.uri))]
    try:
        length = len(subfeed)
        first = max(length - _MESSAGES_SHOWN, 0)
        payloads = subfeed.payloads(first, length)
    except KacheryError as problem:
        # It is shown because somebody looked at it, not because they asked for its messages.
        return _table([*rows, ("messages", escape(problem.message))])
    rows.append(("messages", f"{length:,}"))
    rows += [
        (str(index), f"<code>{escape(shown_message(payload))}</code>")
        for index, payload in enumerate(payloads, first)
    ]
    return _table(rows)


def shown_message(payload: bytes) -> str:
    """The beginning of a message's JSON, for people."""
    value: Any = json.loads(payload)
    text = one_line(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def one_line(text: str) -> str:
    """A text of anybody's on one line, without what moves cursors or reverses lines."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _code(text: str) -> str:
    return f'<code style="{_CODE}">{escape(text)}</code>'


def _table(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr><th style="{_CELL}">{escape(name)}</th><td style="{_CELL}">{html}</td></tr>'
        for name, html in rows
    )
    return f"<table><tbody>{body}</tbody></table>"
