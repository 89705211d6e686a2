"""Settings and where they come from."""

from pathlib import Path

import pytest

from kachery_core.errors import InvalidInputError
from kachery_daemon.config import DEFAULT_PORT, read_config


def test_without_anything_the_defaults_hold() -> None:
    config = read_config({}, {})
    assert config.port == DEFAULT_PORT
    assert config.storage_dir == Path("~/kachery-storage").expanduser()
    assert not config.is_shared


def test_an_option_beats_the_environment_which_beats_the_default(tmp_path: Path) -> None:
    environment = {"KACHERY_DAEMON_PORT": "1", "KACHERY_STORAGE_DIR": str(tmp_path)}
    config = read_config({"port": "2", "storage_dir": None}, environment)
    assert (config.port, config.storage_dir) == (2, tmp_path)
    sources = {name: source for name, _, source, _, _ in config.described()}
    assert sources["port"] == "option"
    assert sources["storage_dir"] == "KACHERY_STORAGE_DIR"
    assert sources["shared"] == "default"


def test_the_older_name_of_the_port_yields_to_the_newer() -> None:
    both = {"KACHERY_P2P_API_PORT": "1", "KACHERY_DAEMON_PORT": "2"}
    assert read_config({}, both).port == 2
    assert read_config({}, {"KACHERY_P2P_API_PORT": "1"}).port == 1


@pytest.mark.parametrize("port", ["", "-1", "65536", "1.5", "http", "²"])
def test_a_port_that_is_none_is_named_with_its_source(port: str) -> None:
    with pytest.raises(InvalidInputError, match="option"):
        read_config({"port": port}, {})


def test_a_group_means_shared() -> None:
    assert read_config({"auth_group": "staff"}, {}).is_shared


def test_every_setting_explains_itself() -> None:
    for name, _, _, _, explanation in read_config({}, {}).described():
        assert explanation.endswith("."), name
