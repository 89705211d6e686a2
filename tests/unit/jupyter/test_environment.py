"""Which settings count, and what is said of wrong ones."""

import json
import socket

import pytest

from kachery_core.errors import InvalidInputError
from kachery_jupyter.client.environment import fingerprint, read_environment
from kachery_jupyter.client.listeners import listener_uid
from kachery_store.accounts import own_uid


@pytest.fixture(autouse=True)
def online(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    request.getfixturevalue("offline_storage")
    monkeypatch.delenv("KACHERY_OFFLINE_STORAGE_DIR")


def test_the_port_is_that_of_the_documents_by_default() -> None:
    assert read_environment().port == 20421


@pytest.mark.parametrize("name", ["KACHERY_DAEMON_PORT", "KACHERY_P2P_API_PORT"])
def test_both_names_of_the_port_count(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KACHERY_P2P_API_PORT", "1234")
    monkeypatch.setenv(name, "4321")
    assert read_environment().port == 4321


@pytest.mark.parametrize("text", ["0", "65536", "-1", "x", "1.5", "²"])
def test_a_port_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KACHERY_DAEMON_PORT", text)
    with pytest.raises(InvalidInputError, match="KACHERY_DAEMON_PORT"):
        read_environment()


@pytest.mark.parametrize(
    ("noted", "port"),
    [
        ({"port": 777}, 777),
        ({"port": "777"}, 20421),
        ([], 20421),
        ({"port": 0}, 20421),
        (None, 20421),
    ],
)
def test_the_port_a_node_noted_is_found(tmp_path, monkeypatch, noted: object, port: int) -> None:
    monkeypatch.setenv("KACHERY_STORAGE_DIR", str(tmp_path / "s"))
    (tmp_path / "s" / ".state").mkdir(parents=True)
    if noted is not None:
        (tmp_path / "s" / ".state" / "node.json").write_text(json.dumps(noted))
    assert read_environment().port == port


@pytest.mark.parametrize("name", ["KACHERY_OFFLINE_STORAGE_DIR", "KACHERY_P2P_OFFLINE_STORAGE_DIR"])
def test_both_names_of_the_offline_folder_count(name: str, monkeypatch, tmp_path) -> None:
    assert read_environment().offline_dir is None
    monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("KACHERY_DAEMON_PORT", "of no meaning now")
    assert read_environment().offline_dir == tmp_path


def test_every_change_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint()
    assert before == fingerprint()
    monkeypatch.setenv("KACHERY_STORAGE_DIR", "/elsewhere")
    assert fingerprint() != before


def test_the_kernel_says_who_listens() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert listener_uid(server.getsockname()[1]) in (own_uid(), None)


def test_nobody_listens_where_nobody_listens() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        assert listener_uid(server.getsockname()[1]) is None
