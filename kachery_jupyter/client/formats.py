"""Text and JSON as bytes and back, exactly: no translated line ends, no silent replacements."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from kachery_core.digests import json_bytes
from kachery_core.errors import InvalidInputError, MalformedContentError

# The escape by which ASCII-only JSON would carry half of a surrogate pair.
_SURROGATE = b"\\ud"


def encode_text(text: str) -> bytes:
    """Text as UTF-8.

    Raises:
        InvalidInputError: not text, or text that UTF-8 cannot hold.
    """
    if not isinstance(text, str):
        raise InvalidInputError(
            f"store_text takes text, not {type(text).__name__}.",
            hint="Use store_json, store_npy, store_pkl or store_bytes for other values.",
        )
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise InvalidInputError(
            f"The text cannot be written as UTF-8: half a character at {problem.start}.",
            hint="Remove it, or store the bytes with store_bytes.",
        ) from problem


def decode_text(data: bytes) -> str:
    """The text of UTF-8 bytes.

    Raises:
        MalformedContentError: they are not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise MalformedContentError(
            f"This content is not UTF-8 text: byte {problem.start} is not part of a character.",
            hint="Use load_bytes, and decode it as what it is.",
        ) from problem


def encode_json(value: Any) -> bytes:
    """A JSON value in kachery's spelling.

    Raises:
        InvalidInputError: not a JSON value; NaN, infinities and half characters included.
    """
    data = json_bytes(value)
    if _SURROGATE in data and _has_half_characters(value):
        raise InvalidInputError(
            "A text in this value has half a character in it.", hint="Remove it, or use store_pkl."
        )
    return data


def decode_json(data: bytes) -> Any:
    """The value of JSON bytes.

    Raises:
        MalformedContentError: not JSON, or beyond what Python reads safely.
    """
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError as problem:
        raise _not_json("it is nested too deeply") from problem
    except ValueError as problem:
        if isinstance(problem, MalformedContentError):
            raise
        raise _not_json(str(problem)) from problem
    if _SURROGATE in data.lower() and _has_half_characters(value):
        raise _not_json("a text in it has half a character")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _not_json(f"{name} is not a JSON number")


def _not_json(why: str) -> MalformedContentError:
    return MalformedContentError(
        f"This content is not JSON: {why}.", hint="Use load_bytes to look at it."
    )


def _has_half_characters(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
