"""What an owner signs: whatever the clock does, what is newer is later and what is out is out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from kachery_core.errors import InvalidInvitationError, MembershipRevokedError
from kachery_core.invitations import open_letter
from kachery_core.keys import SeedSigner
from kachery_core.memberships import check_membership
from kachery_core.roles import ALL_ROLES, Role
from kachery_daemon.channels import decisions
from kachery_daemon.channels.decisions import MEMBERSHIP_SECONDS, Wish
from kachery_daemon.channels.membership import is_half_over
from tests.support.channel_samples import (
    ALICE,
    ALICE_SEED,
    BOB,
    BOB_SEED,
    CHANNEL,
    CHANNEL_ID,
    NOW,
    OWNER,
    seed,
)


def founded(now=NOW):
    return decisions.found(CHANNEL, "lab", OWNER.public_key, now, MEMBERSHIP_SECONDS)


def issued(record, now=NOW, node=ALICE, after=0):
    wish = Wish(node.public_key, frozenset({Role.REQUEST_FILES}))
    return decisions.issue(CHANNEL, record, wish, now, MEMBERSHIP_SECONDS, after)


def test_revocations_are_forgotten_only_when_there_are_very_many_and_they_ended_long_ago():
    record, _, _ = founded()
    old = {f"{number:064x}": NOW for number in range(decisions._MOST_REVOCATIONS)}
    record = structs.replace(record, revocations=old)
    soon, late = NOW + MEMBERSHIP_SECONDS, NOW + 20 * MEMBERSHIP_SECONDS
    kept = decisions.put_out(CHANNEL, record, issued(record, soon), soon)
    assert len(kept.revocations) == len(old) + 1, "none has ended for long"
    kept = decisions.put_out(CHANNEL, record, issued(record, late), late)
    assert len(kept.revocations) == len(old)
    assert ALICE.public_key in kept.revocations
    few = structs.replace(record, revocations=dict(list(old.items())[:10]))
    kept = decisions.put_out(CHANNEL, few, issued(few, late), late)
    assert len(kept.revocations) == 11


def counts(membership, record, now=NOW):
    try:
        check_membership(membership, record, now)
    except MembershipRevokedError:
        return False
    return True


def test_the_founder_may_do_everything():
    record, own, key = founded()
    assert (record.version, record.epoch, record.owner) == (1, 1, OWNER.public_key)
    assert own.is_owner
    assert own.roles == ALL_ROLES
    assert own.expires_at - own.issued_at == MEMBERSHIP_SECONDS
    assert len(key) == 32
    assert founded()[2] != key


def test_a_grant_replaces_what_was_granted_before():
    record, *_ = founded()
    before = issued(record)
    after_record = decisions.revoke(CHANNEL, record, before, NOW)
    after = issued(after_record, NOW, after=before.issued_at)
    assert (after_record.version, after_record.epoch) == (2, 1)
    assert not counts(before, after_record)
    assert counts(after, after_record)


def test_who_is_put_out_needs_the_owner_to_come_back():
    record, *_ = founded()
    alice, bob = issued(record), issued(record, node=BOB)
    without = decisions.put_out(CHANNEL, record, alice, NOW)
    assert (without.version, without.epoch) == (2, 2)
    assert not counts(alice, without)
    assert counts(bob, without)
    assert counts(issued(without), without)


CLOCKS = st.lists(st.integers(NOW - 10**6, NOW + 10**6), min_size=1, max_size=8)


@settings(max_examples=200)
@given(CLOCKS)
def test_no_clock_brings_back_what_was_taken(clocks):
    record, *_ = founded(clocks[0])
    old = [issued(record, clocks[0])]
    for now in clocks:
        following = decisions.revoke(CHANNEL, record, old[-1], now)
        assert following.version == record.version + 1
        assert following.issued_at >= record.issued_at
        record = following
        new = issued(record, now, after=old[-1].issued_at)
        assert new.issued_at > old[-1].issued_at
        assert counts(new, record, now)
        assert not any(counts(each, record, now) for each in old)
        old.append(new)


def test_two_owners_lose_nothing_that_either_took_back():
    record, *_ = founded()
    alice, bob = issued(record), issued(record, node=BOB)
    ours = decisions.put_out(CHANNEL, record, alice, NOW)
    theirs = decisions.revoke(CHANNEL, decisions.put_out(CHANNEL, record, bob, NOW), bob, NOW)
    merged = decisions.merge(CHANNEL, theirs, ours, NOW)
    assert merged.version > theirs.version + 1
    assert merged.epoch == 3
    assert not counts(alice, merged)
    assert not counts(bob, merged)
    assert decisions.merge(CHANNEL, merged, ours, NOW) is None
    assert decisions.merge(CHANNEL, merged, theirs, NOW) is None
    # Two of one version: somebody has to give way, whatever they say.
    assert decisions.merge(CHANNEL, ours, ours, NOW).version > ours.version


def test_a_letter_is_for_one_node():
    letter = decisions.letter_to(CHANNEL, ALICE.public_key, seed(5), 3)
    found = open_letter(letter, ALICE_SEED, CHANNEL_ID)
    assert (found.epoch, found.channel_key) == (3, seed(5))
    with pytest.raises(InvalidInvitationError):
        open_letter(letter, BOB_SEED, CHANNEL_ID)
    liar = decisions.letter_to(SeedSigner(seed(66)), ALICE.public_key, seed(5), 3)
    with pytest.raises(InvalidInvitationError):
        open_letter(liar, ALICE_SEED, CHANNEL_ID)


def test_half_of_the_time_is_half_of_it():
    record, *_ = founded()
    membership = issued(record)
    half = NOW + MEMBERSHIP_SECONDS / 2
    assert not is_half_over(membership, half - 1)
    assert is_half_over(membership, half + 1)


def test_a_wish_keeps_what_is_not_changed():
    wish = Wish("ab" * 32, ALL_ROLES, "name", is_archive=True)
    assert wish.but(frozenset(), is_archive=None) == Wish(
        "ab" * 32, frozenset(), "name", is_archive=True
    )
    assert not wish.but(frozenset(), is_archive=False).is_archive
