"""How a hub is, asked from beside it."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import TYPE_CHECKING, Any

import msgspec

from kachery_core.errors import ChannelNotFoundError, HubNotTrustedError, KacheryError
from kachery_core.hub_urls import parse_hub_url
from kachery_core.wire.hub import (
    LOOKUP,
    Lookup,
    encode_lookup,
    guest_token,
    lobby_subject,
    read_lobby_answer,
)
from kachery_daemon.hub.accounts import own_user_token
from kachery_daemon.hub.directory import Directory
from kachery_daemon.hub.folder import HubFolder
from kachery_daemon.hub.identity import hub_keys, make_key
from kachery_daemon.hub.limits import MOST_CHANNELS
from kachery_daemon.system.certificates import shown_certificate, trusting
from kachery_daemon.system.nats_client import (
    RefusedError,
    Server,
    User,
    close_connection,
    connection_error,
    open_connection,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_core.hub_urls import HubUrl
    from kachery_daemon.hub.folder import Place

_PING = "$SYS.REQ.SERVER.PING"
_ANSWER_SECONDS = 5.0


class Status(msgspec.Struct, frozen=True):
    """How a hub is.

    Attributes:
        running: whether a process works in its folder.
        healthy: whether nodes can register channels.
        trouble: why not, or "".
        url: its URL; it lets into the lobby.
        pid: of the hub's process, or of its last one.
        channels: how many it knows.
        members: for how many of them something waits.
        directory_bytes: what that takes on disk.
        server: what nats-server says of itself: version, connections, memory in bytes.
    """

    running: bool
    healthy: bool = False
    trouble: str = ""
    url: str = ""
    pid: int = 0
    channels: int = 0
    members: int = 0
    directory_bytes: int = 0
    server: dict[str, Any] = {}


async def hub_status(data: Path) -> Status:
    """How the hub of a folder is.

    Raises:
        KeyUnsafeError: others may read a secret of the hub.
        OSError: the disk.
    """
    folder = HubFolder(data)
    place = await asyncio.to_thread(folder.place)
    if place is None:
        return Status(running=False, trouble="No hub ever ran in this folder.")
    channels, members, size = await asyncio.to_thread(_directory_size, folder)
    status = Status(
        running=await asyncio.to_thread(folder.is_in_use),
        url=place.url,
        pid=place.pid,
        channels=channels,
        members=members,
        directory_bytes=size,
    )
    if not status.running:
        return status
    try:
        server = await _server(data, place)
        await _visit_lobby(place)
    except RefusedError:
        trouble = "The server does not know the keys of this hub."
    except (KacheryError, OSError) as problem:
        trouble = str(problem)
    else:
        return msgspec.structs.replace(status, server=server, healthy=status.running)
    return msgspec.structs.replace(status, trouble=trouble)


def _directory_size(folder: HubFolder) -> tuple[int, int, int]:
    directory = Directory(folder.directory, MOST_CHANNELS)
    try:
        return directory.size()
    finally:
        directory.close()


async def _server(data: Path, place: Place) -> dict[str, Any]:
    """What the server says of itself to a user of its system account."""
    keys = await asyncio.to_thread(hub_keys, data)
    key = make_key("user")
    user = User(key.nkey, own_user_token(keys.system, key), key.signer)
    try:
        said = await _asked(place, user, _PING, b"")
    except RefusedError:
        return {}  # a server with a system account of its own does not tell us
    facts = msgspec.json.decode(said)
    return {
        "version": facts["server"]["ver"],
        "connections": facts["statsz"]["connections"],
        "memory": facts["statsz"]["mem"],
    }


async def _visit_lobby(place: Place) -> None:
    """Ask what any node may ask; an answer is all that is wanted."""
    key, channel = make_key("user"), make_key("account")
    url = parse_hub_url(place.url)
    node_id = key.signer.public_key
    user = User(key.nkey, guest_token(url, node_id), key.signer)
    question = encode_lookup(Lookup(channel.nkey))
    answer = await _asked(place, user, lobby_subject(LOOKUP, node_id), question)
    try:
        read_lobby_answer(answer)
    except ChannelNotFoundError:
        return


async def _asked(place: Place, user: User, subject: str, question: bytes) -> bytes:
    from nats.errors import Error  # noqa: PLC0415 - as open_connection

    context = await asyncio.to_thread(_context, place, parse_hub_url(place.url))
    connection = await open_connection(Server(place.address, context), user, name="status")
    try:
        reply = await connection.request(subject, question, timeout=_ANSWER_SECONDS)
        return bytes(reply.data)
    except (Error, asyncio.TimeoutError) as problem:
        raise ConnectionError(f"{subject.partition('.')[0]} does not answer") from problem
    finally:
        await close_connection(connection)


def _context(place: Place, url: HubUrl) -> ssl.SSLContext | None:
    if url.pin is None:
        return None
    host, _, port = place.address.partition("://")[2].rpartition(":")
    try:
        shown = shown_certificate(host.strip("[]"), int(port))
    except (OSError, ValueError) as problem:
        raise connection_error(place.address, problem) from problem
    if hashlib.sha256(shown).digest() != url.pin:
        raise HubNotTrustedError("The server has another certificate than the hub's URL names.")
    return trusting(ssl.DER_cert_to_PEM_cert(shown))
