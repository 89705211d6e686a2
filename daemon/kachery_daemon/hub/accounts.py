"""The statements a hub signs: which accounts there are, and who may use its own.

Ed25519 signatures are the same each time, so the same facts give the same text.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kachery_core.jwts import encode_jwt
from kachery_core.records import record_claims
from kachery_core.statements import NATS_VERSION
from kachery_core.wire.hub import LARGEST_LOBBY_MESSAGE
from kachery_daemon.hub.limits import CHANNEL_LIMITS, OWN_LIMITS

if TYPE_CHECKING:
    from kachery_core.records import Record
    from kachery_daemon.hub.identity import Key, Keys

_MOST_GUESTS = 2000
# A guest asks under its own name, which the hub checks, and hears only what is said to it.
_GUEST_SUBJECTS = {
    "pub": {"allow": ["lobby.*.{{subject()}}"]},
    "sub": {"allow": ["_INBOX_{{subject()}}.>"]},
    "subs": 10,
    "data": -1,
    "payload": LARGEST_LOBBY_MESSAGE,
}


def operator_token(keys: Keys) -> str:
    """Who signs the accounts of this hub."""
    facts = {"type": "operator", "system_account": keys.system.nkey}
    return _signed(keys.operator, keys.operator.nkey, "kachery hub", facts)


def system_token(keys: Keys) -> str:
    """The account whose users may change accounts."""
    facts = {"type": "account", "limits": OWN_LIMITS}
    return _signed(keys.operator, keys.system.nkey, "SYS", facts)


def lobby_token(keys: Keys) -> str:
    """The account of the front desk; what guests may is part of it, not of their own tokens."""
    guest = {
        "kind": "user_scope",
        "key": keys.guest.nkey,
        "role": "guest",
        "template": _GUEST_SUBJECTS,
    }
    facts = {
        "type": "account",
        "limits": OWN_LIMITS | {"conn": _MOST_GUESTS},
        "signing_keys": [guest],
    }
    return _signed(keys.operator, keys.lobby.nkey, "LOBBY", facts)


def channel_token(keys: Keys, record: Record, signed_at: int) -> str:
    """The account of a channel: what its record says, with the hub's limits.

    Args:
        keys: the hub's.
        record: the channel's.
        signed_at: seconds since 1970; a server ignores what is older than what it has.
    """
    facts = {**record_claims(record), "limits": CHANNEL_LIMITS}
    return _signed(keys.operator, record.channel_id, record.name, facts, signed_at)


def own_user_token(account: Key, user: Key) -> str:
    """A user of one of the hub's own accounts, for the registrar itself."""
    facts = {"type": "user", "subs": -1, "data": -1, "payload": -1}
    return _signed(account, user.nkey, "registrar", facts, int(time.time()))


def _signed(issuer: Key, subject: str, name: str, facts: dict[str, Any], at: int = 0) -> str:
    claims = {
        "iat": at,
        "iss": issuer.nkey,
        "sub": subject,
        "name": name,
        "nats": {"version": NATS_VERSION, **facts},
    }
    return encode_jwt(claims, issuer.signer)
