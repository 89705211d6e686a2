"""A hub on a nats-server that somebody else runs, from what `export-config` wrote for him."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from kachery_core.hub_urls import parse_hub_url
from kachery_core.jwts import encode_jwt
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_daemon.hub.identity import make_key
from kachery_daemon.hub.program import find_program
from kachery_daemon.network.connections import Connection
from kachery_daemon.network.lobby import Lobby
from kachery_daemon.network.tls import ssl_context
from kachery_daemon.system.threads import Threads
from tests.support.hubs import SampleChannel, running_hub, start_hub_process
from tests.support.nodes import end_process, first_line, isolated_environment, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kachery_daemon.hub.identity import Key
    from tests.support.hubs import RunningHub


def export(folder: Path, output: Path) -> None:
    """Have the files written, as the one who will run the hub."""
    command = [sys.executable, "-m", "kachery_jupyter.cli", "hub", "export-config"]
    subprocess.run(
        [*command, f"--data={folder / 'hub'}", f"--output={output}"],
        env=isolated_environment(folder),
        check=True,
        capture_output=True,
    )


@contextlib.contextmanager
def somebodys_server(folder: Path, config: str) -> Iterator[int]:
    """A nats-server with a configuration of its own; its port."""
    program = asyncio.run(find_program(None))
    (folder / "nats.conf").write_text('listen: "127.0.0.1:-1"\n' + config)
    with open(folder / "nats.log", "ab") as log:
        process = subprocess.Popen(
            [str(program), "-c", "nats.conf", "--ports_file_dir", "."],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    def ports() -> list[str]:
        texts = [file.read_text() for file in folder.glob(f"*_{process.pid}.ports")]
        return [text for text in texts if text.endswith("}")]

    try:
        wait_until(lambda: ports() or process.poll() is not None, "nats-server listens")
        assert process.poll() is None, (folder / "nats.log").read_text()
        yield int(msgspec.json.decode(ports()[0])["nats"][0].rpartition(":")[2])
    finally:
        end_process(process)


async def member_of(hub: RunningHub, channel: SampleChannel, node: SeedSigner) -> Connection:
    url = parse_hub_url(hub.url)
    connection = Connection(url, channel.membership(node), node, "test")
    await connection.open(ssl_context(url))
    return connection


async def use(hub: RunningHub, channel: SampleChannel, version: int) -> Connection:
    """Register a channel, and connect as one of its members."""
    threads, node = Threads(1, 1), SeedSigner(os.urandom(SEED_SIZE))
    lobby = Lobby(parse_hub_url(hub.url), channel.owner, threads)
    assert await lobby.register(channel.key, channel.record(version), []) == version
    threads.close()
    return await member_of(hub, channel, node)


def signed(issuer: Key, subject: Key, facts: dict[str, Any]) -> str:
    claims = {"iss": issuer.nkey, "sub": subject.nkey, "iat": 0, "name": "theirs", "nats": facts}
    return encode_jwt(claims, issuer.signer)


def test_a_server_that_is_given_to_the_hub(tmp_path: Path) -> None:
    channel = SampleChannel()

    async def story(hub: RunningHub) -> None:
        member = await use(hub, channel, 1)
        hub.process.kill()
        hub.process.wait()
        hub.stop()
        await asyncio.to_thread(hub.restart)
        # The hub may come and go: who is connected does not notice.
        await asyncio.sleep(0.1)
        assert member.is_open
        again = await use(hub, channel, 2)
        await again.close()
        await member.close()

    export(tmp_path, tmp_path / "export")
    config = 'include "export/kachery-hub.conf"\n'
    with (
        somebodys_server(tmp_path, config) as port,
        running_hub(tmp_path, f"--server=tls://127.0.0.1:{port}") as hub,
    ):
        assert hub.port == port
        assert not (hub.data / "nats-server.pid").exists()
        asyncio.run(story(hub))


def test_a_server_that_has_an_operator_already(tmp_path: Path) -> None:
    operator, system, user = make_key("operator"), make_key("account"), make_key("user")
    operator_token = signed(
        operator,
        operator,
        {"type": "operator", "version": 2, "system_account": system.nkey},
    )
    limits = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    system_token = signed(operator, system, {"type": "account", "version": 2, "limits": limits})
    user_limits = {"subs": -1, "data": -1, "payload": -1}
    user_token = signed(system, user, {"type": "user", "version": 2, **user_limits})
    credentials = tmp_path / "system.creds"
    credentials.write_text(
        f"-----BEGIN NATS USER JWT-----\n{user_token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
    credentials.chmod(0o600)
    export(tmp_path, tmp_path / "export")
    (tmp_path / "theirs.jwt").write_text(operator_token)
    exported = (tmp_path / "export" / "kachery-hub.conf").read_text()
    config = f"""
operator: [ "{tmp_path}/theirs.jwt", "{tmp_path}/export/operator.jwt" ]
system_account: {system.nkey}
resolver_preload: {{ {system.nkey}: {system_token} }}
resolver: {{ type: full, dir: "./accounts", allow_delete: true }}
{exported.split("# ----")[1]}"""

    async def story(hub: RunningHub) -> None:
        member = await use(hub, SampleChannel(), 1)
        await member.close()

    with (
        somebodys_server(tmp_path, config) as port,
        running_hub(
            tmp_path, f"--server=tls://127.0.0.1:{port}", f"--system-credentials={credentials}"
        ) as hub,
    ):
        asyncio.run(story(hub))


def test_a_server_with_a_certificate_that_somebody_else_signed(tmp_path: Path) -> None:
    authority, certificate = signed_certificate(tmp_path)
    export(tmp_path, tmp_path / "export")
    exported = tmp_path / "export" / "kachery-hub.conf"
    text = exported.read_text().replace(str(tmp_path / "export" / "tls.pem"), str(certificate))
    (tmp_path / "edited.conf").write_text(text)

    async def story(hub: RunningHub) -> None:
        member = await use(hub, SampleChannel(), 1)
        await member.close()

    with somebodys_server(tmp_path, 'include "edited.conf"\n') as port:
        address = f"--server=tls://127.0.0.1:{port}"
        process = start_hub_process(tmp_path, address, environment=isolated_environment(tmp_path))
        assert first_line(process)["error"]["code"] == "hub-not-trusted"
        end_process(process)
        with running_hub(tmp_path, address, f"--server-certificate={authority}") as hub:
            asyncio.run(story(hub))


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("nats.example.org", "invalid-request"),
        ("http://127.0.0.1:1", "invalid-request"),
        ("tls://127.0.0.1:1", "hub-unreachable"),
    ],
)
def test_a_server_that_is_none_is_said_to_be(tmp_path: Path, address: str, code: str) -> None:
    environment = isolated_environment(tmp_path)
    process = start_hub_process(tmp_path, f"--server={address}", environment=environment)
    assert first_line(process)["error"]["code"] == code
    end_process(process)


def signed_certificate(folder: Path) -> tuple[Path, Path]:
    """An authority's certificate, and a server's with its key, signed by it."""
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", "nats")
    ]
    now = dt.datetime.now(dt.timezone.utc)
    certificates = [
        x509.CertificateBuilder()
        .subject_name(names[number])
        .issuer_name(names[0])
        .public_key(keys[number].public_key())
        .serial_number(number + 1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=number == 0, path_length=None), critical=True)
        .sign(keys[0], None)
        for number in range(2)
    ]
    private = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "authority.pem").write_bytes(certificates[0].public_bytes(Encoding.PEM))
    (folder / "server.pem").write_bytes(private + certificates[1].public_bytes(Encoding.PEM))
    return folder / "authority.pem", folder / "server.pem"
