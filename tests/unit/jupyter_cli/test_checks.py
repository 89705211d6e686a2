"""What the doctor sees in a storage folder."""

import os
from pathlib import Path

import pytest

from kachery_jupyter.cli.checks import all_checks, file_system_kind
from kachery_store.store import Label, Store

MOUNTS = """\
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:25 / /data rw shared:2 - nfs4 server:/export rw
31 30 0:26 / /data/my\\040disk rw - xfs /dev/sdb rw
32 22 0:27 / /over rw - ext4 /dev/sdc rw
33 22 0:28 / /over rw - cifs //server/share rw
"""


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A storage folder with something in it, used without a node."""
    folder = tmp_path / "offline"
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(folder))
    store = Store(folder)
    store.add_bytes(b"something", Label("file.dat"))
    store.close()
    return folder


def test_unfinished_downloads_are_counted_by_what_they_take(offline):
    assert not any(finding.subject == "downloads" for finding in all_checks())
    (offline / ".state" / "downloads").mkdir(exist_ok=True)
    with (offline / ".state" / "downloads" / f"{'0' * 40}.part").open("wb") as file:
        file.truncate(1 << 40)
        file.write(bytes(1 << 20))
    (finding,) = [finding for finding in all_checks() if finding.subject == "downloads"]
    assert finding.text.startswith("1 unfinished download, 1.0 MB")


def wrong():
    return [finding for finding in all_checks() if finding.level == "wrong"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/x", "ext4"),
        ("/data", "nfs4"),
        ("/data/sub", "nfs4"),
        ("/database", "ext4"),
        ("/data/my disk/store", "xfs"),
        ("/over/x", "cifs"),
    ],
)
def test_the_innermost_and_latest_mount_tells_the_file_system(path, kind):
    assert file_system_kind(Path(path), MOUNTS) == kind


@pytest.mark.usefixtures("offline")
def test_a_sound_folder_has_nothing_wrong():
    assert wrong() == []


def test_settings_are_shown_with_their_source(offline):
    (finding,) = [each for each in all_checks() if each.subject == "offline folder"]
    assert finding.text == f"{offline} (from KACHERY_OFFLINE_STORAGE_DIR)"


def test_a_secret_that_others_can_read_is_wrong_and_the_remedy_works(offline):
    token = offline / ".state" / "token"
    token.write_text("secret")
    token.chmod(0o644)
    (finding,) = wrong()
    assert str(token) in finding.text
    assert finding.advice == f"Run: chmod 600 '{token}'"
    assert os.system(finding.advice.removeprefix("Run: ")) == 0
    assert wrong() == []


def test_a_folder_that_others_can_write_is_wrong(offline):
    offline.chmod(0o777)
    (finding,) = wrong()
    assert "mode 777" in finding.text


def test_a_catalog_that_is_no_database_is_wrong(offline):
    for suffix in ("", "-wal", "-shm"):
        (offline / ".state" / f"catalog.sqlite{suffix}").unlink(missing_ok=True)
    (offline / ".state" / "catalog.sqlite").write_bytes(b"this is no database" * 1000)
    (finding,) = wrong()
    assert finding.subject == "catalog"
    assert "fsck" in finding.advice


def test_a_folder_of_a_newer_kachery_is_wrong(offline):
    path = offline / "kachery-store-version"
    path.chmod(0o644)
    path.write_text("99\n")
    (finding,) = wrong()
    assert "99" in finding.text


def test_a_file_where_the_folder_should_be_is_wrong(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("not a folder")
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(path))
    (finding,) = wrong()
    assert "not a folder" in finding.text


def test_a_folder_that_is_not_there_yet_is_fine(tmp_path, monkeypatch):
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(tmp_path / "later"))
    assert wrong() == []


def test_damaged_files_set_aside_are_worth_a_look(offline):
    (offline / "damaged" / f"{40 * 'a'}.1").write_bytes(b"x")
    (finding,) = [each for each in all_checks() if each.level == "warning"]
    assert "1 damaged file" in finding.text


def test_no_node_is_wrong_and_says_how_to_start_one(monkeypatch):
    monkeypatch.setenv("KACHERY_DAEMON_PORT", "1")
    (finding,) = wrong()
    assert finding.subject == "node"
    assert "kachery daemon start" in finding.advice
