"""Files that make the operating system start a node."""

import plistlib
import shutil
import subprocess

import pytest

from kachery_core.errors import InvalidRequestError
from kachery_jupyter.cli.services import make_service

COMMAND = ["/opt/my python/bin/python", "-m", "kachery_daemon", "--storage", '/data/50% $HOME "x"']


def test_systemd_gets_every_argument_as_it_was(tmp_path):
    service = make_service(COMMAND, tmp_path / "node.log", "linux")
    assert service.path.name == "kachery.service"
    (line,) = [line for line in service.text.splitlines() if line.startswith("ExecStart=")]
    assert line == (
        'ExecStart="/opt/my python/bin/python" "-m" "kachery_daemon" "--storage"'
        ' "/data/50%% $$HOME \\"x\\""'
    )
    assert "systemctl --user enable --now kachery" in service.commands


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_itself_accepts_the_unit(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    unit = tmp_path / "kachery.service"
    unit.write_text(make_service(["/bin/true"], tmp_path / "log", "linux").text)
    subprocess.run(["systemd-analyze", "--user", "verify", str(unit)], check=True, timeout=60)


def test_launchd_gets_every_argument_as_it_was(tmp_path):
    service = make_service(COMMAND, tmp_path / "node.log", "darwin")
    described = plistlib.loads(service.text.encode())
    assert described["ProgramArguments"] == COMMAND
    assert described["StandardErrorPath"] == str(tmp_path / "node.log")
    assert described["KeepAlive"] == {"SuccessfulExit": False}


def test_elsewhere_it_says_what_to_do_instead(tmp_path):
    with pytest.raises(InvalidRequestError, match="win32") as caught:
        make_service(COMMAND, tmp_path / "node.log", "win32")
    assert "--background" in caught.value.hint
