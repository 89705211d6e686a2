"""What was asked for and is not answered: how long it may take, and who else may be asked."""

from kachery_core.machines.asked import Asked
from kachery_core.machines.candidates import Claim, Provider
from kachery_core.machines.chunks import Chunks
from kachery_core.machines.steps import Limits

CLAIM = Claim(1 << 30, "ab")


def test_an_answer_without_bytes_stalls_and_so_does_a_chunk_that_trickles() -> None:
    asked = Asked(Limits(stall=10, slowest_chunk=60))
    request = asked.add(Provider("a", CLAIM), {0}, 0.0)
    assert asked.stalled(9.9) == []
    assert asked.stalled(10.0) == [request]
    request.heard_at = 59.0
    assert asked.stalled(59.9) == []
    assert asked.stalled(60.0) == [request]
    request.is_stopped = True
    assert asked.stalled(99.0) == []


def test_a_provider_is_asked_for_so_much_at_a_time() -> None:
    asked, provider = Asked(Limits(slots=2, requests=3)), Provider("a", CLAIM)
    assert asked.has_room(provider, 0.0)
    first = asked.add(provider, {0}, 0.0)
    asked.add(provider, {1}, 0.0)
    assert not asked.has_room(provider, 0.0)
    other = Provider("b", CLAIM)
    asked.add(other, {2}, 0.0)
    assert not asked.has_room(other, 0.0)
    asked.remove(first.number)
    assert asked.has_room(other, 0.0)
    other.rests_until = 1.0
    assert not asked.has_room(other, 0.5)


def test_an_idle_provider_helps_out_with_what_others_do_not_send() -> None:
    asked, chunks = Asked(Limits(hesitation=2)), Chunks(8)
    slow, idle = Provider("a", CLAIM), Provider("b", CLAIM, run=2)
    asked.add(slow, chunks.assigned(0, 4), 0.0)
    chunks.arrived(0)
    assert asked.run_of_somebody_else(idle, chunks, 1.0) is None
    assert asked.run_of_somebody_else(slow, chunks, 3.0) is None
    assert asked.run_of_somebody_else(idle, chunks, 3.0) == (1, 2)
    assert asked.run_of_somebody_else(idle, chunks, 3.0) is None


def test_what_somebody_else_has_sent_is_needless() -> None:
    asked, chunks = Asked(Limits()), Chunks(2)
    request = asked.add(Provider("a", CLAIM), chunks.assigned(0, 2), 0.0)
    chunks.arrived(0)
    assert asked.needless(chunks) == []
    chunks.arrived(1)
    assert asked.needless(chunks) == [request]


def test_a_table_is_asked_of_another_if_the_first_hesitates() -> None:
    asked, first, second = Asked(Limits(hesitation=2)), Provider("a", CLAIM), Provider("b", CLAIM)
    asked.add(first, set(), 0.0, CLAIM)
    assert not asked.may_ask_for_table(second, 1.0)
    assert asked.may_ask_for_table(second, 2.0)
    assert not asked.may_ask_for_table(first, 2.0)
