"""What is kept for who comes late."""

from __future__ import annotations

import numpy as np

from kachery_jupyter.streams.history import History


def packet(number: int, size: int = 10) -> np.ndarray:
    return np.full(size, number, np.uint8)


def kept(history: History) -> list[int]:
    return [int(packet[0]) for packet in history]


def test_the_oldest_go_first():
    history = History()
    for number in range(6):
        history.add("a", packet(number), 35)
    assert kept(history) == [3, 4, 5]


def test_each_publisher_has_its_own_limit_and_leaves_alone():
    history = History()
    for number in range(4):
        history.add("a", packet(number), 100)
        history.add("b", packet(10 + number), 20)
    assert kept(history) == [0, 1, 2, 12, 3, 13]
    history.forget("a")
    assert kept(history) == [12, 13]
    history.add("a", packet(9), 100)
    assert kept(history) == [12, 13, 9]


def test_what_is_larger_than_the_limit_leaves_no_hole():
    history = History()
    history.add("a", packet(1), 15)
    history.add("a", packet(2, 100), 15)
    assert kept(history) == []
    history.add("a", packet(3), 15)
    assert kept(history) == [3]


def test_there_is_a_most_of_packets_too():
    history = History()
    for _ in range(1500):
        history.add("a", packet(1), 1 << 30)
    assert len(history) == 1000
