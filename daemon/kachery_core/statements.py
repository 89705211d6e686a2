"""What memberships and records have in common: statements of a channel, with names and tags."""

from __future__ import annotations

from kachery_core.errors import BadMembershipError, InvalidInputError
from kachery_core.jwts import Claims, decode_jwt
from kachery_core.nkeys import node_id_of

LONGEST_NAME = 64
NATS_VERSION = 2
FORMAT_TAG = "kachery:1"


def read_statement(text: str, kind: str) -> tuple[Claims, list[str]]:
    """The claims and tags of a user ("user") or an account ("account"), signed by its issuer.

    Raises:
        BadMembershipError: forged, damaged, of another kind, or not from kachery.
    """
    claims = decode_jwt(text)
    nats = claims.nats
    if nats.get("type") != kind or nats.get("version") != NATS_VERSION:
        raise refused(f"it is not of the kind {kind!r}")
    tags = nats.get("tags")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise refused("it has no tags")
    if FORMAT_TAG not in tags:
        raise refused("it is not from kachery, or from a version that says something else")
    if claims.name and not is_name(claims.name):
        raise refused("its name cannot be shown")
    return claims, tags


def read_node_id(nkey: str) -> str:
    """The node that a statement is about.

    Raises:
        BadMembershipError: it is not about a node.
    """
    try:
        return node_id_of(nkey)
    except InvalidInputError as problem:
        raise refused("it is not about a node") from problem


def is_name(name: str) -> bool:
    """Whether a name can be shown anywhere: visible characters, no blanks at its ends."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip()


def check_name(name: str) -> None:
    """Make sure that something can be called this.

    Raises:
        InvalidInputError: empty, longer than 64 characters, or with characters nobody can see.
    """
    if not is_name(name):
        raise InvalidInputError(
            f"{name!r:.100} cannot be a name.",
            hint=f"A name has 1 to {LONGEST_NAME} visible characters, and no blank at its ends.",
        )


def refused(why: str) -> BadMembershipError:
    """The error for a statement that is not to be believed."""
    return BadMembershipError(f"A membership or record is not to be trusted: {why}.")
