"""Verifies feeds as docs/feeds.md describes them, sharing no code with kachery."""

import hashlib
import json
import struct
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEADER = struct.Struct(">IBBQIq16s")


def verify_log(path, feed_hex, subfeed_hex):
    """The messages of one subfeed, in a node's log or an export; an error if not proved."""
    data = Path(path).read_bytes()
    # A log is nothing but batches, and no batch is so large that it begins with '{'.
    if data.startswith(b"{"):
        data = batches_in_export(data, feed_hex, subfeed_hex)
    return verify_batches(data, bytes.fromhex(feed_hex), bytes.fromhex(subfeed_hex))


def batches_in_export(data, feed_hex, subfeed_hex):
    line, _, rest = data.partition(b"\n")
    head = json.loads(line)
    assert (head["kachery_feed_export"], head["feed"]) == (1, feed_hex)
    assert len(rest) == sum(one["bytes"] for one in head["subfeeds"])
    found, start = {}, 0
    for one in head["subfeeds"]:
        found[one["subfeed"]] = rest[start : start + one["bytes"]]
        start += one["bytes"]
    return found[subfeed_hex]


def verify_batches(data, feed, subfeed):
    """The messages up to the last signature; whatever follows it is not part of the feed."""
    entry, messages, proved, at = bytes(32), [], 0, 0
    while at + 4 <= len(data) and (size := int.from_bytes(data[at : at + 4], "big")):
        _, version, flags, first, count, time_us, _ = HEADER.unpack_from(data, at)
        end = at + 4 + size
        assert (version, first) == (1, len(messages))
        assert end <= len(data)
        sizes = struct.unpack_from(f">{count}I", data, at + HEADER.size)
        at += HEADER.size + 4 * count
        assert at + sum(sizes) + 96 == end
        for one in sizes:
            payload, at = data[at : at + one], at + one
            fixed = struct.pack(">Q32sq", len(messages), entry, time_us)
            text = b"kachery-feed-entry-1\0" + feed + subfeed + fixed
            entry = hashlib.sha256(text + hashlib.sha256(payload).digest()).digest()
            messages.append(json.loads(payload))
        assert data[at : at + 32] == entry
        if flags & 1:
            head = struct.pack(">Q", len(messages)) + entry
            signed = b"kachery-feed-head-1\0" + feed + subfeed + head
            Ed25519PublicKey.from_public_bytes(feed).verify(data[at + 32 : end], signed)
            proved = len(messages)
        at = end
    return messages[:proved]
