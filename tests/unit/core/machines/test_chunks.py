"""Which chunks are here, which are coming, which are next."""

from kachery_core.machines.chunks import Chunks, Wishes


def test_runs_go_from_the_first_missing_chunk_to_the_next_that_is_not() -> None:
    chunks = Chunks(10)
    chunks.arrived(2)
    assert chunks.next_run([(0, 10)], longest=8) == (0, 2)
    chunks.assigned(0, 2)
    assert chunks.next_run([(0, 10)], longest=4) == (3, 4)
    assert chunks.next_run([(9, 99), (0, 10)], longest=4) == (9, 1)
    assert chunks.next_run([(0, 3)], longest=4) is None
    assert (chunks.missing, chunks.here) == (7, 1)


def test_what_does_not_come_is_missing_again_and_what_came_stays() -> None:
    chunks = Chunks(4)
    assert chunks.assigned(0, 4) == {0, 1, 2, 3}
    chunks.arrived(1)
    chunks.released({0, 1, 2, 3})
    assert (chunks.missing, chunks.here) == (3, 1)
    assert chunks.assigned(0, 4) == {0, 2, 3}
    for index in range(4):
        chunks.arrived(index)
    assert chunks.are_all_here
    assert chunks.has(0, 4)


def test_wishes_are_forgotten_when_they_are_fulfilled_but_everything_stays() -> None:
    wishes, chunks = Wishes(), Chunks(4)
    wishes.add_everything()
    wishes.add_everything()
    wishes.add(1, 2)
    assert wishes.all_of()[0] == (1, 2)
    assert len(wishes.all_of()) == 2
    chunks.arrived(1)
    wishes.forget_fulfilled(chunks)
    assert len(wishes.all_of()) == 1
    wishes.clear()
    assert not wishes
