"""Statements: names that can be shown, tags that are known, and nothing from elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import BadMembershipError, InvalidInputError
from kachery_core.nkeys import user_nkey
from kachery_core.statements import (
    LONGEST_NAME,
    check_name,
    is_name,
    read_node_id,
    read_statement,
)
from tests.support.channel_samples import ALICE, CHANNEL_ID, NOW, token


def statement(**changes):
    nats = {"type": "user", "version": 2, "tags": ["kachery:1"], **changes.pop("nats", {})}
    claims = {"iss": CHANNEL_ID, "sub": user_nkey(ALICE.public_key), "name": "alice", "iat": NOW}
    return token({**claims, "nats": nats, **changes})


def test_a_statement_is_read_with_its_tags():
    claims, tags = read_statement(statement(nats={"tags": ["kachery:1", "new"]}), "user")
    assert (claims.name, tags) == ("alice", ["kachery:1", "new"])


@pytest.mark.parametrize(
    "nats",
    [{"type": "account"}, {"type": "User"}, {"type": ["user"]}, {"version": 1}, {"version": "2"},
     {"version": 3}, {"tags": []}, {"tags": None}, {"tags": "kachery:1"}, {"tags": [1]},
     {"tags": ["kachery:2"]}, {"tags": ["KACHERY:1"]}, {"tags": {"kachery:1": 1}}],
    ids=str,
)  # fmt: skip
def test_what_is_of_another_kind_is_refused(nats):
    with pytest.raises(BadMembershipError):
        read_statement(statement(nats=nats), "user")


NAMES = ["x", "Labor für Zellen", "实验室", "a" * LONGEST_NAME, "a b", "-", "🔬", "../x", "<b>"]
NO_NAMES = ["", " ", "a ", "\ta", "a\nb", "a\0", "\x1b[31mred", "a" * (LONGEST_NAME + 1)]
NO_NAMES += ["\u202eevil", "a\u200bb", "\ud800", "a\u2028b", "\u00a0a"]


@pytest.mark.parametrize("name", NAMES)
def test_what_everybody_can_see_may_be_a_name(name):
    check_name(name)
    assert read_statement(statement(name=name), "user")[0].name == name


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
def test_what_cannot_be_seen_or_plays_tricks_is_no_name(name):
    with pytest.raises(InvalidInputError):
        check_name(name)
    if name:
        with pytest.raises(BadMembershipError):
            read_statement(statement(name=name), "user")


@given(st.text(max_size=80))
def test_a_name_is_one_line_and_no_control_character(name):
    if is_name(name):
        assert name.splitlines() == [name]
        assert not any(character < " " or "\x7f" <= character < "\xa0" for character in name)


def test_a_statement_is_about_a_node():
    assert read_node_id(user_nkey(ALICE.public_key)) == ALICE.public_key
    for nkey in ("", CHANNEL_ID, ALICE.public_key):
        with pytest.raises(BadMembershipError):
            read_node_id(nkey)
