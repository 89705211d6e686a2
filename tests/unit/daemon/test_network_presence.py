"""Who is there, and whose key is used twice."""

from __future__ import annotations

from kachery_core.roles import Role
from kachery_core.wire.node import Presence
from kachery_daemon.network.presence import GONE_SECONDS, HEARTBEAT_SECONDS, PresenceTable
from tests.support.channel_samples import ALICE, BOB, membership

OWN, OTHER, THIRD = "0" * 16, "1" * 16, "2" * 16
ROLES = (Role.PROVIDE_FILES, Role.REQUEST_FEEDS)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def table():
    clock = Clock()
    return PresenceTable(BOB.public_key, OWN, clock), clock


def said(instance=OTHER, roles=ROLES, **more):
    facts = {"is_archive": False, "version": "1", "record_version": 1, **more}
    return Presence(instance, list(roles), **facts)


def test_who_speaks_is_there_and_who_falls_silent_is_gone():
    there, clock = table()
    assert there.hear(membership(ALICE), said())
    assert [peer.node_id for peer in there.present()] == [ALICE.public_key]
    clock.now += HEARTBEAT_SECONDS
    assert not there.hear(membership(ALICE), said()), "nothing new"
    clock.now += GONE_SECONDS - 1
    assert not there.sweep()
    clock.now += 2
    assert there.sweep()
    assert there.present() == []
    assert there.hear(membership(ALICE), said())


def test_who_says_goodbye_is_gone_at_once():
    there, _ = table()
    there.hear(membership(ALICE), said())
    assert there.hear(membership(ALICE), said(is_leaving=True))
    assert there.present() == []
    assert not there.hear(membership(ALICE), said(is_leaving=True))


def test_who_was_there_when_the_hub_was_lost_is_expected_back_for_a_while():
    there, clock = table()
    there.hear(membership(ALICE), said())
    there.lose()
    assert there.present() == []
    assert [peer.node_id for peer in there.expected()] == [ALICE.public_key]
    assert there.expected(Role.REQUEST_FILES) == []
    assert there.hear(membership(ALICE), said()), "it is back"
    assert there.expected() == []
    there.lose()
    clock.now += GONE_SECONDS + 1
    assert there.expected() == []


def test_who_left_before_the_hub_was_lost_is_not_expected():
    there, _ = table()
    there.hear(membership(ALICE), said())
    there.hear(membership(ALICE), said(is_leaving=True))
    there.lose()
    assert there.expected() == []
    there.hear(membership(ALICE), said())
    there.lose()
    there.forget(ALICE.public_key)
    assert there.expected() == [], "it is no member any more"


def test_only_roles_that_are_granted_count():
    there, _ = table()
    granted = membership(ALICE, roles=[Role.PROVIDE_FILES])
    there.hear(granted, said(roles=list(Role), is_archive=True))
    (peer,) = there.present()
    assert peer.roles == {Role.PROVIDE_FILES}
    assert not peer.is_archive
    assert there.present(Role.PROVIDE_FILES)
    assert not there.present(Role.REQUEST_FEEDS)


def test_a_role_that_comes_or_goes_is_noticed():
    there, _ = table()
    there.hear(membership(ALICE), said())
    assert there.hear(membership(ALICE), said(roles=ROLES[:1]))


def test_this_node_is_not_one_of_the_others():
    there, _ = table()
    assert not there.hear(membership(BOB), said(OWN))
    assert there.present() == []
    assert there.doubled() == frozenset()


def test_a_node_that_was_restarted_is_no_second_one():
    there, clock = table()
    there.hear(membership(ALICE), said(OTHER))
    for _ in range(4):
        clock.now += HEARTBEAT_SECONDS
        there.sweep()
        there.hear(membership(ALICE), said(THIRD))
    assert there.doubled() == frozenset()
    assert [peer.instance for peer in there.present()] == [THIRD]


def test_two_nodes_with_one_key_are_noticed_and_forgotten_again():
    there, clock = table()
    for _ in range(2):
        for instance in (OTHER, THIRD):
            clock.now += 2
            there.hear(membership(ALICE), said(instance))
    assert there.doubled() == {ALICE.public_key}
    assert len(there.present()) == 1
    for _ in range(20):
        clock.now += HEARTBEAT_SECONDS
        there.hear(membership(ALICE), said(THIRD))
        there.sweep()
    assert there.doubled() == frozenset()


def test_another_node_with_this_nodes_key_is_noticed():
    there, clock = table()
    there.hear(membership(BOB), said(OTHER))
    assert there.doubled() == frozenset()
    clock.now += HEARTBEAT_SECONDS
    there.hear(membership(BOB), said(OTHER))
    assert there.doubled() == {BOB.public_key}
    assert there.present() == []


def test_however_often_a_key_is_used_little_is_remembered():
    there, _ = table()
    for number in range(1000):
        there.hear(membership(ALICE), said(f"{number:016x}"))
    assert len(there._heard[ALICE.public_key]) <= 8
