"""Subjects: who is named stands there, and patterns mean what they mean to NATS."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core import subjects
from kachery_core.nkeys import user_nkey
from tests.support.channel_samples import ALICE, BOB

A, B = user_nkey(ALICE.public_key), user_nkey(BOB.public_key)
TOKENS = st.sampled_from(["a", "b", "ab", "a-b", "_"])


def test_subjects_are_as_they_are_written_down():
    node = ALICE.public_key
    assert subjects.membership(node) == f"members.{A}"
    assert subjects.presence(node) == f"presence.{A}"
    assert subjects.find("files") == "files.find"
    assert subjects.get("feeds", node, "0123456789abcdef") == f"feeds.get.{A}.0123456789abcdef"
    assert subjects.live("feeds", "ab") == "feeds.live.ab"
    assert subjects.archive(node) == f"archive.{A}"
    assert subjects.inbox_prefix(node) == f"_INBOX_{A}"


@pytest.mark.parametrize("subject", [f"_INBOX_{A}.x", f"_INBOX_{A}.x.y.17", f"_INBOX_{A}.x-_y"])
def test_an_inbox_is_its_nodes_alone(subject):
    assert subjects.is_inbox_of(ALICE.public_key, subject)
    assert not subjects.is_inbox_of(BOB.public_key, subject)


@pytest.mark.parametrize(
    "subject",
    ["", "members.record", f"_INBOX_{A}", f"_INBOX_{A}.", f"_INBOX_{A}..x", f"_INBOX_{A}.>",
     f"_INBOX_{A}.*", f"_INBOX_{A}.x y", f"_INBOX_{A}.x\r\nPUB", f"_INBOX_{B}.x", f"_INBOX_{A}x.y",
     "_INBOX.x", f"_inbox_{A}.x", f"_INBOX_{A}.é", f"$SYS._INBOX_{A}.x"],
    ids=ascii,
)  # fmt: skip
def test_an_answer_goes_nowhere_else(subject):
    assert not subjects.is_inbox_of(ALICE.public_key, subject)


@pytest.mark.parametrize("subject", ["a", "a.b", "_INBOX.x", "$SYS.a", "a,b", "a-b.c/d"])
def test_a_subject_is_tokens_between_dots(subject):
    assert subjects.is_plain(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a.*",
        "*",
        ">",
        "a.>",
        "a b",
        "a\t",
        "a\n",
        "a>b",
        "a*b",
        "ü",
        "\0",
    ],
    ids=ascii,
)
def test_anything_else_is_none(subject):
    assert not subjects.is_plain(subject)


@pytest.mark.parametrize(
    ("pattern", "subject", "is_match"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.b.c", False),
        ("a.b", "a", False),
        ("a.*", "a.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("*.b", "a.b", True),
        ("a.>", "a.b", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        (">", "a", True),
        ("a.*.c", "a.b.c", True),
        ("a.*.>", "a.b", False),
        ("a.*.>", "a.b.c.d", True),
    ],
)
def test_patterns_match_as_in_nats(pattern, subject, is_match):
    assert subjects.matches(pattern, subject) is is_match


@given(
    st.lists(TOKENS | st.just("*"), min_size=1, max_size=5),
    st.booleans(),
    st.lists(TOKENS, min_size=1, max_size=6),
)
def test_patterns_match_as_a_regular_expression_says(tokens, has_rest, subject):
    expression = r"\.".join(r"[^.]+" if token == "*" else re.escape(token) for token in tokens)
    if has_rest:
        expression += r"\..+"
    pattern = ".".join([*tokens, ">"] if has_rest else tokens)
    expected = re.fullmatch(expression, ".".join(subject)) is not None
    assert subjects.matches(pattern, ".".join(subject)) is expected
