"""The record of a channel: what it says of itself, signed with its own key.

A channel is an Ed25519 key; its *channel id* is the account nkey of it. The record is the account
JWT of the channel, signed by itself; the hub's registrar signs another with the same facts and the
hub's limits, for NATS. Only the record with the highest version counts.

A revocation of a node at a time takes back all its memberships issued at or before it, in whole
seconds: who is granted something else gets a membership issued at least one second later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kachery_core.errors import InvalidInputError
from kachery_core.jwts import LAST_SECOND, encode_jwt
from kachery_core.nkeys import account_key_of, account_nkey, user_nkey
from kachery_core.statements import (
    FORMAT_TAG,
    NATS_VERSION,
    check_name,
    read_node_id,
    read_statement,
    refused,
)

if TYPE_CHECKING:
    from kachery_core.keys import Signer

LARGEST_EPOCH = 2**32 - 1


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a record says.

    Attributes:
        name: what the channel is called.
        version: 1, 2, 3, … for this channel; only the highest counts.
        owner: the node that decides, 64 hex digits.
        issued_at: seconds since 1970.
        epoch: which of the channel's keys is in use; a higher one after each revocation.
        revocations: node id -> the time up to which its memberships do not count any more.
    """

    name: str
    version: int
    owner: str
    issued_at: int
    epoch: int = 1
    revocations: dict[str, int] = {}


class Record(Terms, frozen=True, kw_only=True):
    """Terms that their channel signed; `text` is the signed form."""

    channel_id: str
    text: str


def make_record(channel: Signer, terms: Terms) -> str:
    """Sign a record.

    Args:
        channel: holds the channel's key.
        terms: what it says.

    Raises:
        InvalidInputError: not a node id, or a name that cannot be one.
    """
    check_name(terms.name)
    channel_id = account_nkey(channel.public_key)
    claims = {
        "iss": channel_id,
        "sub": channel_id,
        "name": terms.name,
        "iat": terms.issued_at,
        "nats": record_claims(terms),
    }
    return encode_jwt(claims, channel)


def record_claims(terms: Terms) -> dict[str, Any]:
    """What NATS is to know of a channel; the registrar adds `limits` and signs it for its hub.

    Raises:
        InvalidInputError: something in it is not a node id.
    """
    revocations = {user_nkey(node): time for node, time in sorted(terms.revocations.items())}
    return {
        "type": "account",
        "version": NATS_VERSION,
        "revocations": revocations,
        "tags": [
            FORMAT_TAG,
            f"version:{terms.version}",
            f"epoch:{terms.epoch}",
            f"owner:{user_nkey(terms.owner)}",
        ],
    }


def read_record(text: str) -> Record:
    """What a channel says of itself.

    Raises:
        BadMembershipError: not a record, or not signed by the channel that it is about.
    """
    claims, tags = read_statement(text, "account")
    if claims.issuer != claims.subject:
        raise refused("another key than the channel's signed it")
    if not claims.name:
        raise refused("it has no name")
    facts = _facts(tags)
    return Record(
        channel_id=_checked_channel(claims.subject),
        name=claims.name,
        version=_count(facts.get("version", ""), 2**53),
        epoch=_count(facts.get("epoch", ""), LARGEST_EPOCH),
        owner=read_node_id(facts.get("owner", "")),
        issued_at=claims.issued_at,
        revocations=_revocations(claims.nats.get("revocations", {})),
        text=text,
    )


def _facts(tags: list[str]) -> dict[str, str]:
    pairs = [tag.split(":", 1) for tag in tags if ":" in tag]
    facts = dict(pairs)
    if len(facts) != len(pairs):
        raise refused("it says something twice")
    return facts


def _revocations(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        raise refused("its revocations are none")
    if not all(type(time) is int and 0 <= time <= LAST_SECOND for time in value.values()):
        raise refused("a revocation has no time")
    return {read_node_id(nkey): time for nkey, time in value.items()}


def _count(text: str, largest: int) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(largest))
    if not is_number or text[0] == "0" or int(text) > largest:
        raise refused("its version or epoch is no number")
    return int(text)


def _checked_channel(nkey: str) -> str:
    try:
        account_key_of(nkey)
    except InvalidInputError as problem:
        raise refused("it is not about a channel") from problem
    return nkey
