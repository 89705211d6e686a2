"""What somebody who runs nats-server already needs to give it to a hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_daemon.hub.accounts import operator_token
from kachery_daemon.hub.folder import HubFolder
from kachery_daemon.hub.identity import hub_certificate, hub_keys
from kachery_daemon.hub.server_config import exported_config
from kachery_daemon.system.private_files import read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_daemon.hub.identity import Certificate, Keys

CONFIG_FILE = "kachery-hub.conf"
OPERATOR_FILE = "operator.jwt"
CERTIFICATE_FILE = "tls.pem"


def export_config(data: Path, output: Path) -> list[Path]:
    """Write the files for a server. The keys that sign stay where they are.

    Args:
        data: the hub's folder; its keys are made if there are none.
        output: the folder to write to.

    Returns:
        The files. The certificate has its private key with it: only servers may have it.

    Raises:
        StorageInUseError: a hub is being started there for the first time.
        OSError: the disk.
        KeyUnsafeError: others may read a secret of the hub, or it is damaged.
    """
    keys, certificate = _identity(data)
    output.mkdir(parents=True, exist_ok=True, mode=0o700)
    contents = {
        output / CONFIG_FILE: exported_config(keys, output / CERTIFICATE_FILE).encode(),
        output / OPERATOR_FILE: operator_token(keys, has_system=False).encode() + b"\n",
        output / CERTIFICATE_FILE: read_private(certificate.path),
    }
    for path, content in contents.items():
        write_private(path, content)
    return list(contents)


def _identity(data: Path) -> tuple[Keys, Certificate]:
    folder = HubFolder(data)
    if not folder.has_identity():
        # Nobody else may make another one meanwhile.
        folder.take()
    try:
        return hub_keys(data), hub_certificate(data)
    finally:
        folder.release()
