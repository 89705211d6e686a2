"""How previews are shown: escaped HTML for notebooks, a few lines of text elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from kachery_jupyter.client.feed_html import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTH, _HEIGHT = 400, 120
_LINES_OF_TEXT, _LONGEST_LINE = 20, 120
_CELL = "text-align:left;padding:2px 12px 2px 0"
_BOX = "max-height:20em;overflow:auto;margin:0;white-space:pre-wrap"
_STROKES = ("#3b528b", "#21918c", "#5ec962", "#d95f02", "#7570b3", "#e7298a", "#a6761d", "#666666")

Facts = dict[str, Any]


def preview_html(facts: Facts) -> str:
    """A preview as HTML; whatever the content says stands in it as text.

    Args:
        facts: as `Preview.as_dict` gives them.
    """
    forms: dict[str, Callable[[Facts], str]] = {
        "array": _array,
        "json": _json,
        "text": lambda found: _pre(found["text"], cut=found["cut"]),
        "table": lambda found: _table(found["columns"], found["rows"], cut=found["cut"]),
        "image": lambda found: escape(_summary(found)),
        "folder": _folder,
        "bytes": _bytes,
    }
    return forms[facts["type"]](facts)


def preview_text(facts: Facts) -> str:
    """A preview as a few lines of text that cannot move the cursor of a terminal."""
    lines = [_summary(facts)]
    if facts["type"] == "text":
        lines += facts["text"].splitlines()
    elif facts["type"] == "json":
        lines += json.dumps(facts["value"], ensure_ascii=False, indent=1).splitlines()
    elif facts["type"] == "table":
        lines += ["  ".join(row) for row in (facts["columns"], *facts["rows"])]
    elif facts["type"] == "folder":
        lines += [f"{entry['name']}  {entry['size']:,} bytes" for entry in facts["entries"]]
    shown = [
        one_line(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…")
        for line in lines[:_LINES_OF_TEXT]
    ]
    return "\n".join(shown if len(lines) <= _LINES_OF_TEXT else [*shown, "…"])


def _summary(facts: Facts) -> str:
    """What it is, in a line."""
    kind, size = facts["type"], f"{facts['size']:,} bytes"
    if kind == "array":
        shape = " x ".join(map(str, facts["shape"])) or "single value"
        ends = (_short(facts["min"]), _short(facts["max"])) if "min" in facts else ()
        extent = f", {' to '.join(ends)}" if ends else ""
        missing = f", {facts['nan']:,} not a number" if facts.get("nan") else ""
        part = " in a sample" if facts["sampled"] else ""
        return f"array of {facts['dtype']}, {shape}{extent}{missing}{part}"
    if kind == "image":
        return f"{facts['mimetype']}, {facts['width']} x {facts['height']} pixels, {size}"
    if kind == "folder":
        return f"folder of {len(facts['entries'])}{' and more' if facts['cut'] else ''} files"
    if kind == "bytes":
        return f"{size}: {facts['hex'][:64]}…" if facts["size"] else size
    return f"{kind}, {size}"


def _short(number: float | str) -> str:
    return f"{number:.6g}" if isinstance(number, float) else str(number)


def _array(facts: Facts) -> str:
    head = f"<div>{escape(_summary(facts))}</div>"
    if "image" in facts:
        png = facts["image"]["png"]
        return (
            f'{head}<img alt="the array as an image" src="data:image/png;base64,{png}"'
            ' style="image-rendering:pixelated;min-width:128px;max-width:100%">'
        )
    if "lines" in facts:
        return head + lines_svg(facts["lines"], facts.get("labels"))
    return head + _pre("\n".join(facts["values"]), cut=False) if "values" in facts else head


def lines_svg(lines: list[list[float | None]], labels: list[str] | None = None) -> str:
    """Lines as a drawing; gaps where there is no value."""
    known = [value for line in lines for value in line if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    span = (high / 2 - low / 2) or 1.0
    drawn = []
    for line, stroke in zip(lines, _STROKES, strict=False):
        step = _WIDTH / max(len(line) - 1, 1)
        path, pen = [], "M"
        for index, value in enumerate(line):
            if value is None:
                pen = "M"
                continue
            part = (value / 2 - low / 2) / span
            path.append(f"{pen}{index * step:.1f} {_HEIGHT - part * _HEIGHT:.1f}")
            pen = "L"
        drawn.append(f'<path d="{"".join(path)}" fill="none" stroke="{stroke}"/>')
    names = " ".join(
        f'<span style="color:{stroke}">{escape(one_line(name))}</span>'
        for name, stroke in zip(labels or (), _STROKES, strict=False)
    )
    return (
        f'<svg role="img" aria-label="the values as lines" width="{_WIDTH}" height="{_HEIGHT}"'
        f' viewBox="-1 -1 {_WIDTH + 2} {_HEIGHT + 2}" style="max-width:100%">{"".join(drawn)}</svg>'
        + (f"<div>{names}</div>" if names else "")
    )


def _json(facts: Facts) -> str:
    return _pre(json.dumps(facts["value"], ensure_ascii=False, indent=1), cut=facts["cut"])


def _folder(facts: Facts) -> str:
    rows = [[entry["name"], f"{entry['size']:,}", entry["uri"]] for entry in facts["entries"]]
    return _table(["file", "bytes", "uri"], rows, cut=facts["cut"])


def _bytes(facts: Facts) -> str:
    problem = f"<div>{escape(facts['problem'])}</div>" if "problem" in facts else ""
    pairs = [facts["hex"][at : at + 2] for at in range(0, len(facts["hex"]), 2)]
    lines = [" ".join(pairs[at : at + 16]) for at in range(0, len(pairs), 16)]
    return problem + _pre("\n".join(lines), cut=2 * facts["size"] > len(facts["hex"]))


def _pre(text: str, *, cut: bool) -> str:
    return f'<pre style="{_BOX}">{escape(text)}{"…" if cut else ""}</pre>'


def _table(columns: list[str], rows: list[list[str]], *, cut: bool) -> str:
    head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    more = "<div>…</div>" if cut else ""
    return (
        '<div style="max-height:20em;overflow:auto"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>"
    )
