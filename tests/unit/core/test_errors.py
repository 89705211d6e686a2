"""Errors: one tree, the same class on both sides of every border."""

from __future__ import annotations

import json
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core import errors
from kachery_core.errors import (
    ContentNotFoundError,
    HashCollisionError,
    InternalError,
    KacheryError,
    PathNotFoundError,
    error_classes,
    error_from_wire,
    error_to_wire,
)

MODULES = {
    "kachery_core.error_kinds",
    "kachery_core.network_errors",
    "kachery_core.stream_errors",
    errors.__name__,
}
CLASSES = sorted(error_classes().values(), key=lambda error_class: error_class.__name__)


def _descendants(error_class: type[KacheryError]) -> set[type[KacheryError]]:
    below = set(error_class.__subclasses__())
    return below.union(*map(_descendants, below)) if below else below


def test_the_tree_is_complete() -> None:
    ours = {each for each in _descendants(KacheryError) if each.__module__ in MODULES}

    assert ours == {each for each in CLASSES if each.__module__ in MODULES}
    assert len(ours) > 25


@pytest.mark.parametrize("error_class", CLASSES)
def test_an_error_arrives_as_what_it_left(error_class: type[KacheryError]) -> None:
    sent = error_class("It happened.", hint="Do this.", path="/a", size=3, parts=["x", None])

    got = error_from_wire(json.loads(json.dumps(error_to_wire(sent))))

    assert type(got) is error_class
    assert (got.message, got.hint, got.fields) == (sent.message, sent.hint, sent.fields)
    assert str(got) == "It happened. Do this."


@pytest.mark.parametrize("error_class", CLASSES)
def test_an_error_survives_a_process_border(error_class: type[KacheryError]) -> None:
    sent = error_class("It happened.", hint="Do this.", sha1="0" * 40)

    got = pickle.loads(pickle.dumps(sent))

    assert type(got) is error_class
    assert (str(got), got.fields) == (str(sent), sent.fields)


def test_codes_are_different_and_fit_a_url() -> None:
    codes = [each.code for each in CLASSES]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", code) for code in codes)
    assert HashCollisionError.code == "hash-collision"


@pytest.mark.parametrize("error_class", CLASSES)
def test_every_error_says_in_one_sentence_what_it_is(error_class: type[KacheryError]) -> None:
    text = error_class.__doc__

    assert text
    assert text != KacheryError.__doc__
    assert text.strip().endswith(".")


def test_the_drawn_tree_is_the_tree_that_is() -> None:
    drawn = re.findall(r"^[─ │├└]*(\w+Error)\b", errors.__doc__ or "", re.MULTILINE)
    names = {each.__name__ for each in CLASSES if each.__module__ in MODULES}

    assert names | {"KacheryError"} == set(drawn)


def test_the_drawn_tree_shows_who_comes_from_whom() -> None:
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"(?P<bars>[│├└─ ]*)(?P<name>\w+Error)\b", line)
        if match is None:
            continue
        depth = len(match["bars"]) // 4
        above[depth] = match["name"]
        if depth:
            error_class = getattr(errors, match["name"])
            assert getattr(errors, above[depth - 1]) in error_class.__bases__, line


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(PathNotFoundError, FileNotFoundError)
    assert issubclass(ContentNotFoundError, LookupError)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        raise PathNotFoundError("There is no file x.", hint="Check the path.")


def test_an_unknown_code_from_a_newer_node_is_still_an_error_of_ours() -> None:
    got = error_from_wire({"code": "from-the-future", "message": "New.", "fields": {"a": 1}})

    assert type(got) is KacheryError
    assert got.message == "New."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "message", "hint", "fields", "self", "x"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["code", "message", "hint", "fields", "other"]), JSON))
def test_whatever_a_stranger_calls_an_error_becomes_one(value: dict[str, object]) -> None:
    assert isinstance(error_from_wire(value), KacheryError)


def test_fields_named_like_arguments_stay_fields() -> None:
    fields = {"hint": "evil", "message": 3, "self": None}

    got = error_from_wire({"code": "internal", "message": "M", "hint": "H", "fields": fields})

    assert isinstance(got, InternalError)
    assert (got.message, got.hint, got.fields) == ("M", "H", fields)
