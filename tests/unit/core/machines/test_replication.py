"""Following a subfeed: the best source is asked, false ones are not, and nothing is missed."""

import heapq
import random

import pytest

from kachery_core.machines.replication import (
    CHECK_SECONDS,
    FIND_SECONDS,
    Check,
    Find,
    Read,
    Replication,
    Source,
)

WRITER, FOLLOWER, LIAR, MUTE = (
    Source("channel", name, "0" * 16) for name in ("writer", "follower", "liar", "mute")
)


def found(machine, now=0.0, **lengths):
    """A find that was answered by some sources."""
    assert Find() in machine.steps(now)
    sources = {"writer": WRITER, "follower": FOLLOWER, "liar": LIAR, "mute": MUTE}
    for name, length in lengths.items():
        machine.offered(sources[name], length, is_writer=name == "writer", now=now)
    machine.found(now)


def test_somebody_who_has_it_is_looked_for_first_and_again_while_nobody_is_there():
    machine = Replication(0)
    assert machine.steps(0.0) == [Find()]
    assert machine.steps(0.1) == []
    machine.found(0.5)
    assert machine.steps(0.5 + FIND_SECONDS[0] - 0.1) == []
    assert machine.steps(0.5 + FIND_SECONDS[0]) == [Find()]


def test_the_source_with_the_most_messages_is_read_from_and_of_equals_the_writer():
    machine = Replication(3)
    found(machine, follower=9, writer=5)
    assert machine.steps(0.0) == [Read(FOLLOWER, 3)]
    assert machine.expected == 9
    machine = Replication(3)
    found(machine, follower=9, writer=9)
    assert machine.steps(0.0) == [Read(WRITER, 3)]


def test_one_question_for_messages_at_a_time_until_all_are_there():
    machine = Replication(0)
    found(machine, writer=10)
    for held in (4, 8, 10):
        assert machine.steps(0.0) == [Read(WRITER, machine.held)]
        assert machine.steps(0.0) == []
        machine.grown(held)
        machine.read_ended(WRITER, "joined", 0.0)
    assert machine.steps(0.0) == [Check(WRITER, 10)]
    assert machine.expected == 10


def test_a_source_is_asked_now_and_then_whether_there_is_more():
    machine = Replication(5)
    found(machine, writer=5)
    asked = [now / 10 for now in range(200) if Check(WRITER, 5) in machine.steps(now / 10)]
    assert len(asked) == 20 / CHECK_SECONDS
    machine.offered(WRITER, 6, is_writer=True, now=20.0)
    machine.checked(WRITER, is_answered=True, now=20.0)
    assert machine.steps(20.0) == [Read(WRITER, 5)]


def test_checks_of_many_subfeeds_fall_on_the_same_moment():
    machines = [Replication(5) for _ in range(10)]
    for number, machine in enumerate(machines):
        found(machine, now=number / 7, writer=5)
        machine.steps(number / 7)
    for machine in machines:
        assert machine.steps(1.99) == []
        assert machine.steps(2.0) == [Check(WRITER, 5)]


def test_whether_the_writer_is_there_is_known_for_each_channel():
    machine = Replication(0)
    found(machine, follower=4)
    assert not machine.has_writer("channel")
    machine.offered(WRITER, 2, is_writer=True, now=1.0)
    assert machine.has_writer("channel")
    assert not machine.has_writer("another")


@pytest.mark.parametrize("outcome", ["nothing", "silent", "false"])
def test_who_does_not_deliver_is_left_alone_and_the_next_is_asked(outcome):
    machine = Replication(0)
    found(machine, liar=9, writer=5)
    assert machine.steps(0.0) == [Read(LIAR, 0)]
    machine.read_ended(LIAR, outcome, 0.0)
    assert machine.steps(0.0) == [Read(WRITER, 0)]
    machine.offered(LIAR, 9, is_writer=False, now=1.0)
    assert machine.expected == 5
    machine.offered(LIAR, 9, is_writer=False, now=6.0)
    assert machine.expected == (5 if outcome == "false" else 9)


def test_who_did_not_answer_a_check_is_replaced_by_whoever_is_found():
    machine = Replication(5)
    found(machine, writer=5)
    assert machine.steps(0.0) == [Check(WRITER, 5)]
    machine.checked(WRITER, is_answered=False, now=1.0)
    assert machine.steps(1.0) == []
    found(machine, now=3.0, follower=5)
    assert machine.steps(3.0) == [Check(FOLLOWER, 5)]


def test_a_channel_that_is_gone_takes_its_sources_with_it():
    machine = Replication(0)
    found(machine, writer=5)
    assert machine.steps(0.0) == [Read(WRITER, 0)]
    machine.gone(lambda source: source.channel == "channel")
    assert machine.expected == 0
    assert machine.steps(0.0) == [Find()]


