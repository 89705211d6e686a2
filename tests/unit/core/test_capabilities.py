"""Capabilities: fixed for all time, one way, and nothing has two keys or the key of another."""

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.capabilities import (
    channel_subkey,
    content_discovery,
    content_key,
    feed_discovery,
    feed_key,
    frame_nonce,
    live_token,
    subfeed_discovery,
    subfeed_key_of,
)
from kachery_core.messages import SubfeedKey

SHA1 = "0123456789abcdef0123456789abcdef01234567"
FEED = "0a" * 32
SUBFEED = SubfeedKey(FEED, SHA1)
CHANNEL_KEY = bytes(range(32))


def every_key():
    return {
        "content discovery": content_discovery(SHA1),
        "content key": content_key(SHA1),
        "subfeed discovery": subfeed_discovery(SUBFEED),
        "subfeed key": subfeed_key_of(SUBFEED),
        "feed discovery": feed_discovery(FEED),
        "feed key": feed_key(FEED),
        "channel control": channel_subkey(CHANNEL_KEY, "control"),
        "channel live": bytes.fromhex(live_token(CHANNEL_KEY, subfeed_discovery(SUBFEED))),
    }


def test_they_follow_from_contexts_that_never_change():
    def derived(context, material, size):
        return blake3(material, derive_key_context=f"kachery_jupyter 2026-11 {context}").digest(
            size
        )

    sha1, feed = bytes.fromhex(SHA1), bytes.fromhex(FEED)
    subject_key = derived("channel subkey v1: live subject", CHANNEL_KEY, 32)
    assert every_key() == {
        "content discovery": derived("content discovery v1", sha1, 16),
        "content key": derived("content key v1", sha1, 32),
        "subfeed discovery": derived("subfeed discovery v1", feed + sha1, 16),
        "subfeed key": derived("subfeed key v1", feed + sha1, 32),
        "feed discovery": derived("feed discovery v1", feed, 16),
        "feed key": derived("feed key v1", feed, 32),
        "channel control": derived("channel subkey v1: control", CHANNEL_KEY, 32),
        "channel live": blake3(
            derived("subfeed discovery v1", feed + sha1, 16), key=subject_key
        ).digest(16),
    }


def test_none_is_the_beginning_of_another():
    keys = list(every_key().values())
    assert len({key[:16] for key in keys}) == len(keys)
    names = (bytes.fromhex(SHA1), bytes.fromhex(FEED), CHANNEL_KEY)
    assert not any(name[:8] in key for name in names for key in keys)


@given(st.sets(st.binary(min_size=20, max_size=20), min_size=2, max_size=20))
def test_different_contents_have_different_keys(names):
    for derive in (content_discovery, content_key):
        assert len({derive(name.hex()) for name in names}) == len(names)


def test_purposes_and_channels_have_keys_of_their_own():
    discovery = subfeed_discovery(SUBFEED)
    assert channel_subkey(CHANNEL_KEY, "a") != channel_subkey(CHANNEL_KEY, "b")
    assert channel_subkey(bytes(32), "a") != channel_subkey(CHANNEL_KEY, "a")
    assert live_token(bytes(32), discovery) != live_token(CHANNEL_KEY, discovery)
    assert len(live_token(CHANNEL_KEY, discovery)) == 32


@given(st.integers(min_value=0, max_value=2**64), st.integers(min_value=0, max_value=2**64))
def test_a_frame_has_its_nonce_and_no_other_frame_has_it(one, other):
    assert len(frame_nonce(one)) == 12
    assert (frame_nonce(one) == frame_nonce(other)) == (one == other)


@pytest.mark.parametrize("sha1", ["", SHA1.upper(), SHA1[:-1], f"{SHA1}\n", "../" + SHA1])
def test_a_name_in_another_spelling_has_no_key(sha1):
    for derive in (
        content_discovery,
        content_key,
        lambda name: subfeed_key_of(SubfeedKey(FEED, name)),
        lambda name: subfeed_discovery(SubfeedKey(FEED, name)),
    ):
        with pytest.raises(ValueError, match="is no SHA-1"):
            derive(sha1)


@pytest.mark.parametrize("feed", ["", FEED.upper(), FEED[:-2], f"{FEED}\n"])
def test_a_feed_in_another_spelling_has_no_key(feed):
    for derive in (feed_discovery, feed_key, lambda name: subfeed_key_of(SubfeedKey(name, SHA1))):
        with pytest.raises(ValueError, match="is no feed"):
            derive(feed)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_channel_key_has_32_bytes(size):
    with pytest.raises(ValueError, match="channel key"):
        channel_subkey(bytes(size), "control")
