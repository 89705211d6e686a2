"""Questions and answers on the node's feed socket: appending, reading and waiting without HTTP.

    question: size of the rest (u32) | what is asked (u8) | JSON, as over HTTP
    answer:   size of the rest (u32) | 0, or 1 for an error (u8) | size of the facts (u16)
              | facts: JSON, names and texts, as HTTP's headers | body, as over HTTP

Integers are big-endian. One question at a time: who asks waits for the answer.
"""

from __future__ import annotations

import struct

import msgspec

from kachery_core.wire.feeds import LARGEST_APPEND

# What can be asked here, by its address below the API's path, and how it is written.
ASKED = {"/messages/append": 1, "/messages/read": 2, "/messages/watch": 3}
# The rest of a question: a little more than the messages of the largest append.
LARGEST_QUESTION = LARGEST_APPEND + (1 << 20)
SIZE = struct.Struct(">I")

_QUESTION = struct.Struct(">IB")
_ANSWER = struct.Struct(">IBH")
_ANSWER_REST = struct.Struct(">BH")
_decode_facts = msgspec.json.Decoder(dict[str, str]).decode


class LineAnswer(msgspec.Struct, frozen=True):
    """An answer taken apart."""

    is_error: bool
    facts: dict[str, str]
    body: bytes


def encode_question(asked: int, body: bytes) -> bytes:
    """The bytes of a question; `asked` is one of ASKED."""
    return _QUESTION.pack(1 + len(body), asked) + body


def encode_answer(body: bytes, facts: bytes = b"", *, is_error: bool = False) -> bytes:
    """The bytes of an answer."""
    size = _ANSWER_REST.size + len(facts) + len(body)
    return b"".join((_ANSWER.pack(size, is_error, len(facts)), facts, body))


def decode_answer(rest: bytes | bytearray) -> LineAnswer:
    """The answer in the bytes after its size.

    Raises:
        ValueError: it is none.
    """
    try:
        kind, facts_size = _ANSWER_REST.unpack_from(rest)
        start = _ANSWER_REST.size + facts_size
        facts = rest[_ANSWER_REST.size : start]
        # A view first: a run of batches is some megabytes, which are copied once here.
        body = bytes(memoryview(rest)[start:])
        return LineAnswer(bool(kind), _decode_facts(facts) if facts else {}, body)
    except (struct.error, msgspec.MsgspecError) as problem:
        raise ValueError(f"not an answer: {problem}") from problem
