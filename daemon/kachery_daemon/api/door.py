"""Who may come in: no web page ever, and nobody without a token or the right user id."""

from __future__ import annotations

import enum
import hmac
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core.errors import NotAllowedError, OwnerOnlyError, WrongTokenError
from kachery_core.wire.local import TOKEN_HEADER
from kachery_daemon.system.logs import hide
from kachery_store.accounts import own_uid, uid_of_unix_peer

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

_NAMES = ("127.0.0.1", "localhost", "[::1]")
_ROOT = 0


class Role(enum.IntEnum):
    """What somebody may do; each includes those before it."""

    ANYONE = 0
    USER = 1
    OWNER = 2


@dataclass(frozen=True)
class Asker:
    """Who asks.

    Attributes:
        role: what they may do.
        uid: their user id, if the connection tells it.
    """

    role: Role
    uid: int | None = None


class Door:
    """The rules of entry of one node.

    Args:
        port: the TCP port in use.
        owner_token: proves the owner's programs.
        user_token: proves another user of this computer; None in private mode.
    """

    def __init__(self, port: int, owner_token: str, user_token: str | None) -> None:
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        self._origins = {f"http://{host}" for host in self._hosts}
        for token in (owner_token, user_token or ""):
            hide(token)
        self._owner_token = owner_token.encode()
        self._user_token = user_token.encode() if user_token else None

    def check_origin(self, request: HTTPServerRequest) -> None:
        """Refuse whatever a web page could have sent.

        Raises:
            NotAllowedError: another host name, another origin, or another site.
        """
        host = request.headers.get("Host", "").lower()
        hosts = self._hosts | {"kachery"} if unix_socket(request) else self._hosts
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "none")
        if (
            host not in hosts
            or (origin is not None and origin not in self._origins)
            or site not in {"none", "same-origin"}
        ):
            raise NotAllowedError(
                "Web pages may not use this node.",
                hint="Programs on this computer ask for http://127.0.0.1 and send no Origin.",
            )

    def asker(self, request: HTTPServerRequest) -> Asker:
        """Who asks, by the kernel's word on a UNIX socket, otherwise by token."""
        connection = unix_socket(request)
        if connection is not None:
            return self.asker_on_unix(uid_of_unix_peer(connection))
        token = request.headers.get(TOKEN_HEADER, "").encode("utf-8", "replace")
        if hmac.compare_digest(token, self._owner_token):
            return Asker(Role.OWNER)
        if self._user_token and hmac.compare_digest(token, self._user_token):
            return Asker(Role.USER)
        return Asker(Role.ANYONE)

    def asker_on_unix(self, uid: int | None) -> Asker:
        """Who asks on a UNIX socket, by their user id."""
        if uid is not None and uid in {own_uid(), _ROOT}:
            return Asker(Role.OWNER, uid)
        # Whoever may use the node together with others is decided by the socket's mode and group.
        return Asker(Role.USER if self._user_token else Role.ANYONE, uid)


def check_role(asker: Asker, needed: Role) -> None:
    """Refuse who may not do this.

    Raises:
        WrongTokenError: nothing proves who asks.
        OwnerOnlyError: another user of this computer asks.
    """
    if asker.role >= needed:
        return
    if asker.role == Role.ANYONE:
        raise WrongTokenError(
            "The request does not prove who asks.",
            hint="The owner's programs read the token from the storage folder (.state/token);"
            " other users need a node started with --shared.",
        )
    raise OwnerOnlyError(
        "Only the owner of this node may do this.", hint="Ask them, or run a node of your own."
    )


def unix_socket(request: HTTPServerRequest) -> socket.socket | None:
    """The UNIX socket a request came by; None if it came by TCP."""
    if os.name == "nt":
        return None
    stream = getattr(request.connection, "stream", None)
    connection = getattr(stream, "socket", None)
    if isinstance(connection, socket.socket) and connection.family == socket.AF_UNIX:
        return connection
    return None
