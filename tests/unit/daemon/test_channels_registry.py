"""Channels on the disk: only ever newer, and what was decided is kept whole."""

from __future__ import annotations

import sqlite3
import stat

import pytest

from kachery_core.memberships import read_membership
from kachery_daemon.channels.ledger import Untold
from kachery_daemon.channels.registry import ChannelRegistry
from tests.support.channel_samples import (
    ALICE,
    BOB,
    CHANNEL_ID,
    CHANNEL_KEY,
    HUB,
    NOW,
    OWNER,
    membership,
    record,
    seed,
)

KEY = (1, CHANNEL_KEY)


@pytest.fixture
def registry(tmp_path):
    registry = ChannelRegistry(tmp_path)
    yield registry
    registry.close()


def joined(registry, **more):
    """A channel of somebody else."""
    return registry.add(str(HUB), membership(ALICE), record(**more), KEY, is_owned=False)


def owned(registry):
    """A channel of this node, which the hub knows nothing of."""
    own = membership(OWNER, is_owner=True)
    return registry.add(str(HUB), own, record(), KEY, is_owned=True)


def tell(registry):
    """The hub confirms everything."""
    kept = registry.all()[0]
    version = 1 if not kept.is_owned else _version(registry)
    issued = [(one.node_id, _issued(one)) for one in registry.ledger.members(CHANNEL_ID)]
    registry.ledger.told(CHANNEL_ID, version, issued)


def _version(registry):
    rows = registry._database.rows("SELECT version FROM channels")
    return rows[0][0]


def _issued(kept):
    return read_membership(kept.membership, CHANNEL_ID).issued_at


def test_a_node_without_channels_has_no_file(registry, tmp_path):
    assert registry.all() == []
    assert list(tmp_path.iterdir()) == []


def test_a_channel_is_there_after_a_restart_and_for_its_owner_alone(registry, tmp_path):
    kept = joined(registry)
    again = ChannelRegistry(tmp_path)
    assert again.all() == [kept]
    assert kept.keys == {1: CHANNEL_KEY}
    assert kept.record == record().text
    assert not kept.is_owned
    again.close()
    for path in tmp_path.iterdir():
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_what_is_older_changes_nothing(registry):
    joined(registry, version=5)
    newer = membership(ALICE, issued_at=NOW + 10)
    registry.take(CHANNEL_ID, membership=newer, record=record(version=7), key=(2, seed(7)))
    after = registry.all()
    assert (after[0].membership, after[0].record) == (newer.text, record(version=7).text)
    assert after[0].keys == {1: CHANNEL_KEY, 2: seed(7)}
    for issued_at, version in ((NOW + 10, 7), (NOW + 9, 6), (NOW, 1)):
        registry.take(
            CHANNEL_ID,
            membership=membership(ALICE, roles=[], issued_at=issued_at),
            record=record(version=version, name="old"),
            key=(2, seed(8)),
        )
    assert registry.all() == after


def test_a_channel_that_was_left_is_forgotten_with_its_keys(registry):
    joined(registry)
    registry.remove(CHANNEL_ID)
    registry.take(CHANNEL_ID, record=record(version=2))
    assert registry.all() == []
    assert not registry._database.rows("SELECT * FROM keys")


def test_roles_and_the_hubs_place_are_kept(registry):
    joined(registry)
    registry.disable(CHANNEL_ID, ["provide-files", "request-files"])
    registry.take(CHANNEL_ID, hub_url="nats://elsewhere")
    kept = registry.all()[0]
    assert kept.disabled == {"provide-files", "request-files"}
    assert kept.hub_url == "nats://elsewhere"


def test_the_hub_is_to_be_told_of_a_new_channel(registry):
    owned(registry)
    assert registry.ledger.untold(CHANNEL_ID) == Untold(
        is_record=True, nodes=frozenset({OWNER.public_key})
    )
    tell(registry)
    assert not registry.ledger.untold(CHANNEL_ID)


def test_what_was_decided_meanwhile_is_still_to_be_told(registry):
    owned(registry)
    first = membership(ALICE)
    registry.ledger.decide(CHANNEL_ID, memberships=[first])
    # The hub confirms what it was told a moment ago; by now there is something newer.
    newer = membership(ALICE, issued_at=NOW + 5)
    registry.ledger.decide(CHANNEL_ID, record=record(version=2), memberships=[newer])
    registry.ledger.told(CHANNEL_ID, 1, [(ALICE.public_key, NOW), (OWNER.public_key, NOW)])
    untold = registry.ledger.untold(CHANNEL_ID)
    assert untold.is_record
    assert ALICE.public_key in untold.nodes
    registry.ledger.told(CHANNEL_ID, 2, [(ALICE.public_key, NOW + 5), (OWNER.public_key, NOW)])
    assert not registry.ledger.untold(CHANNEL_ID)


def test_a_new_key_is_to_be_told_to_everybody_who_remains(registry):
    owned(registry)
    registry.ledger.decide(CHANNEL_ID, memberships=[membership(ALICE), membership(BOB)])
    tell(registry)
    registry.ledger.decide(
        CHANNEL_ID,
        record=record(version=2, epoch=2),
        key=(2, seed(9)),
        revoked=ALICE.public_key,
    )
    untold = registry.ledger.untold(CHANNEL_ID)
    assert untold.nodes == {OWNER.public_key, BOB.public_key}
    members = {one.node_id: one.is_revoked for one in registry.ledger.members(CHANNEL_ID)}
    assert members == {OWNER.public_key: False, ALICE.public_key: True, BOB.public_key: False}
    assert registry.all()[0].keys == {1: CHANNEL_KEY, 2: seed(9)}


def test_who_was_put_out_returns_with_a_newer_membership_only(registry):
    owned(registry)
    registry.ledger.decide(CHANNEL_ID, memberships=[membership(ALICE)])
    registry.ledger.decide(CHANNEL_ID, record=record(version=2), revoked=ALICE.public_key)
    registry.ledger.decide(CHANNEL_ID, memberships=[membership(ALICE)])
    assert {one.is_revoked for one in registry.ledger.members(CHANNEL_ID)} == {False, True}
    registry.ledger.decide(CHANNEL_ID, memberships=[membership(ALICE, issued_at=NOW + 1)])
    assert {one.is_revoked for one in registry.ledger.members(CHANNEL_ID)} == {False}


def test_a_hub_that_forgot_is_told_everything_again(registry):
    owned(registry)
    registry.ledger.decide(CHANNEL_ID, memberships=[membership(ALICE), membership(BOB)])
    registry.ledger.decide(CHANNEL_ID, record=record(version=2), revoked=BOB.public_key)
    tell(registry)
    registry.ledger.tell_again(CHANNEL_ID)
    untold = registry.ledger.untold(CHANNEL_ID)
    assert untold == Untold(is_record=True, nodes=frozenset({OWNER.public_key, ALICE.public_key}))


def test_a_decision_is_kept_whole_or_not_at_all(registry, tmp_path):
    owned(registry)
    before = registry.all()
    with pytest.raises(AttributeError):
        registry.ledger.decide(
            CHANNEL_ID, record=record(version=2), memberships=[membership(ALICE), None]
        )
    assert registry.all() == before
    with sqlite3.connect(tmp_path / "channels.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM members").fetchone() == (1,)
    connection.close()
