"""Verifies feeds as docs/feeds.md describes them, sharing no code with kachery.

python feed_verifier.py FILE FEED_HEX SUBFEED_HEX    prints the messages of a log or an export
"""

import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEADER = struct.Struct(">IBBQIq16s")


def verify_log(path, feed_hex, subfeed_hex):
    """The messages of one subfeed, in a node's log or an export; AssertionError if not proved."""
    with open(path, "rb") as file:
        data = file.read()
    return verify_batches(batches_of(data, feed_hex, subfeed_hex), feed_hex, subfeed_hex)


def batches_of(data, feed_hex, subfeed_hex):
    """The batches of a subfeed; a log is nothing but batches, and no batch begins with '{'."""
    if not data.startswith(b"{"):
        return data
    line, _, rest = data.partition(b"\n")
    head = json.loads(line)
    assert head["kachery_feed_export"] == 1
    assert head["feed"] == feed_hex
    assert len(rest) == sum(one["bytes"] for one in head["subfeeds"])
    start = 0
    for one in head["subfeeds"]:
        if one["subfeed"] == subfeed_hex:
            return rest[start : start + one["bytes"]]
        start += one["bytes"]
    raise AssertionError("the subfeed is not in the export")


def verify_batches(data, feed_hex, subfeed_hex):
    """The messages up to the last signature; whatever follows it is not part of the feed."""
    key = bytes.fromhex(feed_hex) + bytes.fromhex(subfeed_hex)
    entry, index, at, messages, proved = bytes(32), 0, 0, [], 0
    while at + 4 <= len(data) and (size := int.from_bytes(data[at : at + 4], "big")):
        _, version, flags, first, count, time_us, _ = HEADER.unpack_from(data, at)
        end = at + 4 + size
        assert (version, first) == (1, index)
        assert end <= len(data)
        sizes = struct.unpack_from(f">{count}I", data, at + HEADER.size)
        at += HEADER.size + 4 * count
        assert at + sum(sizes) + 96 == end
        for one in sizes:
            payload, at = data[at : at + one], at + one
            fields = struct.pack(">Q32sq", index, entry, time_us) + hashlib.sha256(payload).digest()
            entry = hashlib.sha256(b"kachery-feed-entry-1\0" + key + fields).digest()
            messages.append(json.loads(payload))
            index += 1
        assert data[at : at + 32] == entry
        if flags & 1:
            signed = b"kachery-feed-head-1\0" + key + struct.pack(">Q", index) + entry
            Ed25519PublicKey.from_public_bytes(key[:32]).verify(data[at + 32 : end], signed)
            proved = index
        at = end
    return messages[:proved]


if __name__ == "__main__":
    for message in verify_log(*sys.argv[1:4]):
        print(json.dumps(message))
