"""The vectors in docs/channels.md are what this version writes, and another program opens them.

`python -m tests.integration.test_channel_format` prints them anew, for a new version of the format.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag

from kachery_core import capabilities, subjects
from kachery_core.digests import sha1_hex
from kachery_core.feeds import subfeed_hash
from kachery_core.hub_urls import HubUrl, parse_hub_url
from kachery_core.invitations import (
    Invitation,
    make_letter,
    open_invitation,
    open_letter,
    seal_invitation,
    seal_letter,
)
from kachery_core.memberships import membership_hash
from kachery_core.messages import SubfeedKey
from kachery_core.nkeys import encode_seed, user_nkey
from kachery_core.roles import Role
from kachery_core.sealing import seal
from kachery_core.wire.hub import Deposit, Registration, guest_token, sign_registration
from kachery_core.wire.node import (
    Presence,
    Signed,
    control_key,
    pack,
    pack_padded,
    seal_envelope,
    signed_bytes,
)
from kachery_core.wire.node_archives import (
    Passed,
    PassedContent,
    PassedSubfeed,
    open_note,
    seal_note,
)
from tests.support import channel_verifier as verifier
from tests.support.channel_samples import (
    ALICE,
    ALICE_SEED,
    BOB,
    BOB_SEED,
    CHANNEL,
    CHANNEL_ID,
    CHANNEL_KEY,
    HUB,
    OWNER,
    membership,
    record,
    seed,
)

DOCUMENT = (Path(__file__).parents[2] / "docs" / "channels.md").read_text(encoding="utf-8")
CONTENT = b"hello, channel\n"
MEMBERSHIP = membership(ALICE, {Role.REQUEST_FILES, Role.PROVIDE_FEEDS}, name="alice")
RECORD = record(version=2, epoch=3, revocations={BOB.public_key: 1_789_999_000})
REGISTRATION = Registration(RECORD.text, [Deposit(MEMBERSHIP.text, b"sealed letter")])
MADE_ANEW = ("invitation", "sealed letter", "note to an archive")


def documented():
    """The vectors as they are printed."""
    block = re.search(r"<!-- vectors -->\s*```json\n(.*?)```", DOCUMENT, re.DOTALL)
    assert block is not None
    return json.loads(block[1])


def vectors():
    """The same, made anew."""
    sha1, feed = sha1_hex(CONTENT), ALICE.public_key
    subfeed = SubfeedKey(feed, subfeed_hash("main"))
    letter = make_letter(CHANNEL, ALICE.public_key, CHANNEL_KEY, 3)
    message = _message()
    passed = Passed(
        bytes.fromhex(CHANNEL.public_key),
        bytes.fromhex(OWNER.public_key),
        [PassedContent(bytes.fromhex(sha1), label="hello.txt")],
        [PassedSubfeed(bytes.fromhex(feed), bytes.fromhex(subfeed.subfeed))],
    )
    return {
        "content": CONTENT.decode(),
        "sha1": sha1,
        "content discovery": capabilities.content_discovery(sha1).hex(),
        "content key": capabilities.content_key(sha1).hex(),
        "frame 0": seal(capabilities.content_key(sha1), capabilities.frame_nonce(0), CONTENT).hex(),
        "nonce of frame 258": capabilities.frame_nonce(258).hex(),
        "feed": feed,
        "subfeed": subfeed.subfeed,
        "subfeed discovery": capabilities.subfeed_discovery(subfeed).hex(),
        "subfeed key": capabilities.subfeed_key_of(subfeed).hex(),
        "feed discovery": capabilities.feed_discovery(feed).hex(),
        "feed key": capabilities.feed_key(feed).hex(),
        "channel seed": seed(1).hex(),
        "channel id": CHANNEL_ID,
        "channel key": CHANNEL_KEY.hex(),
        "channel subkey control": capabilities.channel_subkey(CHANNEL_KEY, "control").hex(),
        "live token": capabilities.live_token(CHANNEL_KEY, capabilities.subfeed_discovery(subfeed)),
        "node seed": ALICE_SEED.hex(),
        "node id": ALICE.public_key,
        "node's user nkey": user_nkey(ALICE.public_key),
        "node's seed as nkey": encode_seed("user", ALICE_SEED),
        "owner": OWNER.public_key,
        "membership": MEMBERSHIP.text,
        "membership hash": membership_hash(MEMBERSHIP.text).hex(),
        "record": RECORD.text,
        "revoked": BOB.public_key,
        "hub url": str(HUB),
        "hub url without TLS": str(HubUrl("127.0.0.1", 7422, None, seed(32), seed(33))),
        "letter": msgspec.msgpack.encode(letter).hex(),
        "guest's pass": guest_token(HUB, ALICE.public_key),
        "registration": sign_registration(CHANNEL, REGISTRATION).hex(),
        "body of the envelope": message.body.hex(),
        "signed bytes of the envelope": signed_bytes(
            CHANNEL_ID, membership_hash(MEMBERSHIP.text), message
        ).hex(),
        "envelope": seal_envelope(3, control_key(CHANNEL_KEY), bytes(12), message).hex(),
        "sealed letter": seal_letter(letter).hex(),
        "invitation": seal_invitation(Invitation(HUB, MEMBERSHIP, RECORD, letter)),
        "what passed": pack_padded(passed).hex(),
        "note to an archive": seal_note(ALICE.public_key, passed).hex(),
    }


def _message():
    presence = Presence(
        instance="0123456789abcdef",
        roles=[Role.REQUEST_FILES],
        is_archive=False,
        version="0.1.0",
        record_version=2,
    )
    unsigned = Signed(
        membership=membership_hash(MEMBERSHIP.text),
        to=subjects.presence(ALICE.public_key),
        id=bytes(range(16)),
        re=b"",
        kind="say",
        body=pack(presence),
        signature=bytes(64),
    )
    signed = signed_bytes(CHANNEL_ID, unsigned.membership, unsigned)
    return msgspec.structs.replace(unsigned, signature=ALICE.sign(signed))


def test_the_documented_vectors_are_what_is_written():
    printed, made = documented(), vectors()
    assert list(printed) == list(made)
    for name, value in made.items():
        if name not in MADE_ANEW:
            assert printed[name] == value, name


def test_the_documented_box_and_letter_open():
    printed = documented()
    expected = Invitation(
        HUB, MEMBERSHIP, RECORD, make_letter(CHANNEL, ALICE.public_key, CHANNEL_KEY, 3)
    )
    assert open_invitation(printed["invitation"], ALICE_SEED) == expected
    sealed = bytes.fromhex(printed["sealed letter"])
    assert open_letter(sealed, ALICE_SEED, CHANNEL_ID) == expected.letter
    assert parse_hub_url(printed["hub url"]) == HUB


def test_another_program_derives_the_same_keys():
    printed = documented()
    sha1 = bytes.fromhex(verifier.sha1(printed["content"].encode()))
    feed, subfeed = bytes.fromhex(printed["feed"]), bytes.fromhex(printed["subfeed"])
    materials = {
        "content": sha1,
        "subfeed": feed + subfeed,
        "feed": feed,
    }
    for what, material in materials.items():
        for purpose, size in (("discovery", 16), ("key", 32)):
            context = f"kachery_jupyter 2026-11 {what} {purpose} v1"
            expected = verifier.derived(context, material, size).hex()
            assert printed[f"{what} {purpose}"] == expected
    channel_key, discovery = (
        bytes.fromhex(printed[name]) for name in ("channel key", "subfeed discovery")
    )
    assert printed["live token"] == verifier.live_token(channel_key, discovery)
    frame = bytes.fromhex(printed["frame 0"])
    assert verifier.open_frame(printed["sha1"], 0, frame).decode() == printed["content"]
    with pytest.raises(InvalidTag):
        verifier.open_frame(printed["sha1"], 1, frame)


def test_another_program_reads_the_statements():
    printed = documented()
    member, channel = (verifier.read_statement(printed[name]) for name in ("membership", "record"))
    assert member["iss"] == channel["iss"] == channel["sub"] == printed["channel id"]
    node = bytes.fromhex(printed["node id"])
    assert member["sub"] == printed["node's user nkey"] == verifier.nkey(verifier.USER, node)
    assert set(member["nats"]["tags"]) == {
        "kachery:1",
        "role:request-files",
        "role:provide-feeds",
    }
    owner = verifier.nkey(verifier.USER, bytes.fromhex(printed["owner"]))
    assert set(channel["nats"]["tags"]) == {"kachery:1", "version:2", "epoch:3", f"owner:{owner}"}
    revoked = verifier.nkey(verifier.USER, bytes.fromhex(printed["revoked"]))
    assert channel["nats"]["revocations"] == {revoked: 1_789_999_000}
    changed = printed["membership"].replace("J", "K", 1)
    with pytest.raises((InvalidSignature, ValueError)):
        verifier.read_statement(changed)


def test_another_program_opens_the_envelope_and_knows_who_sent_it():
    printed = documented()
    envelope = bytes.fromhex(printed["envelope"])
    keys = {3: bytes.fromhex(printed["channel key"])}
    memberships = [printed["membership"]]
    message = verifier.open_envelope(envelope, printed["channel id"], keys, memberships)
    assert message["from"] == printed["node's user nkey"]
    assert message["to"] == f"presence.{message['from']}"
    assert message["body"].hex() == printed["body of the envelope"]
    assert msgspec.msgpack.decode(message["body"])[0] == "0123456789abcdef"


def test_another_program_joins_with_the_invitation():
    printed = documented()
    hub_url, member, channel, epoch, key = verifier.open_invitation(
        printed["invitation"], bytes.fromhex(printed["node seed"])
    )
    assert (member["sub"], channel["sub"]) == (printed["node's user nkey"], printed["channel id"])
    assert (epoch, key.hex()) == (3, printed["channel key"])
    pin, lobby_key, lobby_seed = verifier.read_hub_url(hub_url)
    assert (pin, lobby_key, lobby_seed) == (HUB.pin, HUB.lobby_key, HUB.lobby_seed)
    assert verifier.read_hub_url(printed["hub url without TLS"])[0] is None
    with pytest.raises(Exception, match="decrypt"):
        verifier.open_invitation(printed["invitation"], BOB_SEED)


def test_another_program_reads_what_was_registered_and_signs_itself_into_the_lobby():
    printed = documented()
    record, deposits = verifier.read_registration(bytes.fromhex(printed["registration"]))
    assert record["sub"] == printed["channel id"]
    assert deposits == [[printed["membership"], b"sealed letter"]]
    guest = verifier.read_statement(printed["guest's pass"])
    _, lobby_key, lobby_seed = verifier.read_hub_url(printed["hub url"])
    assert guest["iss"] == verifier.nkey(verifier.ACCOUNT, verifier.public_key(lobby_seed))
    assert guest["sub"] == printed["node's user nkey"]
    lobby = verifier.nkey(verifier.ACCOUNT, lobby_key)
    assert guest["nats"] == {"type": "user", "version": 2, "issuer_account": lobby}


def test_an_archive_reads_the_note_and_so_does_another_program():
    printed = documented()
    note = bytes.fromhex(printed["note to an archive"])
    passed = open_note(note, ALICE_SEED, CHANNEL_ID, OWNER.public_key)
    assert pack(passed).hex() == printed["what passed"]
    (box,) = msgspec.msgpack.decode(note)
    inside = verifier.open_box(bytes.fromhex(printed["node seed"]), box)
    assert inside.hex() == printed["what passed"]
    assert len(inside) % 256 == 0
    channel, teller, contents, subfeeds, padding = msgspec.msgpack.decode(inside)
    assert verifier.nkey(verifier.ACCOUNT, channel) == printed["channel id"]
    assert teller.hex() == printed["owner"]
    assert not any(padding)
    assert contents == [[bytes.fromhex(printed["sha1"]), b"", "hello.txt"]]
    assert [[one.hex() for one in each] for each in subfeeds] == [
        [printed["feed"], printed["subfeed"]]
    ]


if __name__ == "__main__":
    print(json.dumps(vectors(), indent=2, ensure_ascii=False))
