"""Names of feeds and subfeeds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import InvalidInputError, InvalidUriError
from kachery_core.feeds import FeedUri, is_feed_uri, parse_feed_uri, subfeed_hash, subfeed_label

FEED = "0123456789abcdef" * 4


def test_subfeeds_have_the_hashes_that_every_kachery_gave_them():
    assert subfeed_hash("primes") == "80d9cc061689dbc521aba6b35235f29de63d8349"
    assert subfeed_hash({"a": 1, "b": 2}) == "4acc71e0547112eb432f0a36fb1924c4a738cb49"
    assert subfeed_hash({"b": 2, "a": 1}) == subfeed_hash({"a": 1, "b": 2})


def test_a_hash_in_the_place_of_a_name_is_the_hash():
    sha1 = "80d9cc061689dbc521aba6b35235f29de63d8349"
    assert subfeed_hash(f"~{sha1}") == sha1
    assert subfeed_hash(f"~{sha1[:-1]}") != sha1[:-1]
    assert len(subfeed_hash("~not-a-hash")) == 40


@pytest.mark.parametrize("name", ["", None, 1, 1.5, b"bytes", {1}, True])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(InvalidInputError):
        subfeed_hash(name)


@given(st.text(min_size=1))
def test_every_name_comes_back_from_its_uri(name):
    uri = str(FeedUri(FEED, subfeed_label(name))) if _is_sayable(name) else None
    if uri is not None:
        parts = parse_feed_uri(uri)
        assert parts == FeedUri(FEED, name)
        assert subfeed_hash(parts.subfeed) == subfeed_hash(name)


def _is_sayable(name):
    """Half characters have no URI."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans()) | st.lists(st.text()))
def test_every_name_that_is_no_text_keeps_its_hash_in_its_uri(name):
    parts = parse_feed_uri(str(FeedUri(FEED, subfeed_label(name))))
    assert subfeed_hash(parts.subfeed) == subfeed_hash(name)


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        (f"feed://{FEED}", FeedUri(FEED)),
        (f"feed://{FEED}/", FeedUri(FEED)),
        (f"FEED://{FEED.upper()}/a", FeedUri(FEED, "a")),
        (f"feed://{FEED}/a/b", FeedUri(FEED, "a/b")),
        (f"feed://{FEED}/a%20b?x=1", FeedUri(FEED, "a b")),
    ],
)
def test_the_forms_in_use_are_read(uri, parts):
    assert is_feed_uri(uri)
    assert parse_feed_uri(uri) == parts


@pytest.mark.parametrize(
    "uri",
    ["", "feed://", "feed:///a", f"feed:/{FEED}", f"feed://{FEED[:-1]}", f"feed://{FEED}0",
     f"feed://{'g' * 64}", f"sha1://{FEED[:40]}", f" feed://{FEED}", f"feed://{FEED[:-1]} /a"],
)  # fmt: skip
def test_what_is_no_feed_uri_is_refused_in_words(uri):
    with pytest.raises(InvalidUriError) as caught:
        parse_feed_uri(uri)
    assert caught.value.hint
