"""What the magics show: text for terminals, escaped HTML for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from kachery_core.errors import KacheryError
from kachery_jupyter.client import holdings, previews
from kachery_jupyter.client.file_info import URI_MIMETYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_COMMAND_WIDTH = 28
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


class Stored(Shown):
    """Variables that were stored, and their URIs.

    Attributes:
        uris: the URI of each variable, by its name.
    """

    def __init__(self, uris: dict[str, str]) -> None:
        super().__init__(("name", "uri"), uris.items())
        self.uris = uris

    @override
    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """As text and HTML; a single one with its look, and as a chip for JupyterLab."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(include, exclude)
        if len(self.uris) != 1:
            return bundle
        try:
            facts = holdings.info(str(self))
            if facts is None:
                return bundle
            look = previews.preview(facts.uri, facts.name, facts.kind)._repr_html_()
        except KacheryError:
            # The node has gone since it was stored: the URI is what it was.
            return bundle
        html = f"{bundle['text/html']}{look}"
        return {**bundle, "text/html": html, URI_MIMETYPE: facts.chip()}

    @override
    def __repr__(self) -> str:
        if len(self.uris) == 1:
            return next(iter(self.uris.values()))
        return "\n".join(f"{name}: {uri}" for name, uri in self.uris.items())

    @override
    def __str__(self) -> str:
        return repr(self)


class Usage(Shown):
    """What can be typed and what it does; as it is laid out in terminals, a table elsewhere.

    Args:
        text: lines of two columns; what goes on begins with spaces.
    """

    def __init__(self, text: str) -> None:
        rows: list[tuple[str, str]] = []
        for line in text.splitlines():
            command, told = line[:_COMMAND_WIDTH].rstrip(), line[_COMMAND_WIDTH:].strip()
            if not command:
                command, begun = rows.pop()
                told = f"{begun} {told}"
            rows.append((command, told))
        super().__init__((), rows)
        self._text = text

    @override
    def __repr__(self) -> str:
        return self._text


def _printable(text: str) -> str:
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _cell(text: str) -> str:
    if text.startswith(("sha1://", "sha1dir://", "feed://", "%kc ", "%%kc ")):
        return f'<code style="{_CODE}">{escape(text)}</code>'
    return escape(text)
