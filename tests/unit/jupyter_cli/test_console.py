"""What the shell command says to people."""

import pytest

from kachery_jupyter.cli.console import count_of, printable, shown_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (12_345, "12 kB"),
        (999_999, "1.0 MB"),
        (200_000_128, "200 MB"),
        (5 * 10**17, "500 PB"),
        (5 * 10**18, "5000 PB"),
    ],
)
def test_a_size_is_shown_as_people_say_it(size, text):
    assert shown_size(size) == text


def test_one_is_not_many():
    assert count_of(1, "file") == "1 file"
    assert count_of(0, "file") == "0 files"
    assert count_of(12_000, "file") == "12,000 files"


def test_a_name_cannot_play_with_the_terminal():
    assert printable("a\033[31mb\n") == "a\ufffd[31mb\ufffd"
    assert printable("é世") == "é世"
