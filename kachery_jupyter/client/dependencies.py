"""What this program loaded and what it made, by URI: what a notebook depends on.

Noted as it happens, from the start of the program (or kernel) on.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING, Any

from kachery_jupyter.client.feed_html import one_line
from kachery_jupyter.client.origins import origin, origin_text

if TYPE_CHECKING:
    from collections.abc import Iterator

# A program that loads millions is no notebook; nobody reads such a list.
_MOST = 10_000
_CELL = "text-align:left;padding:2px 12px 2px 0"
_CODE = "font-family:var(--jp-code-font-family,monospace);user-select:all"

_is_noting: ContextVar[bool] = ContextVar("_is_noting", default=True)
_loaded: dict[str, dict[str, Any]] = {}
_stored: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Dependencies:
    """The URIs that a run of a notebook or program depends on, and those it made.

    Attributes:
        source: the notebook or program.
        at: when the list was made.
        loaded: of what came from before or from elsewhere: {"uri", "cell" (its number, in a
            notebook), "time"}.
        stored: the same of what was stored, and of feeds that were written.
        is_whole: False if there was more than is kept.
    """

    source: str
    at: datetime
    loaded: list[dict[str, Any]] = field(default_factory=list)
    stored: list[dict[str, Any]] = field(default_factory=list)
    is_whole: bool = True

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {
            "source": self.source,
            "at": self.at.isoformat(timespec="seconds"),
            "loaded": self.loaded,
            "stored": self.stored,
            "is_whole": self.is_whole,
        }

    def to_json(self) -> str:
        """The same as JSON text, to be kept beside the notebook."""
        return json.dumps(self.as_dict(), indent=1, ensure_ascii=False)

    def __repr__(self) -> str:
        lines = [" ".join(row) for row in self._rows()] or ["nothing was loaded or stored"]
        return "\n".join([one_line(self.source), *map(one_line, lines)])

    def _repr_html_(self) -> str:
        body = "".join(
            f'<tr><td style="{_CELL}">{escape(how)}</td><td style="{_CELL}">{escape(cell)}</td>'
            f'<td style="{_CELL}"><code style="{_CODE}">{escape(one_line(uri))}</code></td></tr>'
            for how, cell, uri in self._rows()
        )
        rows = body or "<tr><td>nothing was loaded or stored</td></tr>"
        return f"<table><caption>{escape(one_line(self.source))}</caption>{rows}</table>"

    def _rows(self) -> list[tuple[str, str, str]]:
        return [
            (how, f"cell {one['cell']}" if "cell" in one else "", one["uri"])
            for how, ones in (("loaded", self.loaded), ("stored", self.stored))
            for one in ones
        ]


def freeze() -> Dependencies:
    """The URIs that this notebook or program has loaded and stored since it started.

    What it stored itself and then loaded again is what it made, not what it depends on.

    Returns:
        A table in notebooks; `as_dict()` and `to_json()` for machines.
    """
    made = set(map(_identity, _stored))
    return Dependencies(
        source=origin_text({name: fact for name, fact in origin().items() if name != "cell"}),
        at=datetime.now(timezone.utc).astimezone(),
        loaded=[one for uri, one in list(_loaded.items()) if _identity(uri) not in made],
        # Of a folder and its listing, which are one content, the folder.
        stored=list({_identity(uri): one for uri, one in list(_stored.items())}.values()),
        is_whole=max(len(_loaded), len(_stored)) < _MOST,
    )


def note_loaded(uri: str) -> None:
    """Remember that this was loaded, or read, by its URI."""
    _note(_loaded, uri)


def note_stored(uri: str) -> str:
    """Remember that this was stored, or written to; its URI again."""
    _note(_stored, uri)
    return uri


@contextmanager
def unnoted() -> Iterator[None]:
    """Within the block nothing is remembered: what is loaded and stored is only bookkeeping."""
    token = _is_noting.set(False)
    try:
        yield
    finally:
        _is_noting.reset(token)


def forget_notes() -> None:
    """Begin a new run."""
    _loaded.clear()
    _stored.clear()


def _note(notes: dict[str, dict[str, Any]], uri: str) -> None:
    if not _is_noting.get() or (uri not in notes and len(notes) >= _MOST):
        return
    cell = origin().get("cell")
    moment = datetime.now(timezone.utc).isoformat(timespec="seconds")
    notes[uri] = {"uri": uri, "time": moment, **({} if cell is None else {"cell": cell})}


def _identity(uri: str) -> str:
    """What all URIs of the same content have in common; that of a feed itself."""
    start, _, rest = uri.partition("://")
    return rest[:40] if start in ("sha1", "sha1dir") else uri
