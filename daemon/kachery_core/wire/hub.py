"""The messages between a node and the registrar of a hub, in the hub's lobby (MessagePack).

    lobby.register.NODE     a channel says what is new of it
    lobby.lookup.NODE       a node asks what is new of a channel, and of its own membership there

NODE is the user nkey of who asks; the hub lets nobody use another's. Whatever the registrar
answers was signed by the channel, so a hub can hold back what is new but invent nothing. What is
registered is signed as a whole by the channel too, or anybody could put wrong letters in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from kachery_core.errors import InvalidRequestError, KacheryError, error_from_wire, error_to_wire
from kachery_core.jwts import encode_jwt
from kachery_core.keys import SeedSigner, is_signed_by
from kachery_core.nkeys import account_nkey, user_nkey
from kachery_core.statements import NATS_VERSION

if TYPE_CHECKING:
    from kachery_core.hub_urls import HubUrl
    from kachery_core.keys import Signer

REGISTER = "lobby.register"
LOOKUP = "lobby.lookup"
# One request, and one answer, of all that is in it.
LARGEST_LOBBY_MESSAGE = 1 << 20
LARGEST_RECORD = 512 << 10
# A registration of more members is sent in parts.
MOST_DEPOSITS_AT_ONCE = 100
_TAG = b"kachery-register-1\x00"
_SIGNATURE_SIZE = 64

_Token = Annotated[str, msgspec.Meta(max_length=LARGEST_RECORD)]
_Membership = Annotated[str, msgspec.Meta(max_length=4096)]
_Letter = Annotated[bytes, msgspec.Meta(max_length=2048)]
_ChannelId = Annotated[str, msgspec.Meta(min_length=56, max_length=56)]


class _Message(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A field we do not know is a mistake worth telling."""


class Deposit(_Message, frozen=True):
    """What waits for one member until it asks.

    Attributes:
        membership: its newest membership, signed by the channel.
        letter: the channel's key, sealed to the member.
    """

    membership: _Membership
    letter: _Letter


class Registration(_Message, frozen=True):
    """What is new of a channel.

    Attributes:
        record: the channel's newest record, signed by itself.
        deposits: for members; those who are not named keep what waits for them.
    """

    record: _Token
    deposits: Annotated[list[Deposit], msgspec.Meta(max_length=MOST_DEPOSITS_AT_ONCE)]


class SignedRegistration(_Message, frozen=True):
    """A registration as bytes, and the channel's signature of them."""

    body: bytes
    signature: bytes


class Lookup(_Message, frozen=True):
    """A question about a channel, by its account nkey."""

    channel_id: _ChannelId


class Registered(_Message, frozen=True, tag="registered"):
    """It is stored: no crash of the hub will lose it.

    Attributes:
        version: of the record that the hub has now.
    """

    version: int


class Found(_Message, frozen=True, tag="found"):
    """The newest that the hub has; all of it is for the asker to verify.

    Attributes:
        record: of the channel.
        deposit: what waits for the asker, or None if it is no member.
        clock: what the hub's clock says, seconds since 1970; 0 if the hub did not tell.
    """

    record: str
    deposit: Deposit | None
    clock: float = 0.0


class Refused(_Message, frozen=True, tag="refused"):
    """Why not: an error of `kachery_core.errors`, as it stands on the wire."""

    error: dict[str, Any]


LobbyAnswer = Registered | Found | Refused


def lobby_subject(request: str, node_id: str) -> str:
    """Where a node sends requests of a kind."""
    return f"{request}.{user_nkey(node_id)}"


def guest_token(hub_url: HubUrl, node_id: str) -> str:
    """A pass for the lobby, which anybody makes who has the hub's URL; good for this node only.

    Raises:
        InvalidInputError: not a node id.
    """
    guest = SeedSigner(hub_url.lobby_seed)
    claims = {
        "iss": account_nkey(guest.public_key),
        "sub": user_nkey(node_id),
        "name": "guest",
        "iat": 0,
        # What a guest may do stands in the account of the lobby.
        "nats": {"type": "user", "version": NATS_VERSION, "issuer_account": hub_url.lobby_account},
    }
    return encode_jwt(claims, guest)


def sign_registration(channel: Signer, registration: Registration) -> bytes:
    """A registration, ready to be sent.

    Args:
        channel: holds the channel's key.
        registration: what it says.
    """
    body = msgspec.msgpack.encode(registration)
    return msgspec.msgpack.encode(SignedRegistration(body, channel.sign(_TAG + body)))


def read_registration(data: bytes) -> tuple[Registration, SignedRegistration]:
    """A registration, not yet verified: `is_registered_by` needs the channel its record names.

    Raises:
        InvalidRequestError: it is not one.
    """
    try:
        signed = msgspec.msgpack.decode(data, type=SignedRegistration)
        return msgspec.msgpack.decode(signed.body, type=Registration), signed
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise _not_understood() from problem


def is_registered_by(channel_key: str, signed: SignedRegistration) -> bool:
    """Whether a channel, by its public key of 64 hex digits, signed a registration."""
    return is_signed_by(channel_key, signed.signature, _TAG + signed.body)


def encode_lookup(lookup: Lookup) -> bytes:
    """A question about a channel, ready to be sent."""
    return msgspec.msgpack.encode(lookup)


def read_lookup(data: bytes) -> Lookup:
    """A question about a channel.

    Raises:
        InvalidRequestError: it is none.
    """
    try:
        return msgspec.msgpack.decode(data, type=Lookup)
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise _not_understood() from problem


def refuse(error: KacheryError) -> Refused:
    """The answer that raises an error at who asked."""
    return Refused(error_to_wire(error))


def read_lobby_answer(data: bytes) -> Registered | Found:
    """An answer of the registrar.

    Raises:
        InvalidRequestError: it is none of ours.
        KacheryError: what the registrar refused.
    """
    try:
        answer: LobbyAnswer = msgspec.msgpack.decode(data, type=LobbyAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise InvalidRequestError(
            "The hub answered something that this kachery does not understand.",
            hint="Compare the versions of kachery here and at the hub.",
        ) from problem
    if isinstance(answer, Refused):
        raise error_from_wire(answer.error)
    return answer


def _not_understood() -> InvalidRequestError:
    return InvalidRequestError(
        "The hub does not understand this request.",
        hint="Compare the versions of kachery here and at the hub.",
    )
