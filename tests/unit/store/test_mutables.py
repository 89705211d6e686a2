"""Mutables: any JSON value under any JSON key, durable, and changed only by who may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kachery_core.errors import InvalidInputError, OwnerOnlyError
from kachery_store.mutables import OWNER, Mutables

if TYPE_CHECKING:
    from pathlib import Path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.fixture
def mutables(tmp_path: Path) -> Mutables:
    return Mutables(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, JSON)
def test_any_value_comes_back_under_any_key(tmp_path: Path, key: object, value: object) -> None:
    mutables = Mutables(tmp_path)

    assert mutables.set(key, value)
    assert mutables.get(key) == value
    assert mutables.delete(key)
    assert mutables.get(key) is None
    mutables.close()


def test_the_order_of_a_key_does_not_matter(mutables: Mutables) -> None:
    mutables.set({"a": 1, "b": 2}, "value")

    assert mutables.get({"b": 2, "a": 1}) == "value"
    assert mutables.get({"b": 1, "a": 2}) is None


def test_a_value_is_replaced_only_if_wanted(mutables: Mutables) -> None:
    assert mutables.set("key", 1, update=False)
    assert not mutables.set("key", 2, update=False)
    assert mutables.get("key") == 1
    assert mutables.set("key", 3)
    assert mutables.get("key") == 3


def test_what_is_no_json_is_refused_and_changes_nothing(mutables: Mutables) -> None:
    mutables.set("key", 1)
    for key, value in (("key", {1, 2}), ("key", float("nan")), (b"key", 1), (object(), 1)):
        with pytest.raises(InvalidInputError):
            mutables.set(key, value)

    assert mutables.get("key") == 1


def test_only_who_set_a_value_and_the_owner_may_change_it(mutables: Mutables) -> None:
    mutables.set("key", "alice's", writer=1001)

    with pytest.raises(OwnerOnlyError):
        mutables.set("key", "bob's", writer=1002)
    with pytest.raises(OwnerOnlyError):
        mutables.delete("key", writer=1002)
    assert not mutables.set("key", "bob's", writer=1002, update=False)
    assert mutables.get("key") == "alice's"

    assert mutables.set("key", "again", writer=1001)
    assert mutables.set("key", "owner's", writer=OWNER)
    with pytest.raises(OwnerOnlyError):
        mutables.set("key", "bob's", writer=1002)
    assert mutables.delete("key", writer=1001)
    assert not mutables.delete("key", writer=1001)


def test_a_user_may_not_change_what_the_owner_set(mutables: Mutables) -> None:
    mutables.set("key", 1)

    with pytest.raises(OwnerOnlyError):
        mutables.set("key", 2, writer=1001)
