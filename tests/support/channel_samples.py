"""Channels for tests that need no hub: keys, grants, records, invitations, all from seeds."""

from __future__ import annotations

import base64
import json

from kachery_core.hub_urls import HubUrl
from kachery_core.invitations import Invitation, make_letter
from kachery_core.keys import SeedSigner
from kachery_core.memberships import Grant, make_membership, read_membership
from kachery_core.nkeys import account_nkey
from kachery_core.records import Terms, make_record, read_record
from kachery_core.roles import ALL_ROLES

# A moment in 2026, and a membership's usual life.
NOW = 1_790_000_000
MONTH = 30 * 24 * 3600


def seed(number):
    """32 bytes that are the same in every run."""
    return bytes([number]) * 32


CHANNEL, OTHER_CHANNEL = SeedSigner(seed(1)), SeedSigner(seed(2))
OWNER, ALICE, BOB = SeedSigner(seed(11)), SeedSigner(seed(12)), SeedSigner(seed(13))
ALICE_SEED, BOB_SEED = seed(12), seed(13)
CHANNEL_ID = account_nkey(CHANNEL.public_key)
CHANNEL_KEY = seed(21)
HUB = HubUrl("hub.example.org", 7422, seed(31), seed(32), seed(33))


def grant(node=ALICE, roles=ALL_ROLES, **changes):
    """What a membership is to say."""
    facts = {"issued_at": NOW, "expires_at": NOW + MONTH, **changes}
    return Grant(node_id=node.public_key, roles=frozenset(roles), **facts)


def membership(node=ALICE, roles=ALL_ROLES, channel=CHANNEL, **changes):
    """A membership that a channel signed, read again."""
    text = make_membership(channel, grant(node, roles, **changes))
    return read_membership(text, account_nkey(channel.public_key))


def record(channel=CHANNEL, **changes):
    """A record that a channel signed, read again."""
    facts = {"name": "lab", "version": 1, "owner": OWNER.public_key, "issued_at": NOW}
    return read_record(make_record(channel, Terms(**facts | changes)))


def invitation(node=ALICE):
    """All that a node needs to join."""
    letter = make_letter(CHANNEL, node.public_key, CHANNEL_KEY, 1)
    return Invitation(HUB, membership(node), record(), letter)


def to_base64(data):
    """As in tokens."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def token(claims, signer=CHANNEL, header=None):
    """A token with any claims, as text or as JSON bytes, and any header; signed all the same."""
    header = {"typ": "JWT", "alg": "ed25519-nkey"} if header is None else header
    parts = [
        part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)
    ]
    signed = ".".join(to_base64(part) for part in parts)
    return f"{signed}.{to_base64(signer.sign(signed.encode()))}"


def claims_of(text):
    """The claims of a token, unchecked."""
    part = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def bit_flips(data, step=1):
    """The same bytes with one bit changed, at every place."""
    for place in range(0, len(data), step):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        yield bytes(changed)
