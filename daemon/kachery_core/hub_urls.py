"""The URL of a hub: where it is, how it is known, and the key to its lobby.

    tls://HOST:PORT/PIN/LOBBY       over TLS, with the one certificate of this digest
    nats://HOST:PORT/-/LOBBY        without TLS: on one computer, or in a network that is trusted

PIN is the SHA-256 of the certificate (DER). LOBBY is the lobby's account key (32 bytes), the seed
with which anyone may sign himself a guest's pass for it (32), and 4 bytes of BLAKE3 of these, so
that a URL that lost a character is not taken for one. Both in base64url without padding. Whoever
has the URL may enter the lobby, where channels are registered and looked up; not a channel.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re

import msgspec
from blake3 import blake3

from kachery_core.errors import InvalidHubUrlError
from kachery_core.keys import SEED_SIZE
from kachery_core.nkeys import encode_public

PIN_SIZE = 32
_CHECK_SIZE = 4
_NO_PIN = "-"
_TLS, _PLAIN = "tls", "nats"
_LARGEST_PORT = 65535
_LONGEST = 512
_URL = re.compile(
    r"(?P<scheme>tls|nats)://(?P<host>\[[0-9a-fA-F:.]+\]|[^/:\[\]]+):(?P<port>[1-9][0-9]{0,4})"
    r"/(?P<pin>[\w-]+)/(?P<lobby>[\w-]+)",
    re.ASCII,
)
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_LONGEST_HOST = 253


class HubUrl(msgspec.Struct, frozen=True):
    """The parts of a hub's URL; `str()` writes it.

    Attributes:
        host: name or address; of IPv6 without brackets.
        port: TCP port.
        pin: SHA-256 of the hub's certificate, or None for a hub without TLS.
        lobby_key: public key of the lobby's account, 32 bytes.
        lobby_seed: seed of the key that signs passes for guests, 32 bytes.
    """

    host: str
    port: int
    pin: bytes | None
    lobby_key: bytes
    lobby_seed: bytes

    def __str__(self) -> str:
        pin = _NO_PIN if self.pin is None else _to_base64(self.pin)
        return f"{self.server}/{pin}/{_to_base64(_with_check(self.lobby_key + self.lobby_seed))}"

    def __repr__(self) -> str:
        return f"HubUrl({self.server})"

    @property
    def server(self) -> str:
        """Where NATS clients connect, for example tls://hub.example.org:7422; no secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{_PLAIN if self.pin is None else _TLS}://{host}:{self.port}"

    @property
    def lobby_account(self) -> str:
        """The lobby's account as NATS knows it."""
        return encode_public("account", self.lobby_key)


def parse_hub_url(text: str) -> HubUrl:
    """The parts of a hub's URL.

    Raises:
        InvalidHubUrlError: not the URL of a hub, or not all of it.
    """
    match = _URL.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None or int(match["port"]) > _LARGEST_PORT:
        raise _refused("does not look like tls://HOST:PORT/PIN/LOBBY")
    is_plain = match["pin"] == _NO_PIN
    if is_plain != (match["scheme"] == _PLAIN):
        raise _refused("must name its certificate if it begins with tls://, and only then")
    pin = None if is_plain else _from_base64(match["pin"], PIN_SIZE)
    lobby = _from_base64(match["lobby"], 2 * SEED_SIZE + _CHECK_SIZE)
    key, seed = lobby[:SEED_SIZE], lobby[SEED_SIZE : 2 * SEED_SIZE]
    if _with_check(key + seed) != lobby:
        raise _refused("was changed: its checksum is wrong")
    return HubUrl(_host(match["host"]), int(match["port"]), pin, key, seed)


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError as problem:
            raise _refused("names no host") from problem
    if len(text) > _LONGEST_HOST or not _HOST.fullmatch(text):
        raise _refused("names no host")
    return text.lower()


def _with_check(lobby: bytes) -> bytes:
    return lobby + blake3(lobby).digest(length=_CHECK_SIZE)


def _to_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _from_base64(text: str, size: int) -> bytes:
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as problem:
        raise _refused("has a part that is not base64") from problem
    if len(data) != size or _to_base64(data) != text:
        raise _refused("is not complete")
    return data


def _refused(why: str) -> InvalidHubUrlError:
    # The URL lets people into the lobby: it is not repeated in messages and logs.
    return InvalidHubUrlError(
        f"The URL of the hub {why}.", hint="Copy the whole line that `kachery hub start` prints."
    )
