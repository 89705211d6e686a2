"""Which bytes a Range header asks for."""

import pytest

from kachery_core.errors import InvalidRangeError
from kachery_daemon.api.ranges import parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=2-99", (2, 10)),
    ],
)
def test_a_range_is_cut_to_the_content(header: str, expected: tuple[int, int]) -> None:
    assert parse_range(header, 10) == expected


@pytest.mark.parametrize(
    "header", [None, "", "bytes=-", "bytes=3-1", "bytes=0-1,3-4", "chunks=0-1", "bytes=a-b"]
)
def test_what_is_not_one_range_asks_for_everything(header: str | None) -> None:
    assert parse_range(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=-0", "bytes=11-12"])
def test_a_range_without_a_byte_is_refused(header: str) -> None:
    with pytest.raises(InvalidRangeError):
        parse_range(header, 10)


def test_nothing_of_empty_content_can_be_asked_for() -> None:
    with pytest.raises(InvalidRangeError):
        parse_range("bytes=0-", 0)
