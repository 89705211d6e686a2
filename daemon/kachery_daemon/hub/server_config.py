"""The configuration file of nats-server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_daemon.hub.accounts import lobby_token, operator_token, system_token
from kachery_daemon.hub.limits import (
    LARGEST_MESSAGE,
    MOST_CHANNELS,
    MOST_CONNECTIONS,
    MOST_PENDING,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_daemon.hub.identity import Keys

# Accounts of the hub itself, beside those of channels.
_OWN_ACCOUNTS = 2
# A new member's token is part of the first line of a connection.
_LONGEST_LINE = 16 << 10


@dataclass(frozen=True)
class ServerPaths:
    """Where nats-server keeps what, all below one folder."""

    folder: Path

    @property
    def config(self) -> Path:
        """Its configuration."""
        return self.folder / "nats-server.conf"

    @property
    def log(self) -> Path:
        """Its log."""
        return self.folder / "nats-server.log"

    @property
    def pid(self) -> Path:
        """The id of its process."""
        return self.folder / "nats-server.pid"

    @property
    def accounts(self) -> Path:
        """The accounts it knows; the registrar tells it again at each start."""
        return self.folder / "accounts"

    @property
    def streams(self) -> Path:
        """What JetStream keeps."""
        return self.folder / "jetstream"


def trust_config(keys: Keys) -> str:
    """The part that makes a server trust this hub: its operator and its own accounts."""
    return f"""operator: {operator_token(keys)}
system_account: {keys.system.nkey}
resolver_preload: {{
  {keys.system.nkey}: {system_token(keys)}
  {keys.lobby.nkey}: {lobby_token(keys)}
}}
"""


def tls_config(certificate: Path) -> str:
    """The part about TLS.

    Without `handshake_first` the server speaks first, and what it says, such as the addresses of
    its clients, is for everybody who listens.
    """
    path = quoted(certificate)
    return f"tls: {{ cert_file: {path}, key_file: {path}, handshake_first: true, timeout: 10 }}\n"


def needed_config() -> str:
    """The limits that channels need of a server."""
    return f"""max_payload: {LARGEST_MESSAGE}
max_pending: {MOST_PENDING}
max_control_line: {_LONGEST_LINE}
write_deadline: "30s"
"""


def child_config(
    keys: Keys, paths: ServerPaths, certificate: Path | None, host: str, port: int
) -> str:
    """The whole file for a server of the hub's own.

    Args:
        keys: the hub's.
        paths: where it keeps what.
        certificate: PEM file with key and certificate; None for no TLS.
        host: the address to listen at.
        port: -1 for any free one.
    """
    accounts = MOST_CHANNELS + _OWN_ACCOUNTS
    return f"""# Written by `kachery hub start`, anew each time.
host: {quoted(host)}
port: {port}
server_name: "kachery-hub"
pid_file: {quoted(paths.pid)}
log_file: {quoted(paths.log)}
logfile_size_limit: 10MB
logfile_max_num: 3
max_connections: {MOST_CONNECTIONS}
ping_interval: "30s"
ping_max: 2
authorization: {{ timeout: 10 }}
{needed_config()}{trust_config(keys)}resolver: {{
  type: full
  dir: {quoted(paths.accounts)}
  allow_delete: true
  limit: {accounts}
}}
jetstream: {{
  store_dir: {quoted(paths.streams)}
  sync_interval: always
  max_memory_store: 0
}}
{tls_config(certificate) if certificate else ""}"""


def quoted(value: Path | str) -> str:
    """A text as nats-server reads it: whatever is in it, it stays one text."""
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
