"""Memberships: what the owner granted, for as long as it counts, and nothing of anybody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import (
    BadMembershipError,
    InvalidInputError,
    MembershipExpiredError,
    MembershipRevokedError,
)
from kachery_core.memberships import (
    LARGEST_MEMBERSHIP,
    check_membership,
    make_membership,
    membership_hash,
    read_membership,
)
from kachery_core.nkeys import account_nkey, user_nkey
from kachery_core.roles import ALL_ROLES, Role, permissions
from tests.support.channel_samples import (
    ALICE,
    BOB,
    CHANNEL,
    CHANNEL_ID,
    MONTH,
    NOW,
    OTHER_CHANNEL,
    OWNER,
    bit_flips,
    claims_of,
    grant,
    membership,
    record,
    token,
)

TEXT = make_membership(CHANNEL, grant(name="alice"))
CLAIMS = claims_of(TEXT)


def with_tags(*tags, **changes):
    nats = {**CLAIMS["nats"], "tags": ["kachery:1", *tags]}
    return read_membership(token({**CLAIMS, "nats": nats, **changes}), CHANNEL_ID)


@given(
    roles=st.frozensets(st.sampled_from(list(Role))),
    is_owner=st.booleans(),
    is_archive=st.booleans(),
    issued_at=st.integers(0, NOW),
    lasts=st.integers(1, 10 * MONTH),
)
def test_what_is_granted_is_read(lasts, issued_at, **facts):
    granted = grant(ALICE, issued_at=issued_at, expires_at=issued_at + lasts, name="a b", **facts)
    read = read_membership(make_membership(CHANNEL, granted), CHANNEL_ID)
    assert read.channel_id == CHANNEL_ID
    for field in granted.__struct_fields__:
        assert getattr(read, field) == getattr(granted, field)
    assert permissions(read) == permissions(granted)


def test_nats_is_told_what_the_roles_allow():
    nats = CLAIMS["nats"]
    assert (CLAIMS["iss"], CLAIMS["sub"]) == (CHANNEL_ID, user_nkey(ALICE.public_key))
    assert (CLAIMS["iat"], CLAIMS["exp"]) == (NOW, NOW + MONTH)
    assert {way: nats[way] for way in ("pub", "sub", "resp")} == permissions(grant())


def test_the_largest_membership_fits_into_the_first_line_of_a_connection():
    everything = make_membership(
        CHANNEL, grant(name="\U0001f52c" * 64, is_owner=True, is_archive=True)
    )
    assert len(everything) <= LARGEST_MEMBERSHIP


def test_another_channel_or_another_kind_of_key_makes_no_member():
    other = make_membership(OTHER_CHANNEL, grant())
    with pytest.raises(BadMembershipError, match="another channel"):
        read_membership(other, CHANNEL_ID)
    # Its issuer says it is the channel, but the channel did not sign it.
    for signer in (OTHER_CHANNEL, ALICE, OWNER):
        with pytest.raises(BadMembershipError, match="did not sign"):
            read_membership(token(CLAIMS, signer), CHANNEL_ID)
    # A member signs a membership with his own key, as an account and as a user.
    for issuer in (account_nkey(BOB.public_key), user_nkey(BOB.public_key)):
        with pytest.raises(BadMembershipError):
            read_membership(token({**CLAIMS, "iss": issuer}, BOB), CHANNEL_ID)


def test_no_bit_may_change():
    for flipped in bit_flips(TEXT.encode(), step=7):
        with pytest.raises(BadMembershipError):
            read_membership(flipped.decode("latin-1"), CHANNEL_ID)


def test_a_record_is_no_membership_and_a_membership_no_record():
    from kachery_core.records import read_record

    with pytest.raises(BadMembershipError):
        read_membership(record().text, CHANNEL_ID)
    with pytest.raises(BadMembershipError):
        read_record(TEXT)


def test_roles_of_a_newer_kachery_are_passed_over():
    read = with_tags("role:rule-the-world", "role:request-files", "role:", "role", "admin")
    assert read.roles == {Role.REQUEST_FILES}
    assert not read.is_owner
    assert not read.is_archive


@given(
    st.lists(st.text(max_size=20) | st.sampled_from(["role:provide-files ", "ROLE:provide-files"]))
)
def test_no_text_but_the_exact_one_grants_anything(tags):
    exact = {"kachery:1", "owner", "archive", *(f"role:{role}" for role in Role)}
    read = with_tags(*(tag for tag in tags if tag not in exact))
    assert (read.roles, read.is_owner, read.is_archive) == (frozenset(), False, False)


@pytest.mark.parametrize(
    "change",
    [{"exp": None}, {"exp": 0}, {"sub": CHANNEL_ID}, {"sub": ALICE.public_key}, {"name": "\x07"}],
    ids=str,
)
def test_a_membership_that_makes_no_sense_is_refused_though_signed(change):
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
    with pytest.raises(BadMembershipError):
        read_membership(token(claims), CHANNEL_ID)


def test_more_than_is_accepted_is_not_looked_at():
    with pytest.raises(BadMembershipError):
        with_tags("x" * LARGEST_MEMBERSHIP)
    with pytest.raises(BadMembershipError):
        read_membership("A" * 10_000_000, CHANNEL_ID)


@given(st.text(max_size=100))
def test_whatever_it_is_it_is_refused_in_words(text):
    with pytest.raises(BadMembershipError):
        read_membership(text, CHANNEL_ID)


def test_names_that_cannot_be_shown_are_not_signed():
    with pytest.raises(InvalidInputError):
        membership(name="a\nb")
    assert membership(name="").name == ""


def test_a_membership_counts_from_the_first_second_to_the_last():
    for now in (NOW, NOW + MONTH - 1, NOW + MONTH - 0.001, NOW - 3600):
        check_membership(membership(), record(), now)


def test_a_membership_that_ended_does_not_count():
    for late in (0, 0.5, 1e9):
        with pytest.raises(MembershipExpiredError, match="clock") as caught:
            check_membership(membership(), record(), NOW + MONTH + late)
        assert caught.value.fields == {"channel": "lab", "node_id": ALICE.public_key}


@given(issued=st.integers(NOW - 9, NOW + 9), revoked=st.integers(NOW - 9, NOW + 9))
def test_a_revocation_takes_back_what_was_issued_until_then(issued, revoked):
    ours = membership(issued_at=issued)
    taken_back = record(version=2, revocations={ALICE.public_key: revoked})
    if issued <= revoked:
        with pytest.raises(MembershipRevokedError, match="'lab' was revoked"):
            check_membership(ours, taken_back, NOW)
    else:
        check_membership(ours, taken_back, NOW)


def test_a_revocation_is_of_one_node():
    taken_back = record(revocations={BOB.public_key: NOW})
    check_membership(membership(ALICE), taken_back, NOW)
    with pytest.raises(MembershipRevokedError):
        check_membership(membership(BOB), taken_back, NOW)


def test_who_was_revoked_and_ended_was_revoked():
    with pytest.raises(MembershipRevokedError):
        check_membership(membership(), record(revocations={ALICE.public_key: NOW}), NOW + 2 * MONTH)


def test_a_membership_counts_in_its_channel_only():
    with pytest.raises(BadMembershipError, match="another channel"):
        check_membership(membership(), record(OTHER_CHANNEL), NOW)


def test_a_hash_stands_for_one_membership():
    texts = [membership(issued_at=NOW + each).text for each in range(50)]
    assert len({membership_hash(text) for text in texts}) == 50
    assert {len(membership_hash(text)) for text in texts} == {16}


def test_all_roles_are_six():
    assert membership().roles == ALL_ROLES
