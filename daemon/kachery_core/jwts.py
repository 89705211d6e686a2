"""Statements signed with nkeys, in the form NATS reads: JSON web tokens of one algorithm.

    base64url(header) . base64url(claims) . base64url(Ed25519 signature of what stands before it)

The header is always `{"typ":"JWT","alg":"ed25519-nkey"}`, the key is the one that the claims name
as their issuer (`iss`). Whose word counts for what is decided elsewhere; here it is only made sure
that there is one way to read a token, and that its issuer wrote it. So nothing is accepted that
two readers could read differently: no name twice, in whatever case (Go ignores the case), no
number that is not one, no second spelling of the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any

import msgspec

from kachery_core.digests import json_bytes
from kachery_core.errors import BadMembershipError, InvalidInputError
from kachery_core.keys import is_signed_by
from kachery_core.nkeys import decode_public

if TYPE_CHECKING:
    from kachery_core.keys import Signer

# A record with 1,000 revocations is 150 KB; a membership is 2 KB.
LARGEST_JWT = 1 << 20
# 9999-12-31: what comes after it is no date anywhere.
LAST_SECOND = 253_402_300_799
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_NAMES = {"jti", "iat", "exp", "iss", "sub", "name", "nats"}
_PARTS = 3


class Claims(msgspec.Struct, frozen=True):
    """What a token says, its signature checked.

    Attributes:
        issuer: nkey of who signed it.
        subject: nkey of who it is about.
        name: for people.
        issued_at: seconds since 1970.
        expires_at: seconds since 1970, or None if it does not end.
        nats: what it says to NATS: `type`, `version`, permissions, `tags`.
        text: the token itself.
    """

    issuer: str
    subject: str
    name: str
    issued_at: int
    expires_at: int | None
    nats: dict[str, Any]
    text: str

    def has_expired(self, now: float) -> bool:
        """Whether it has ended, for a clock that shows `now` seconds since 1970."""
        return self.expires_at is not None and self.expires_at <= now


def encode_jwt(claims: dict[str, Any], signer: Signer) -> str:
    """A signed token.

    Args:
        claims: `iss` (the signer's nkey), `sub`, `iat` (seconds), `name`, `nats`, and `exp` if any.
        signer: holds the key of the issuer.
    """
    if decode_public(claims["iss"])[1].hex() != signer.public_key:
        raise ValueError("the issuer named in the claims is not the signer")
    token_id = base64.b32encode(hashlib.sha256(json_bytes(claims)).digest()).rstrip(b"=")
    body = json_bytes({**claims, "jti": token_id.decode("ascii")})
    signed = b".".join((_to_base64(json_bytes(_HEADER)), _to_base64(body)))
    return b".".join((signed, _to_base64(signer.sign(signed)))).decode("ascii")


def decode_jwt(text: str, *, now: float | None = None) -> Claims:
    """What a token says, if its issuer signed it.

    Args:
        text: the token.
        now: seconds since 1970; None to accept one that has ended.

    Raises:
        BadMembershipError: not a token, forged, changed, or ended.
    """
    parts = text.split(".", _PARTS) if len(text) <= LARGEST_JWT and text.isascii() else []
    if len(parts) != _PARTS:
        raise _refused("is not a signed token")
    header, body, signature = (_from_base64(part) for part in parts)
    if _object(header) != _HEADER:
        raise _refused("is not signed in the one way that is accepted")
    claims = _claims(_object(body), text)
    if not is_signed_by(
        _issuer_key(claims.issuer), signature, text.rpartition(".")[0].encode("ascii")
    ):
        raise _refused("was changed, or its issuer did not sign it")
    if now is not None and claims.has_expired(now):
        raise _refused("has ended")
    return claims


def _claims(values: dict[str, Any], text: str) -> Claims:
    if not set(values) <= _NAMES:
        raise _refused("says more than is understood")
    texts = [values.get(name, "") for name in ("iss", "sub", "name")]
    times = [values.get("iat"), values.get("exp", 0)]
    nats = values.get("nats")
    if not (
        all(isinstance(each, str) for each in texts)
        and all(type(each) is int and 0 <= each <= LAST_SECOND for each in times)
        and isinstance(nats, dict)
    ):
        raise _refused("does not say who, what and when")
    issuer, subject, name = texts
    issued_at, expires_at = times
    # NATS takes 0 for "does not end".
    return Claims(issuer, subject, name, issued_at, expires_at or None, nats, text)


def _issuer_key(issuer: str) -> str:
    try:
        return decode_public(issuer)[1].hex()
    except InvalidInputError as problem:
        raise _refused("names no issuer") from problem


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unambiguous, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as problem:
        raise _refused("is not JSON that has one meaning") from problem
    if not isinstance(value, dict):
        raise _refused("is not a JSON object")
    return value


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name.casefold() for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands there twice")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _to_base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _from_base64(part: str) -> bytes:
    encoded = part.encode("ascii")
    try:
        data = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), b"-_", validate=True)
    except binascii.Error as problem:
        raise _refused("is not base64") from problem
    if _to_base64(data) != encoded:
        raise _refused("is not base64 in its one spelling")
    return data


def _refused(why: str) -> BadMembershipError:
    return BadMembershipError(f"A signed statement is not to be trusted: it {why}.")
