"""Messages as bytes and back; arrays and bytes in them are kept as content and referred to.

A reference is `{"$kachery": "sha1://..."}`; reading gives back the array or the bytes.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import msgspec
import orjson

from kachery_core.errors import InvalidInputError, MalformedContentError
from kachery_core.uris import is_content_uri
from kachery_jupyter.client.loading import load_bytes, load_npy
from kachery_jupyter.client.storing import store_bytes, store_npy

_REFERENCE = "$kachery"
# What json.dumps refuses is refused here as well.
_PLAIN = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
# Beyond its first 65,536 characters, Unicode is two halves in ASCII-only JSON.
_HALF_CHARACTER = re.compile(rb"\\ud[89a-f]")
_PAIR = re.compile(rb"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")
_MARK = b'"$kachery"'


def encode_message(message: Any) -> bytes:
    """The JSON bytes of a message.

    Raises:
        InvalidInputError: not a JSON value.
    """
    try:
        data = orjson.dumps(message, default=_reference, option=_PLAIN)
    except (TypeError, RecursionError):
        # Numbers beyond 64 bits, keys that are numbers, or something that is no JSON at all.
        return _encode_carefully(message)
    # orjson writes NaN and infinities as null; only text with a null in it can hold one.
    return _encode_carefully(message) if b"null" in data else data


def encode_messages(messages: list[Any]) -> bytes:
    """The JSON array of some messages, as an append sends it.

    Written in one go: the many small pieces took longer than what is in them.

    Raises:
        InvalidInputError: one is not a JSON value.
    """
    try:
        data = orjson.dumps(messages, default=_reference, option=_PLAIN)
    except (TypeError, RecursionError):
        data = b"null"
    # What one of them needs, each of them gets: see `encode_message`.
    return b"[%b]" % b",".join(map(encode_message, messages)) if b"null" in data else data


def _encode_carefully(message: Any) -> bytes:
    try:
        text = json.dumps(message, separators=(",", ":"), allow_nan=False, default=_reference)
    except (TypeError, ValueError, RecursionError) as problem:
        if isinstance(problem, InvalidInputError):
            raise
        raise InvalidInputError(
            f"This message cannot be written as JSON: {problem}.",
            hint="Use dicts with text keys, lists, text, finite numbers, arrays and bytes.",
        ) from problem
    data = text.encode("ascii")
    if _HALF_CHARACTER.search(data) and _HALF_CHARACTER.search(_PAIR.sub(b"", data)):
        raise InvalidInputError(
            "A text in this message has half a character in it.", hint="Remove it."
        )
    return data


def decode_messages(payloads: list[bytes]) -> list[Any]:
    """The messages of JSON bytes.

    Raises:
        MalformedContentError: the feed's writer signed something that is not JSON.
    """
    decode = msgspec.json.Decoder().decode
    try:
        # One by one: joined, a forged payload could borrow a bracket from its neighbour.
        messages = [decode(payload) for payload in payloads]
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise MalformedContentError(f"A message of the feed is not JSON: {problem}.") from problem
    # All of them at once first: to look into each takes half as long as to decode it.
    if b"$" in b"".join(payloads) and any(_MARK in payload for payload in payloads):
        return [_resolved(message) for message in messages]
    return messages


def _reference(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return {_REFERENCE: store_bytes(bytes(value))}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.ndarray):
            return {_REFERENCE: store_npy(value)}
        if isinstance(value, numpy.generic):
            return value.item()
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _resolved(value: Any) -> Any:
    if isinstance(value, list):
        return [_resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    uri = value.get(_REFERENCE)
    if len(value) == 1 and isinstance(uri, str) and is_content_uri(uri):
        content = load_npy(uri) if ".npy" in uri else load_bytes(uri)
        return value if content is None else content
    return {key: _resolved(item) for key, item in value.items()}
