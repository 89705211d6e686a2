"""Messages as lines of JSON."""

import io
import json

import pytest

from kachery_jupyter.cli.messages import _batches, _one_line


class Trickle(io.RawIOBase):
    """Gives a few bytes at a time, as a pipe may."""

    def __init__(self, pieces):
        self.pieces = list(pieces)

    def readable(self):
        return True

    def read1(self, _size):
        return self.pieces.pop(0) if self.pieces else b""


@pytest.mark.parametrize(
    ("pieces", "batches"),
    [
        ([], []),
        ([b"1\n2\n"], [[b"1", b"2"]]),
        ([b"1\n2"], [[b"1"], [b"2"]]),
        ([b"1", b"2", b"\n3\n"], [[b"12", b"3"]]),
        ([b"1\r\n", b"\n", b"2"], [[b"1\r"], [b""], [b"2"]]),
    ],
)
def test_lines_are_given_as_soon_as_they_are_whole(pieces, batches):
    assert list(_batches(Trickle(pieces))) == batches


@pytest.mark.parametrize(
    "text",
    [
        '{"n":1}',
        '"\x7f \x85 \x9b \u2028 \u202e \\ud800 \U000e0001 \U0001f600 é"',
        '{"spaced" :\n[1,\t2] }',
        '"\\u001b[31m"',
        "1.0",
        "123456789012345678901234567890",
        "true",
    ],
)
def test_any_json_is_one_harmless_line_of_the_same_value(text):
    line = _one_line(text.encode())
    assert json.loads(line) == json.loads(text)
    assert all(letter.isprintable() for letter in line.decode())


def test_letters_that_can_be_shown_are_shown():
    assert _one_line('"é\U0001f600"'.encode()) == '"é\U0001f600"'.encode()
