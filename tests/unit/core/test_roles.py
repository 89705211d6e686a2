"""Roles: who may say what, decided alike by an oracle of 30 lines and by the code."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core import subjects
from kachery_core.nkeys import user_nkey
from kachery_core.roles import (
    ALL_ROLES,
    Role,
    may_receive,
    may_send,
    permissions,
)
from tests.support.channel_samples import ALICE, BOB, grant

OWN, OTHER = user_nkey(ALICE.public_key), user_nkey(BOB.public_key)
TOPICS = ("files", "feeds", "tasks")
ROLES = st.frozensets(st.sampled_from(list(Role)))
TOKENS = ["members", "presence", "files", "feeds", "tasks", "archive", "find", "get", "live"]
TOKENS += ["record", "ask", "0123456789abcdef", OWN, OTHER, f"_INBOX_{OWN}", f"_INBOX_{OTHER}"]
TOKENS += ["$SYS", "$JS", "API", "x"]
ANY_SUBJECT = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4).map(".".join)


def oracle_sends(roles, is_owner, subject):  # noqa: PLR0911 - a table
    """The table of subjects in docs/channels.md, as a lawyer would read it. For ALICE."""
    requests = {role.value for role in roles if role.value.startswith("request")}
    match subject.split("."):
        case ["members", "ask"]:
            return True
        case ["members", _, *_]:
            return is_owner
        case ["presence", node]:
            return node == OWN
        case ["archive", _, *_]:
            return bool(requests)
        case [("files" | "feeds" | "tasks") as topic, "find"]:
            return f"request-{topic}" in requests
        case [("files" | "feeds" | "tasks") as topic, "get", _, *_]:
            return f"request-{topic}" in requests
        case [("feeds" | "tasks") as topic, "live", _, *_]:
            return Role(f"provide-{topic}") in roles
    return False


def oracle_receives(roles, is_owner, is_archive, subject):  # noqa: C901, PLR0911 - a table
    """The other half of the table."""
    match subject.split("."):
        case ["members", "ask"]:
            return is_owner
        case ["members", who]:
            return who in {"record", OWN}
        case ["presence", _]:
            return True
        case ["archive", node]:
            return is_archive and node == OWN
        case [("files" | "feeds" | "tasks") as topic, "find"]:
            return Role(f"provide-{topic}") in roles
        case [("files" | "feeds" | "tasks") as topic, "get", node, _, *_]:
            return Role(f"provide-{topic}") in roles and node == OWN
        case [("feeds" | "tasks") as topic, "live", _, *_]:
            return Role(f"request-{topic}") in roles
        case [inbox, _, *_]:
            return inbox == f"_INBOX_{OWN}"
    return False


EVERY_SUBJECT = [
    subjects.RECORD,
    subjects.ASK,
    *(make(node) for node in (ALICE.public_key, BOB.public_key) for make in (
        subjects.membership, subjects.presence, subjects.archive,
        lambda node: f"{subjects.inbox_prefix(node)}.x",
        *(lambda node, topic=topic: subjects.get(topic, node, "0" * 16)
          for topic in TOPICS),
    )),
    *(f"{topic}.{verb}" for topic in TOPICS for verb in ("find", "live.x", "x")),
    "$SYS.x", "$JS.API.INFO", "$JS.API.STREAM.CREATE.x", "x",
]  # fmt: skip


def test_every_cell_of_the_table_is_as_the_oracle_says():
    sets = itertools.chain.from_iterable(
        itertools.combinations(Role, count) for count in range(len(Role) + 1)
    )
    cells = 0
    for roles, is_owner, is_archive in itertools.product(sets, (False, True), (False, True)):
        member = grant(roles=roles, is_owner=is_owner, is_archive=is_archive)
        for subject in EVERY_SUBJECT:
            assert may_send(member, subject) is oracle_sends(member.roles, is_owner, subject)
            expected = oracle_receives(member.roles, is_owner, is_archive, subject)
            assert may_receive(member, subject) is expected, (roles, subject)
            cells += 2
    assert cells == 2 * 256 * len(EVERY_SUBJECT)


@given(ROLES, st.booleans(), st.booleans(), ANY_SUBJECT)
def test_subjects_nobody_thought_of_are_as_the_oracle_says(roles, is_owner, is_archive, subject):
    member = grant(roles=roles, is_owner=is_owner, is_archive=is_archive)
    assert may_send(member, subject) is oracle_sends(roles, is_owner, subject)
    assert may_receive(member, subject) is oracle_receives(roles, is_owner, is_archive, subject)


@given(ROLES, st.booleans(), st.text(max_size=30))
def test_what_is_no_subject_is_allowed_to_nobody(roles, is_owner, text):
    if not subjects.is_plain(text):
        member = grant(roles=roles, is_owner=is_owner)
        assert not may_send(member, text)
        assert not may_receive(member, text)


@given(ROLES, ROLES, ANY_SUBJECT)
def test_more_roles_never_allow_less(some, more, subject):
    fewer, all_of_them = grant(roles=some), grant(roles=some | more)
    assert may_send(fewer, subject) <= may_send(all_of_them, subject)
    assert may_receive(fewer, subject) <= may_receive(all_of_them, subject)


@pytest.mark.parametrize("is_owner", [True, False])
@pytest.mark.parametrize(
    "roles",
    [frozenset(), ALL_ROLES, *({role} for role in Role)],
    ids=lambda roles: " ".join(sorted(roles)),
)
def test_no_list_of_the_hub_is_empty_which_would_mean_everything(roles, is_owner):
    lists = permissions(grant(roles=roles, is_owner=is_owner))
    assert lists["resp"] == {"max": 1024, "ttl": 60_000_000_000}
    for way in ("pub", "sub"):
        assert set(lists[way]) == {"allow"}
        assert lists[way]["allow"]
        assert ">" not in lists[way]["allow"]
        assert not any(pattern.startswith(("$", "*", "_INBOX.")) for pattern in lists[way]["allow"])
        assert len(set(lists[way]["allow"])) == len(lists[way]["allow"])


def test_a_role_knows_its_topic_and_who_is_on_the_other_side():
    assert len(ALL_ROLES) == 6
    for role in Role:
        assert role.topic in role.value
        assert role.other_side.topic == role.topic
        assert role.other_side.is_request is not role.is_request
        assert role.other_side.other_side is role
    assert str(Role.REQUEST_FILES) == f"{Role.REQUEST_FILES}" == "request-files"
