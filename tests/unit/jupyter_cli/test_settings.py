"""Which settings hold, and who said so."""

import json
from pathlib import Path

from kachery_jupyter.cli.settings import offline_setting, port_setting, storage_setting


def test_an_option_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("KACHERY_STORAGE_DIR", "from-environment")
    assert storage_setting("chosen").value == "chosen"
    assert storage_setting("chosen").source == "--storage"
    assert storage_setting().value == "from-environment"
    assert storage_setting().source == "KACHERY_STORAGE_DIR"


def test_without_settings_the_folder_is_in_the_home_folder(monkeypatch):
    monkeypatch.delenv("KACHERY_STORAGE_DIR")
    setting = storage_setting()
    assert setting.value == str(Path.home() / "kachery-storage")
    assert setting.source == "default"


def test_the_newer_name_of_the_port_wins(monkeypatch):
    assert (port_setting().value, port_setting().source) == ("20421", "default")
    monkeypatch.setenv("KACHERY_P2P_API_PORT", "20500")
    assert (port_setting().value, port_setting().source) == ("20500", "KACHERY_P2P_API_PORT")
    monkeypatch.setenv("KACHERY_DAEMON_PORT", "20600")
    assert (port_setting().value, port_setting().source) == ("20600", "KACHERY_DAEMON_PORT")


def test_a_node_that_runs_at_another_port_is_found_by_what_it_wrote_down(tmp_path, monkeypatch):
    monkeypatch.setenv("KACHERY_STORAGE_DIR", str(tmp_path))
    (tmp_path / ".state").mkdir()
    (tmp_path / ".state" / "node.json").write_text(json.dumps({"port": 12345}))
    assert (port_setting().value, port_setting().source) == ("12345", ".state/node.json")


def test_either_name_of_the_offline_folder_counts(monkeypatch):
    assert offline_setting().value == ""
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", "a")
    assert offline_setting().value == "a"
    monkeypatch.setenv("KACHERY_P2P_OFFLINE_STORAGE_DIR", "b")
    assert offline_setting().value == "b"
