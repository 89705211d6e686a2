"""A server that somebody else runs: what he gives us is read exactly, or refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from kachery_core.errors import HubUnreachableError, InvalidRequestError, KeyUnsafeError
from kachery_daemon.hub.accounts import own_user_token
from kachery_daemon.hub.attached import attach, read_certificates, read_credentials
from kachery_daemon.hub.identity import hub_certificate, make_key

if TYPE_CHECKING:
    from pathlib import Path

SYSTEM, USER = make_key("account"), make_key("user")
TOKEN = own_user_token(SYSTEM, USER)
CREDENTIALS = (
    f"-----BEGIN NATS USER JWT-----\n{TOKEN}\n------END NATS USER JWT------\n\n"
    "************************* IMPORTANT *************************\n\n"
    f"-----BEGIN USER NKEY SEED-----\n{USER.seed}\n------END USER NKEY SEED------\n"
)


def a_file(folder: Path, content: str) -> Path:
    path = folder / "file"
    path.write_text(content)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    "address",
    [
        *("", "x", "tls://", "tls://host", "tls://host:0", "tls://host:99999", "tls://host:x"),
        *("http://host:1", "tls://host:1/path", "tls://:1", "tls://[::1:1"),
    ],
)
def test_an_address_without_host_and_port_is_refused(address: str) -> None:
    with pytest.raises(InvalidRequestError, match="is not the address"):
        attach(address, "")


def test_an_address_with_host_and_port_is_where_the_server_is(tmp_path: Path) -> None:
    found = attach("nats://[::1]:4222", "")
    assert (found.host, found.port, found.pin) == ("::1", 4222, None)
    assert found.server.context is None
    with pytest.raises(HubUnreachableError):
        attach("tls://127.0.0.1:1", hub_certificate(tmp_path).pem)


def test_credentials_as_nsc_writes_them_are_read(tmp_path: Path) -> None:
    user = read_credentials(a_file(tmp_path, CREDENTIALS))
    assert (user.nkey, user.token) == (USER.nkey, TOKEN)
    assert user.signer.public_key == USER.signer.public_key
    assert USER.seed not in repr(user)


@pytest.mark.parametrize(
    "content",
    [
        "",
        CREDENTIALS.replace(USER.seed, "x"),
        CREDENTIALS.replace(USER.seed, make_key("user").seed),
        CREDENTIALS.replace(USER.seed, make_key("account").seed),
        CREDENTIALS.replace(TOKEN, TOKEN[:-4] + "AAAA"),
        CREDENTIALS.replace("USER NKEY SEED", "SEED"),
    ],
)
def test_other_credentials_are_refused_without_being_shown(tmp_path: Path, content: str) -> None:
    with pytest.raises(KeyUnsafeError, match="does not hold") as caught:
        read_credentials(a_file(tmp_path, content))
    assert USER.seed not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_credentials_that_others_may_read_are_refused(tmp_path: Path) -> None:
    path = a_file(tmp_path, CREDENTIALS)
    path.chmod(0o644)
    with pytest.raises(KeyUnsafeError, match="read by others"):
        read_credentials(path)


def test_a_file_without_certificates_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no certificates"):
        read_certificates(a_file(tmp_path, "nothing"))
    certificate = hub_certificate(tmp_path)
    assert read_certificates(certificate.path) == certificate.pem