def test_news_of_somebody_else_is_followed_up_even_while_looking():
    machine = Replication(0)
    found(machine, writer=0)
    machine.look_again()
    assert Find() in machine.steps(0.0)
    machine.look_again()
    machine.found(0.1)
    assert machine.steps(0.1) == [Find()]
    machine.found(0.2)
    assert Find() not in machine.steps(0.3)


def test_with_no_room_for_messages_nobody_is_asked_for_them():
    machine = Replication(0)
    found(machine, writer=5)
    assert machine.steps(0.0) == [Read(WRITER, 0)]
    machine.read_ended(WRITER, "joined", 0.0)
    machine.pause(10.0)
    assert machine.steps(9.0) == []
    assert machine.steps(10.0) == [Read(WRITER, 0)]


class World:
    """A writer that appends, others with copies, some false; answers take time or never come."""

    def __init__(self, rnd: random.Random) -> None:
        self.rnd = rnd
        self.machine = Replication(0)
        self.now = 0.0
        written = rnd.randrange(50)
        self.lengths = {WRITER: written, FOLLOWER: rnd.randint(0, written), LIAR: 60, MUTE: 70}
        self.is_up = dict.fromkeys(self.lengths, True)
        self.loss = rnd.choice((0.0, 0.2, 0.9))
        self.events: list = []
        self.reading: set = set()
        self.reads = dict.fromkeys(self.lengths, 0)
        self.finds = 0
        self.later(0.0, self.tick)

    def later(self, seconds, what, *arguments):
        event = (self.now + seconds, self.rnd.random(), what, arguments)
        heapq.heappush(self.events, event)

    def drive(self, until):
        while self.events[0][0] <= until:
            self.now, _, what, arguments = heapq.heappop(self.events)
            what(*arguments)
            for step in self.machine.steps(self.now):
                self.take(step)
        self.now = until

    def tick(self):
        self.later(0.5, self.tick)

    def take(self, step):
        answer_in = self.rnd.random() * 0.1
        if isinstance(step, Find):
            self.finds += 1
            self.later(answer_in, self.end_find)
        elif isinstance(step, Check):
            is_answered = self.is_up[step.source] and step.source != MUTE
            self.later(answer_in if is_answered else 2.0, self.end_check, step.source, is_answered)
        else:
            assert not self.reading, "two questions at a time"
            self.reading.add(step.source)
            self.reads[step.source] += 1
            silent = not self.is_up[step.source] or step.source == MUTE
            self.later(5.0 if silent else answer_in, self.end_read, step, silent)

    def end_find(self):
        for source, length in self.lengths.items():
            if self.is_up[source] and self.rnd.random() >= self.loss:
                self.offer(source, length)
        self.machine.found(self.now)

    def offer(self, source, length):
        self.machine.offered(source, length, is_writer=source == WRITER, now=self.now)

    def end_check(self, source, is_answered):
        if is_answered and self.lengths[source] > self.machine.held:
            self.offer(source, self.lengths[source])
        self.machine.checked(source, is_answered=is_answered, now=self.now)

    def end_read(self, step, silent):
        self.reading.discard(step.source)
        if silent:
            outcome = "silent"
        elif step.source == LIAR:
            outcome = "false"
        elif self.lengths[step.source] <= step.position:
            outcome = "nothing"
        else:
            size = self.rnd.randint(1, 10)
            self.machine.grown(min(self.lengths[step.source], step.position + size))
            outcome = "joined"
        self.machine.read_ended(step.source, outcome, self.now)

    def turn_off(self, source):
        self.is_up[source] = False

    def turn_on(self, source):
        self.is_up[source] = True

    def append(self):
        self.lengths[WRITER] += 1
        if self.rnd.random() >= self.loss and self.machine.held == self.lengths[WRITER] - 1:
            self.machine.grown(self.lengths[WRITER])  # told live
        elif self.rnd.random() >= self.loss:
            self.offer(WRITER, self.lengths[WRITER])


def test_in_2000_random_worlds_every_message_arrives_and_false_sources_are_asked_once():
    seed = 20261121
    print(f"seed {seed}")
    rnd = random.Random(seed)
    for number in range(2000):
        world = World(rnd)
        for _ in range(rnd.randrange(20)):
            world.later(rnd.random() * 40, world.append)
        for _ in range(rnd.randrange(3)):
            moment = rnd.random() * 40
            world.later(moment, world.turn_off, WRITER)
            world.later(moment + rnd.random() * 10, world.turn_on, WRITER)
        world.drive(60.0)
        world.is_up[WRITER] = True
        world.loss = 0.0
        world.drive(world.now + 60.0)
        assert world.machine.held == world.lengths[WRITER], number
        assert world.reads[LIAR] <= 1
        assert world.reads[MUTE] <= 120 / 10 + 1
        assert world.finds <= 120 / FIND_SECONDS[0] + 20
