"""Records: a channel speaks for itself, and nobody else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import BadMembershipError, InvalidInputError
from kachery_core.jwts import LARGEST_JWT, LAST_SECOND, encode_jwt
from kachery_core.nkeys import account_nkey, encode_public, user_nkey
from kachery_core.records import LARGEST_EPOCH, Terms, make_record, read_record, record_claims
from tests.support.channel_samples import (
    ALICE,
    BOB,
    CHANNEL,
    CHANNEL_ID,
    NOW,
    OTHER_CHANNEL,
    OWNER,
    bit_flips,
    claims_of,
    record,
    token,
)

TERMS = Terms(
    name="lab",
    version=3,
    owner=OWNER.public_key,
    issued_at=NOW,
    epoch=2,
    revocations={ALICE.public_key: NOW - 5},
)
TEXT = make_record(CHANNEL, TERMS)
CLAIMS = claims_of(TEXT)


def with_nats(**changes):
    return token({**CLAIMS, "nats": {**CLAIMS["nats"], **changes}})


def with_tags(*tags):
    return with_nats(tags=["kachery:1", *tags])


def test_what_the_channel_says_is_read():
    read = read_record(TEXT)
    assert (read.channel_id, read.text) == (CHANNEL_ID, TEXT)
    for field in Terms.__struct_fields__:
        assert getattr(read, field) == getattr(TERMS, field)


@given(
    name=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=64),
    version=st.integers(1, 2**53),
    epoch=st.integers(1, LARGEST_EPOCH),
    issued_at=st.integers(0, LAST_SECOND),
    revocations=st.dictionaries(
        st.binary(min_size=32, max_size=32).map(bytes.hex), st.integers(0, LAST_SECOND), max_size=5
    ),
)
def test_any_terms_are_written_and_read(**terms):
    read = record(**terms)
    assert {name: getattr(read, name) for name in terms} == terms


def test_nats_gets_what_it_knows_and_kachery_what_it_needs():
    claims = record_claims(TERMS)
    assert claims["type"] == "account"
    assert claims["revocations"] == {user_nkey(ALICE.public_key): NOW - 5}
    assert claims["tags"] == [
        "kachery:1",
        "version:3",
        "epoch:2",
        f"owner:{user_nkey(OWNER.public_key)}",
    ]
    assert "limits" not in claims


def test_a_hub_that_signs_the_same_facts_makes_no_record():
    operator = encode_public("operator", bytes.fromhex(BOB.public_key))
    claims = {**CLAIMS, "iss": operator, "nats": {**record_claims(TERMS), "limits": {"conn": 5}}}
    claims.pop("jti")
    with pytest.raises(BadMembershipError, match="another key"):
        read_record(encode_jwt(claims, BOB))


def test_a_channel_cannot_speak_for_another():
    other = account_nkey(OTHER_CHANNEL.public_key)
    for claims in ({**CLAIMS, "sub": other}, {**CLAIMS, "iss": other}):
        with pytest.raises(BadMembershipError):
            read_record(token(claims))
    with pytest.raises(BadMembershipError, match="did not sign"):
        read_record(token(CLAIMS, OTHER_CHANNEL))


def test_a_node_is_no_channel():
    user = user_nkey(CHANNEL.public_key)
    with pytest.raises(BadMembershipError, match="not about a channel"):
        read_record(token({**CLAIMS, "iss": user, "sub": user}))


def test_no_bit_may_change():
    for flipped in bit_flips(TEXT.encode(), step=3):
        with pytest.raises(BadMembershipError):
            read_record(flipped.decode("latin-1"))


OWNER_TAG = f"owner:{user_nkey(OWNER.public_key)}"


@pytest.mark.parametrize(
    "tags",
    [
        [],
        ["version:1", "epoch:1"],
        ["version:1", OWNER_TAG],
        ["epoch:1", OWNER_TAG],
        ["version:1", "epoch:1", "owner:"],
        ["version:1", "epoch:1", f"owner:{OWNER.public_key}"],
        ["version:1", "epoch:1", f"owner:{CHANNEL_ID}"],
        ["version:1", "version:2", "epoch:1", OWNER_TAG],
        *(
            [f"version:{number}", "epoch:1", OWNER_TAG]
            for number in ("0", "01", "-1", "+1", "1.0", "1e3", " 1", "", "x", "\u0661", "9" * 400)
        ),
        ["version:1", "epoch:0", OWNER_TAG],
        ["version:1", f"epoch:{LARGEST_EPOCH + 1}", OWNER_TAG],
    ],
    ids=lambda tags: ascii(",".join(tags))[:50],
)
def test_a_record_says_who_decides_and_which_one_it_is(tags):
    with pytest.raises(BadMembershipError):
        read_record(with_tags(*tags))


def test_what_a_newer_kachery_says_besides_is_passed_over():
    read = read_record(with_tags("colour:blue", "new", "version:1", "epoch:1", OWNER_TAG))
    assert read.version == 1
    assert read_record(with_nats(limits={"conn": 3})).version == 3


@pytest.mark.parametrize(
    "revocations",
    [[], None, "all", {"*": NOW}, {ALICE.public_key: NOW}, {CHANNEL_ID: NOW},
     *({user_nkey(ALICE.public_key): time} for time in ("1", 1.5, None, True, -1, 2**63))],
    ids=ascii,
)  # fmt: skip
def test_revocations_are_of_nodes_at_times(revocations):
    with pytest.raises(BadMembershipError):
        read_record(with_nats(revocations=revocations))


def test_a_record_without_revocations_revokes_nobody():
    nats = {name: value for name, value in CLAIMS["nats"].items() if name != "revocations"}
    assert read_record(token({**CLAIMS, "nats": nats})).revocations == {}


def test_a_channel_has_a_name():
    for name in ("", "\n", "x" * 65):
        with pytest.raises(InvalidInputError):
            record(name=name)
        with pytest.raises(BadMembershipError):
            read_record(token({**CLAIMS, "name": name}))


def test_what_is_no_node_id_is_not_signed():
    for changes in ({"owner": "me"}, {"revocations": {"you": NOW}}):
        with pytest.raises(InvalidInputError, match="node id"):
            record(**changes)


def test_five_thousand_revocations_fit():
    revocations = {f"{number:064x}": NOW for number in range(5000)}
    read = record(revocations=revocations)
    assert read.revocations == revocations
    assert len(read.text) < LARGEST_JWT / 1.5
