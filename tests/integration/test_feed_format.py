"""The vectors in docs/feeds.md are what this version writes, and another program verifies them.

`python -m tests.integration.test_feed_format` prints them anew, for a new version of the format.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kachery_core.capabilities import (
    feed_discovery,
    feed_key,
    subfeed_discovery,
    subfeed_key_of,
)
from kachery_core.feeds import FeedUri, subfeed_hash, subfeed_label
from kachery_core.forks import ForkProof, check_fork, find_fork
from kachery_core.messages import Head, SubfeedKey, encode_batch, head_bytes, make_batch
from kachery_core.wire.node_feeds import (
    HeadFacts,
    RunPiece,
    SubfeedFacts,
    SubfeedsFacts,
    seal_facts,
)
from kachery_jupyter.client.feed_exports import Export, ExportedSubfeed, read_export
from tests.support.feed_verifier import verify_log

DOCUMENT = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text(encoding="utf-8")
SEED = bytes(range(32))
TIME_US = 1_700_000_000_000_000
NAMES = ["primes", {"b": 2, "a": "é"}, "~80d9cc061689dbc521aba6b35235f29de63d8349", "a b/ü"]
# Three append calls; the second and the third waited for the disk together.
APPENDS = [[{"n": 1, "p": 2}], [{"n": 2, "p": 3}, {"n": 3, "p": 5}], ["é\u2028"]]


def documented():
    """The vectors as they are printed."""
    block = re.search(r"<!-- vectors -->\s*```json\n(.*?)```", DOCUMENT, re.DOTALL)
    assert block is not None
    return json.loads(block[1])


def vectors():
    """The same, made anew."""
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    feed = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    subfeed = SubfeedKey(feed, subfeed_hash("primes"))
    batches = _batches(key, subfeed, APPENDS)
    log = b"".join(map(encode_batch, batches))
    other = encode_batch(_batches(key, subfeed, [[{"n": 1, "p": 1}]])[0])
    proof = find_fork(subfeed, Head(), encode_batch(batches[0]), other)
    return {
        "key seed": SEED.hex(),
        "feed": feed,
        "subfeeds": [
            {
                "name": name,
                "hash": subfeed_hash(name),
                "uri": str(FeedUri(feed, subfeed_label(name))),
            }
            for name in NAMES
        ],
        "batches": [
            {
                "payloads": [payload.decode() for payload in one.payloads],
                "time_us": one.time_us,
                "append_id": one.append_id.hex(),
                "last entry": one.head.entry.hex(),
                "signed bytes": head_bytes(subfeed, one.head).hex() if one.signature else None,
                "signature": one.signature.hex() or None,
                "bytes": encode_batch(one).hex(),
            }
            for one in batches
        ],
        "export, first line": _export_line(subfeed, log).decode(),
        "fork proof": json.loads(msgspec.json.encode(proof)),
        "over a channel": _sealed(subfeed, batches, log),
    }


def _sealed(subfeed, batches, log):
    """Notes with zeros for a nonce, so that they are the same each time."""
    head, signature = batches[-1].head, batches[-1].signature
    discovery, key = subfeed_discovery(subfeed), subfeed_key_of(subfeed)
    facts = {
        "HeadFacts": HeadFacts(head.length, head.entry, signature, is_writer=True, is_forked=False),
        "RunPiece": RunPiece(0, bytes(32), log, len(log), head.length),
    }
    listed = SubfeedsFacts(1, [SubfeedFacts(bytes.fromhex(subfeed.subfeed), b'"primes"', 4)])
    list_key, list_discovery = feed_key(subfeed.feed), feed_discovery(subfeed.feed)
    return {
        "subfeed discovery": discovery.hex(),
        "subfeed key": key.hex(),
        "feed discovery": list_discovery.hex(),
        "feed key": list_key.hex(),
        "nonce": bytes(12).hex(),
        **{name: seal_facts(key, bytes(12), discovery, one).hex() for name, one in facts.items()},
        "SubfeedsFacts": seal_facts(list_key, bytes(12), list_discovery, listed).hex(),
    }


def _batches(key, subfeed, appends):
    head, made = Head(), []
    for number, messages in enumerate(appends):
        payloads = [json.dumps(one, separators=(",", ":")).encode() for one in messages]
        # One time for what is written together.
        time_us = TIME_US + min(number, 1) * 1_000_000
        batch = make_batch(subfeed, head, time_us, bytes([number]) * 16, payloads)
        head = batch.head
        if number != 1:
            signature = key.sign(head_bytes(subfeed, head))
            batch = msgspec.structs.replace(batch, signature=signature)
        made.append(batch)
    return made


def _export_line(subfeed, log):
    exported = ExportedSubfeed(subfeed.subfeed, "primes", 4, len(log))
    return msgspec.json.encode(Export(subfeed.feed, [exported]))


@pytest.fixture
def log():
    return b"".join(bytes.fromhex(one["bytes"]) for one in documented()["batches"])


def test_this_version_writes_what_the_document_says():
    assert vectors() == documented()


def test_another_program_verifies_the_printed_log_and_export(tmp_path, log):
    printed = documented()
    subfeed = printed["subfeeds"][0]["hash"]
    messages = [message for messages in APPENDS for message in messages]
    (tmp_path / "a.log").write_bytes(log + bytes(1000))
    (tmp_path / "a.feed").write_bytes(printed["export, first line"].encode() + b"\n" + log)
    for name in ("a.log", "a.feed"):
        assert verify_log(tmp_path / name, printed["feed"], subfeed) == messages
    assert read_export(tmp_path / "a.feed") == {"primes": messages}


def test_no_changed_byte_changes_what_another_program_reads(tmp_path, log):
    """What changes no message: append ids, and signatures that a later one covers."""
    printed = documented()
    messages = [message for messages in APPENDS for message in messages]
    path = tmp_path / "a.log"
    refused = 0
    for place in range(len(log)):
        path.write_bytes(log[:place] + bytes([log[place] ^ 1]) + log[place + 1 :])
        try:
            found = verify_log(path, printed["feed"], printed["subfeeds"][0]["hash"])
        except Exception:  # noqa: BLE001 - whichever way it was noticed
            refused += 1
        else:
            assert found == messages[: len(found)]
    assert refused > len(log) / 2


def test_the_printed_proof_proves_a_fork():
    printed = documented()["fork proof"]
    proof = msgspec.json.decode(json.dumps(printed), type=ForkProof)
    check_fork(proof)
    assert proof.index == 0
    assert base64.b64decode(printed["ours"]) != base64.b64decode(printed["theirs"])


def test_the_printed_notes_open_by_what_the_document_says():
    """Without any code of kachery but the batches."""
    printed = documented()["over a channel"]
    key, nonce = bytes.fromhex(printed["subfeed key"]), bytes.fromhex(printed["nonce"])
    for name, fields in (("HeadFacts", 5), ("RunPiece", 5)):
        note = bytes.fromhex(printed[name])
        about = name.encode() + b"\0" + bytes.fromhex(printed["subfeed discovery"])
        opened = msgspec.msgpack.decode(AESGCM(key).decrypt(nonce, note[12:], about))
        assert note[:12] == nonce
        assert len(opened) == fields
    assert opened[2] == b"".join(bytes.fromhex(one["bytes"]) for one in documented()["batches"])


if __name__ == "__main__":
    print(json.dumps(vectors(), indent=2, ensure_ascii=False))
