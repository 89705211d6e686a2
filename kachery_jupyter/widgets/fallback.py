"""The browser where no widget runs: a table of what is stored, as text and as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_jupyter.client import holdings
from kachery_jupyter.client.feed_html import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 20
_CELL = "text-align:left;padding:2px 12px 2px 0"
_CODE = "font-family:var(--jp-code-font-family,monospace);user-select:all"
_HEADINGS = ("name", "kind", "bytes", "uri")


def plain_browser(search: str = "") -> tuple[str, str]:
    """The newest files that match, as text and as HTML."""
    try:
        found = holdings.list_files(search, _SHOWN)
    except KacheryError as problem:
        said = f"{problem.message} {problem.hint}".strip()
        return said, f"<div>{escape(said)}</div>"
    rows = [(one_line(one.name), one.kind, f"{one.size:,}", one_line(one.uri)) for one in found]
    if not rows:
        return "nothing is stored here", "<div>nothing is stored here</div>"
    return "\n".join("  ".join(row) for row in rows), _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th style="{_CELL}">{name}</th>' for name in _HEADINGS)
    body = "".join(
        "<tr>"
        + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in row[:-1])
        + f'<td style="{_CELL}"><code style="{_CODE}">{escape(row[-1])}</code></td></tr>'
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
