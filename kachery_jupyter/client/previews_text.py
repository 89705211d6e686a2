"""How text, tables and JSON look: their beginnings, whatever follows."""

from __future__ import annotations

import csv
import math
import re
from typing import Any

from kachery_core.errors import MalformedContentError
from kachery_jupyter.client.formats import decode_json
from kachery_jupyter.client.previews_forms import JsonPreview, TablePreview, TextPreview

TEXT_BYTES = 20_000
TABLE_BYTES = 1 << 16
JSON_BYTES = 1 << 18
_MOST_NODES = 500
# Of one list, so that there is room for what is in it.
_MOST_MEMBERS = 100
_LONGEST_TEXT = 1000
_DEEPEST = 50
_ROWS, _COLUMNS, _LONGEST_CELL = 50, 100, 200
# What is neither a letter nor a line's end stands in no text; escape codes of terminals do.
_NOT_TEXT = re.compile(r"[\0-\x07\x0e-\x1a\x1c-\x1f]")
_CLOSING = {"[": "]", "{": "}"}
_JSON_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]|"', re.DOTALL)


def decoded_start(head: bytes, *, is_whole: bool) -> str | None:
    """The text of the first bytes of a content; None if it is no text."""
    for spare in range(1 if is_whole else 4):
        try:
            text = head[: len(head) - spare].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue  # the last character may have been cut
        return None if _NOT_TEXT.search(text) else text
    return None


def text_preview(head: bytes, size: int) -> TextPreview | None:
    """The beginning of a text; None if it is none."""
    start = head[:TEXT_BYTES]
    text = decoded_start(start, is_whole=len(start) == size)
    return None if text is None else TextPreview(size, text, len(start) < size)


def table_preview(head: bytes, size: int, delimiter: str) -> TablePreview | None:
    """The beginning of a table in text; None if it is none.

    Args:
        head: the first `TABLE_BYTES`.
        size: bytes of the whole.
        delimiter: between cells; '' to find out.
    """
    start = head[:TABLE_BYTES]
    is_whole = len(start) == size
    text = decoded_start(start, is_whole=is_whole)
    if text is None or not text.strip():
        return None
    lines = text.splitlines(keepends=True)
    if not is_whole and len(lines) > 1:
        lines.pop()  # it may have been cut
    try:
        rows = _read_rows(lines, delimiter or _delimiter_of(lines[0]))
    except csv.Error:
        return None
    if not rows:
        return None
    width = min(max(map(len, rows)), _COLUMNS)
    cells = [_as_wide(row, width) for row in rows]
    cut = not is_whole or len(rows) > _ROWS + 1 or any(len(row) > _COLUMNS for row in rows)
    return TablePreview(size, cells[0], cells[1 : _ROWS + 1], cut)


def json_preview(head: bytes, size: int) -> JsonPreview:
    """A JSON value, or the beginning of one.

    Raises:
        MalformedContentError: not JSON, as far as was read.
    """
    start = head[:JSON_BYTES]
    is_whole = len(start) == size
    value = decode_json(start if is_whole else _closed(start))
    shown, cut = shortened(value)
    return JsonPreview(size, shown, cut or not is_whole)


def shortened(value: Any) -> tuple[Any, bool]:
    """A value of few nodes, the outer ones first; and whether anything is missing.

    Numbers that JSON has no word for become null, other values the text that stands for them.
    """
    top: list[Any] = [None]
    waiting: list[tuple[Any, Any, Any]] = [(value, top, 0)]
    left, cut = _MOST_NODES, False
    for level in range(_DEEPEST):
        following: list[tuple[Any, Any, Any]] = []
        for item, holder, key in waiting:
            copy, is_cut = _single(item)
            cut |= is_cut
            holder[key] = copy
            if level == _DEEPEST - 1:
                cut |= bool(_members(item))
                continue
            members = _members(item)
            room = min(max(left, 0), _MOST_MEMBERS)
            cut |= len(members) > room
            for name, member in members[:room]:
                if isinstance(copy, list):
                    copy.append(None)
                following.append((member, copy, name))
            left -= len(members[:room])
        waiting = following
    return top[0], cut


def _single(item: Any) -> tuple[Any, bool]:
    """One node without what is in it."""
    if isinstance(item, dict):
        return {}, False
    if isinstance(item, (list, tuple, set, frozenset)):
        return [], False
    if isinstance(item, float):
        return (item if math.isfinite(item) else None), False
    if item is None or isinstance(item, (bool, int)):
        return item, False
    text = item if isinstance(item, str) else repr(item)
    return text[:_LONGEST_TEXT], len(text) > _LONGEST_TEXT


def _members(item: Any) -> list[tuple[Any, Any]]:
    if isinstance(item, dict):
        return [(str(key)[:_LONGEST_TEXT], member) for key, member in item.items()]
    if isinstance(item, (list, tuple, set, frozenset)):
        return list(enumerate(item))
    return []


def _closed(start: bytes) -> bytes:
    """The beginning of a JSON text, cut behind its last whole part and closed again.

    Raises:
        MalformedContentError: it is not the beginning of any.
    """
    text = decoded_start(start, is_whole=False)
    if text is None:
        raise MalformedContentError("This content is not JSON: it is not text.")
    open_parts: list[str] = []
    end, closing = 0, ""
    for found in _JSON_PARTS.finditer(text):
        part = found[0]
        if part == '"' or len(open_parts) > _DEEPEST:
            break  # the text is cut within a string, or deeper than anybody looks
        if part in ("]", "}"):
            if not open_parts or open_parts.pop() != part:
                raise MalformedContentError("This content is not JSON: its brackets do not match.")
            continue
        if part in _CLOSING:
            open_parts.append(_CLOSING[part])
        if part in (*_CLOSING, ","):
            end = found.start() if part == "," else found.end()
            closing = "".join(reversed(open_parts))
    return (text[:end] + closing).encode()


def _read_rows(lines: list[str], delimiter: str) -> list[list[str]]:
    rows = []
    for row in csv.reader(lines, delimiter=delimiter):
        rows.append(row)
        if len(rows) > _ROWS + 1:
            break
    return rows


def _delimiter_of(line: str) -> str:
    return max((",", ";", "\t"), key=line.count)


def _as_wide(row: list[str], width: int) -> list[str]:
    cells = [cell[:_LONGEST_CELL] for cell in row[:width]]
    return cells + [""] * (width - len(cells))
