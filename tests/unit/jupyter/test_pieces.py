"""Whatever is read of content that comes by pieces is what the content has there."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from kachery_core.errors import InvalidRangeError
from kachery_jupyter.client.pieces import LARGEST_PIECE, Pieces
from tests.support.samples import sample

DATA = sample(9_000_000, "pieces")
MOVES = st.lists(
    st.tuples(st.sampled_from(["read", "set", "forward", "end"]), st.integers(0, len(DATA) + 1000)),
    max_size=30,
)


class Noted(Pieces):
    def __init__(self) -> None:
        super().__init__("noted", len(DATA))
        self.asked: list[tuple[int, int]] = []

    @override
    def piece(self, start: int, end: int) -> bytes:
        assert 0 <= start < end <= len(DATA)
        assert end - start <= LARGEST_PIECE
        self.asked.append((start, end))
        return DATA[start:end]


@given(MOVES)
def test_it_reads_and_seeks_as_any_file(moves: list[tuple[str, int]]) -> None:
    real = io.BytesIO(DATA)
    with Noted().open() as file:
        for move, amount in moves:
            if move == "read":
                assert file.read(amount) == real.read(amount)
            elif move == "set":
                assert file.seek(amount) == real.seek(amount)
            elif move == "forward":
                step = amount // 10
                assert file.seek(step, io.SEEK_CUR) == real.seek(step, io.SEEK_CUR)
            else:
                assert file.seek(-amount // 2, io.SEEK_END) == real.seek(-amount // 2, io.SEEK_END)
            assert file.tell() == real.tell()


def test_a_part_is_asked_for_in_pieces_that_fit_into_an_answer() -> None:
    noted = Noted()
    assert noted.read(10, LARGEST_PIECE + 20) == DATA[10 : LARGEST_PIECE + 20]
    assert noted.asked == [(10, LARGEST_PIECE + 10), (LARGEST_PIECE + 10, LARGEST_PIECE + 20)]
    assert noted.read(5, 5) == b""
    assert noted.read() == DATA
    with pytest.raises(InvalidRangeError):
        noted.read(0, len(DATA) + 1)


def test_nobody_seeks_before_the_beginning() -> None:
    with Noted().open() as file, pytest.raises(ValueError, match="negative"):
        file.raw.seek(-1)
