"""Every key that follows from a URI or from a channel. This is the one file that derives keys.

Whoever knows a URI may read what it names, and nobody else: from the SHA-1 of a content, or from
the name of a feed, follow two things, one way each. A *discovery key* says which one is meant
without saying what it is called; a *payload key* seals its bytes. Neither leads back to the URI or
to the other. Everything else in a channel is sealed with keys that follow from the channel's key.

All derivation is BLAKE3 in its key derivation mode, with the context strings below. They are part
of the format: another context is another version. `docs/channels.md` has test vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blake3 import blake3

from kachery_core.digests import is_sha1
from kachery_core.keys import is_public_key
from kachery_core.sealing import KEY_SIZE, NONCE_SIZE

if TYPE_CHECKING:
    from kachery_core.messages import SubfeedKey

DISCOVERY_SIZE = 16

_CONTENT_DISCOVERY = "kachery_jupyter 2026-11 content discovery v1"
_CONTENT_KEY = "kachery_jupyter 2026-11 content key v1"
_SUBFEED_DISCOVERY = "kachery_jupyter 2026-11 subfeed discovery v1"
_SUBFEED_KEY = "kachery_jupyter 2026-11 subfeed key v1"
_FEED_DISCOVERY = "kachery_jupyter 2026-11 feed discovery v1"
_FEED_KEY = "kachery_jupyter 2026-11 feed key v1"
_CHANNEL_SUBKEY = "kachery_jupyter 2026-11 channel subkey v1: "
_LIVE_SUBJECT = "live subject"


def content_discovery(sha1: str) -> bytes:
    """What nodes call a content when they look for it: 16 bytes."""
    return _derived(_CONTENT_DISCOVERY, _raw_sha1(sha1), DISCOVERY_SIZE)


def content_key(sha1: str) -> bytes:
    """The key that seals the bytes of a content: 32 bytes.

    Frame i, the i-th 1 MiB of the content, is sealed with `frame_nonce(i)`. Key and index determine
    the bytes, so no nonce ever seals two of them; who provides a content seals only what it has
    verified, so nobody can talk it into another plaintext. Everything else under this key (sizes,
    tables) takes a random nonce.
    """
    return _derived(_CONTENT_KEY, _raw_sha1(sha1), KEY_SIZE)


def frame_nonce(index: int) -> bytes:
    """The nonce of a content's frame: its index as 12 bytes, big-endian."""
    return index.to_bytes(NONCE_SIZE, "big")


def subfeed_discovery(key: SubfeedKey) -> bytes:
    """What nodes call a subfeed when they look for it: 16 bytes."""
    return _derived(_SUBFEED_DISCOVERY, _raw_subfeed(key), DISCOVERY_SIZE)


def subfeed_key_of(key: SubfeedKey) -> bytes:
    """The key that seals the messages of a subfeed, always with random nonces: 32 bytes."""
    return _derived(_SUBFEED_KEY, _raw_subfeed(key), KEY_SIZE)


def feed_discovery(feed: str) -> bytes:
    """What nodes call a feed when they ask for its list of subfeeds: 16 bytes."""
    return _derived(_FEED_DISCOVERY, _raw_feed(feed), DISCOVERY_SIZE)


def feed_key(feed: str) -> bytes:
    """The key that seals the list of a feed's subfeeds, always with random nonces: 32 bytes."""
    return _derived(_FEED_KEY, _raw_feed(feed), KEY_SIZE)


def channel_subkey(channel_key: bytes, purpose: str) -> bytes:
    """The key of a channel for one purpose, for example "control": 32 bytes."""
    if len(channel_key) != KEY_SIZE:
        raise ValueError(f"a channel key of {len(channel_key)} bytes")
    return _derived(_CHANNEL_SUBKEY + purpose, channel_key, KEY_SIZE)


def live_token(channel_key: bytes, discovery: bytes) -> str:
    """What a subfeed is called in a subject: 32 hex digits that say nothing outside the channel.

    Subjects are what the hub sees. It would know a discovery key again in another channel, or if
    somebody ever showed it the URI.
    """
    subject_key = channel_subkey(channel_key, _LIVE_SUBJECT)
    return blake3(discovery, key=subject_key).hexdigest(length=DISCOVERY_SIZE)


def _derived(context: str, material: bytes, size: int) -> bytes:
    return blake3(material, derive_key_context=context).digest(length=size)


def _raw_sha1(sha1: str) -> bytes:
    # One content under two spellings would be two keys.
    if not is_sha1(sha1):
        raise ValueError(f"{sha1!r:.60} is no SHA-1")
    return bytes.fromhex(sha1)


def _raw_feed(feed: str) -> bytes:
    if not is_public_key(feed):
        raise ValueError(f"{feed!r:.80} is no feed")
    return bytes.fromhex(feed)


def _raw_subfeed(key: SubfeedKey) -> bytes:
    return _raw_feed(key.feed) + _raw_sha1(key.subfeed)
