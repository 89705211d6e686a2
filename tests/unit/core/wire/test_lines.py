"""Questions and answers on the feed socket, byte by byte."""

import pytest

from kachery_core.wire.lines import (
    ASKED,
    LARGEST_QUESTION,
    LineAnswer,
    decode_answer,
    encode_answer,
    encode_question,
)


def test_a_question_is_its_size_what_is_asked_and_json():
    assert encode_question(ASKED["/messages/read"], b'{"a":1}') == b"\0\0\0\x08\x02" + b'{"a":1}'
    assert sorted(ASKED.values()) == [1, 2, 3]
    assert 5 + LARGEST_QUESTION < 1 << 32


def test_an_answer_comes_back_as_it_was():
    for facts, expected in ((b"", {}), (b'{"kachery-length":"7"}', {"kachery-length": "7"})):
        for is_error in (False, True):
            whole = encode_answer(b"body", facts, is_error=is_error)
            assert int.from_bytes(whole[:4], "big") == len(whole) - 4
            assert decode_answer(whole[4:]) == LineAnswer(is_error, expected, b"body")


def test_the_bytes_of_an_answer_are_as_documented():
    assert encode_answer(b"yes") == b"\0\0\0\x06\0\0\0yes"
    assert encode_answer(b"no", b"{}", is_error=True) == b"\0\0\0\x07\x01\0\x02{}no"


@pytest.mark.parametrize("false", [b"", b"\0", b"\0\0", b"\0\0\x02{]", b'\0\0\x07{"a":1}'])
def test_what_is_no_answer_is_refused(false):
    with pytest.raises(ValueError, match="not an answer"):
        decode_answer(false)
