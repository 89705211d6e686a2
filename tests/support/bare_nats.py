"""A nats-server with nothing of ours but the tokens: what it enforces, it read from them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import subprocess
import time
from dataclasses import dataclass, field

import nats

from kachery_core.jwts import encode_jwt
from kachery_core.keys import SeedSigner
from kachery_core.nkeys import account_nkey, encode_public, user_nkey
from kachery_core.records import record_claims
from kachery_daemon.hub.program import find_program
from tests.support.channel_samples import seed

PATIENCE_SECONDS = 20
OPERATOR, SYSTEM, SYSTEM_USER = SeedSigner(seed(201)), SeedSigner(seed(202)), SeedSigner(seed(203))
_COUNTED = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
NO_LIMITS = {**dict.fromkeys(_COUNTED, -1), "wildcards": True}


def _signed(signer, kind, subject, facts):
    claims = {
        "iss": encode_public(kind, bytes.fromhex(signer.public_key)),
        "sub": subject,
        "name": "x",
        "iat": int(time.time()),
        "nats": {"version": 2, **facts},
    }
    return encode_jwt(claims, signer)


def account_token(record):
    """What a registrar makes of a record."""
    facts = {**record_claims(record), "limits": NO_LIMITS}
    return _signed(OPERATOR, "operator", record.channel_id, facts)


def unlimited_user(channel, node):
    """A user who may do everything in a channel: the hub's own view."""
    facts = {"type": "user", "subs": -1, "data": -1, "payload": -1}
    return _signed(channel, "account", user_nkey(node.public_key), facts)


@dataclass
class Client:
    """One connection, what it was refused, and what it heard."""

    nc: nats.NATS
    ended: asyncio.Event
    errors: list = field(default_factory=list)
    heard: list = field(default_factory=list)

    async def listen(self, *subjects):
        """Hear what is sent to these, as far as the server lets it."""

        async def note(message):
            self.heard.append((message.subject, bytes(message.data)))

        for subject in subjects:
            await self.nc.subscribe(subject, cb=note)
        await self.settle()

    async def tell(self, *subjects):
        """Send to these, as far as the server lets it."""
        for subject in subjects:
            await self.nc.publish(subject, self.nc.options["name"].encode())
        await self.settle()

    async def settle(self):
        """The server has read what was sent; a second round brings what it wrote before."""
        await self.nc.flush()
        await asyncio.sleep(0.02)
        await self.nc.flush()


class BareNats:
    """A running server."""

    def __init__(self, port, clients):
        self.port = port
        self._clients = clients

    async def connect(self, signer, token, name="client"):
        """A connection of who holds the key, with a token."""
        ended, errors = asyncio.Event(), []

        async def on_error(problem):
            errors.append(str(problem))

        async def on_end():
            ended.set()

        nc = nats.NATS()
        self._clients.append(nc)
        await nc.connect(
            f"nats://127.0.0.1:{self.port}",
            name=name,
            user_jwt_cb=lambda: bytearray(token.encode()),
            signature_cb=lambda nonce: base64.b64encode(signer.sign(nonce.encode())),
            error_cb=on_error,
            disconnected_cb=on_end,
            closed_cb=on_end,
            allow_reconnect=False,
            connect_timeout=PATIENCE_SECONDS,
            inbox_prefix=f"_INBOX_{user_nkey(signer.public_key)}".encode(),
        )
        return Client(nc, ended, errors)

    async def push(self, record):
        """Tell the server of a channel, as the registrar does."""
        facts = {"type": "user", "subs": -1, "data": -1, "payload": -1}
        token = _signed(SYSTEM, "account", user_nkey(SYSTEM_USER.public_key), facts)
        system = await self.connect(SYSTEM_USER, token)
        update = account_token(record).encode()
        answer = await system.nc.request("$SYS.REQ.CLAIMS.UPDATE", update, timeout=PATIENCE_SECONDS)
        assert json.loads(answer.data)["data"]["code"] == 200, answer.data
        await system.nc.close()


@contextlib.asynccontextmanager
async def bare_nats(folder):
    """A server in operator mode, with all else as it comes; ended when the block is left."""
    program = await find_program(None)
    system_id = account_nkey(SYSTEM.public_key)
    operator = _signed(
        OPERATOR,
        "operator",
        encode_public("operator", bytes.fromhex(OPERATOR.public_key)),
        {"type": "operator", "system_account": system_id},
    )
    system = _signed(OPERATOR, "operator", system_id, {"type": "account", "limits": NO_LIMITS})
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:-1"\noperator: {operator}\nsystem_account: {system_id}\n'
        f'resolver: {{ type: full, dir: "{folder}/accounts" }}\n'
        f"resolver_preload: {{ {system_id}: {system} }}\n"
    )
    process = subprocess.Popen(  # noqa: ASYNC220 - returns at once, and nothing else waits
        [program, "-c", config, "--ports_file_dir", folder, "-l", folder / "nats.log"],
        stdin=subprocess.DEVNULL,
    )
    clients = []
    try:
        yield BareNats(await _port(folder, process.pid), clients)
    finally:
        for nc in clients:
            await nc.close()
        process.terminate()
        process.wait(PATIENCE_SECONDS)


async def _port(folder, pid):
    file = folder / f"nats-server_{pid}.ports"
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if file.exists() and file.read_text():
            return int(json.loads(file.read_text())["nats"][0].rpartition(":")[2])
        await asyncio.sleep(0.01)
    raise AssertionError((folder / "nats.log").read_text())
