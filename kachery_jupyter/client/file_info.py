"""What is known of one content or several, and how notebooks show it."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from kachery_jupyter.client.origins import origin_text
from kachery_jupyter.client.tables import Shown

if TYPE_CHECKING:
    from datetime import datetime

# JupyterLab shows it as a chip, with the extension of this package.
URI_MIMETYPE = "application/vnd.kachery.uri+json"
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000
_MOST_SHOWN = 100


@dataclass(frozen=True)
class FileInfo:
    """What is known of one content.

    Attributes:
        uri: what loads it.
        name: what it was stored as.
        kind: text, json, npy, pkl, bytes, file, link or folder.
        size: bytes.
        sha1: of the bytes.
        path: where they are; None if they are in the trash.
        stored_at: when it was stored; None if nobody noted it.
        pinned: it is never let go to make room.
        link: it is a file of the user's, where it was linked.
        manifest: SHA-1 of the manifest its URI names, or ''.
        fetched: it came from another node and may be let go to make room.
        trashed: it was removed and can still be restored.
        origin: the notebook with its cell, the program or the node it comes from.
    """

    uri: str
    name: str
    kind: str
    size: int
    sha1: str
    path: str | None = None
    stored_at: datetime | None = None
    pinned: bool = False
    link: bool = False
    manifest: str = ""
    fetched: bool = False
    trashed: bool = False
    origin: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        stored_at = self.stored_at.isoformat() if self.stored_at else None
        return {**asdict(self), "stored_at": stored_at}

    def rows(self) -> list[tuple[str, str]]:
        """Names and values for people."""
        values = {**self.as_dict(), "origin": origin_text(self.origin) or self.origin}
        if self.stored_at:
            values["stored_at"] = f"{self.stored_at.astimezone():%Y-%m-%d %H:%M:%S}"
        return [(name, str(value)) for name, value in values.items()]

    def chip(self) -> dict[str, Any]:
        """What a front end needs to show its URI: uri, name, kind, size in bytes."""
        return {"uri": self.uri, "name": self.name, "kind": self.kind, "size": self.size}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude  # the caller filters
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for name, value in self.rows()
        )
        return {
            "text/plain": repr(self),
            "text/html": f"<table>{rows}</table>",
            URI_MIMETYPE: self.chip(),
        }


class FileList(list[FileInfo]):
    """What is known of several contents; shown as a table of the first hundred."""

    @override
    def __repr__(self) -> str:
        return "\n".join([repr(self._table()), *self._more()]) if self else "nothing"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude  # the caller filters
        shown: dict[str, Any] = self._table()._repr_mimebundle_()
        more = "".join(f"<div>{line}</div>" for line in self._more())
        return {"text/plain": repr(self), "text/html": shown["text/html"] + more}

    def _table(self) -> Shown:
        rows = [
            (one.uri, one.kind, f"{one.size:,}", _moment(one.stored_at), origin_text(one.origin))
            for one in self[:_MOST_SHOWN]
        ]
        return Shown(("uri", "kind", "size", "stored", "from"), rows)

    def _more(self) -> list[str]:
        more = len(self) - _MOST_SHOWN
        return [f"and {more:,} more"] if more > 0 else []


def size_text(size: int) -> str:
    """A number of bytes as people read it: '1.23 MB'."""
    value, unit = float(size), 0
    while value >= _THOUSAND and unit < len(_UNITS) - 1:
        value, unit = value / _THOUSAND, unit + 1
    if unit:
        return f"{value:.3g} {_UNITS[unit]}"
    return "1 byte" if size == 1 else f"{size} bytes"


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""
