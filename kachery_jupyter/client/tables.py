"""Tables for people: text for terminals, escaped HTML for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CELL = "text-align:left;padding:2px 12px 2px 0"
_CODE = "font-family:var(--jp-code-font-family,monospace);user-select:all"


class Shown:
    """Rows under headings, for people.

    Args:
        headings: of the columns; none are shown if empty.
        rows: one text per column.
    """

    def __init__(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        self.headings = tuple(headings)
        # Names come from anybody: they must not move the cursor of a terminal.
        self.rows = [tuple(map(_printable, row)) for row in rows]

    @override
    def __repr__(self) -> str:
        lines = [row for row in [self.headings, *self.rows] if row]
        if not lines:
            return "nothing"
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude  # the caller filters
        return {"text/plain": repr(self), "text/html": self._html()}

    def _html(self) -> str:
        head = "".join(f'<th style="{_CELL}">{escape(text)}</th>' for text in self.headings)
        body = "".join(
            "<tr>" + "".join(f'<td style="{_CELL}">{_cell(text)}</td>' for text in row) + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _printable(text: str) -> str:
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _cell(text: str) -> str:
    if text.startswith(("sha1://", "sha1dir://", "feed://", "%kc ", "%%kc ")):
        return f'<code style="{_CODE}">{escape(text)}</code>'
    return escape(text)
