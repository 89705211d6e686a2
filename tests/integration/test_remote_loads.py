"""Stored on one workstation, loaded on another: every way of loading, and every way it can end."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.channels import (
    Community,
    channel,
    choose,
    community,
    create,
    grant,
    invite,
    join,
    programs_environment,
    wait_for,
)
from tests.support.hubs import running_hub
from tests.support.programs import OTHER_UID, program_command, run_program
from tests.support.samples import sample, sha1_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.nodes import RunningNode

pytestmark = pytest.mark.timeout(240)
NOBODYS = f"sha1://{'0' * 40}/file.txt"
STORE = """
import os
import numpy as np, kachery_jupyter as kc
os.makedirs("things/deep")
open("things/a.txt", "w").write("a")
open("things/deep/b.dat", "wb").write(bytes(range(256)) * 12_000)
uris = {
    "text": kc.store_text("grüße\\r\\n"), "value": kc.store_json({"a": [1, None]}),
    "array": kc.store_npy(np.arange(700_000.0)),
    "pickle": kc.store_pkl({"x": np.ones(3), "y": (1,)}),
    "data": kc.store_bytes(bytes(range(256))), "empty": kc.store_text(""),
    "folder": kc.store_dir("things"), "other": kc.store_dir("things/deep"),
}
print("\\n".join(f"{name} = {uri!r}" for name, uri in uris.items()))
"""
LOAD = """
import asyncio, os, tempfile
import kachery_jupyter as kc
from kachery_jupyter import client
for uri in (text, value, array, pickle, data, empty, folder):
    assert not kc.exists(folder + "/a.txt" if uri == folder else uri)
    assert kc.load_bytes(uri if uri != folder else folder + "/a.txt", local_only=True) is None
assert kc.load_text(text) == "grüße\\r\\n" and kc.load_text(empty) == ""
assert kc.load_json(value) == kc.load_object(value) == {"a": [1, None]}
assert kc.load_npy(array).sum() == sum(range(700_000))
assert kc.load_pkl(pickle)["y"] == (1,)
assert kc.load_bytes(data, 3, 6) == bytes([3, 4, 5])
assert kc.load_text(folder + "/a.txt") == "a"
assert sorted(kc.list_dir(folder)) == ["a.txt", "deep/b.dat"]
with tempfile.TemporaryDirectory() as name:
    kc.load_dir(folder, name + "/out")
    assert open(name + "/out/deep/b.dat", "rb").read() == bytes(range(256)) * 12_000
    kc.load_file(text, name + "/copy")
    assert open(name + "/copy", "rb").read() == "grüße\\r\\n".encode()
assert all(map(kc.exists, (text, value, array, pickle, data, empty)))
assert kc.info(text).fetched and kc.info(text).name == "file.txt"
assert asyncio.run(client.list_dir(other)) == {"b.dat": kc.list_dir(folder)["deep/b.dat"]}
print("all")
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Community]:
    with community(tmp_path, 2) as lab:
        yield lab


def run(node: RunningNode, code: str, cwd: Path | None = None) -> str:
    return run_program(code, programs_environment(node), cwd=cwd)


def result(node: RunningNode, expression: str) -> str:
    """What an expression gives, or the error it ends with."""
    code = (
        f"import kachery_jupyter as kc\ntry: print({expression})\n"
        "except kc.KacheryError as error: print(type(error).__name__, '|', error)"
    )
    return run(node, code).strip()


def shell(node: RunningNode, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "kachery_jupyter.cli", *words],
        env=programs_environment(node),
        capture_output=True,
        timeout=60,
        check=False,
    )


def text_of(lab: Community, text: str) -> str:
    """The URI of a text that the first node has."""
    return lab.owner.store(text.encode(), "file.txt", "text")["uri"]


def test_everything_loads_on_the_other_workstation(lab: Community, tmp_path: Path) -> None:
    names = run(lab.nodes[0], STORE, tmp_path)
    assert run(lab.nodes[1], names + LOAD) == "all\n"


def test_many_load_at_once(lab: Community) -> None:
    code = "import kachery_jupyter as kc\nprint(*kc.store_many([f'text {n}' for n in range(300)]))"
    uris = run(lab.nodes[0], code).split()
    expected = [f"text {number}" for number in range(300)]
    assert result(lab.nodes[1], f"kc.load_many({[*uris, NOBODYS]})") == str([*expected, None])


def test_of_a_large_file_only_what_is_read_is_fetched(lab: Community, tmp_path: Path) -> None:
    data = sample(60 << 20, "large")
    (tmp_path / "large.dat").write_bytes(data)
    code = "import kachery_jupyter as kc\nprint(kc.store_file('large.dat'))"
    uri = run(lab.nodes[0], code, tmp_path).strip()
    assert "?manifest=" in uri
    there = lab.nodes[1]
    reading = f"""
import hashlib, kachery_jupyter as kc
with kc.open({uri!r}) as file:
    file.seek(-1000, 2)
    print(hashlib.sha1(file.read()).hexdigest())
    file.seek(30_000_000)
    print(hashlib.sha1(file.read(1024)).hexdigest())
print(hashlib.sha1(kc.load_bytes({uri!r}, 10, 20)).hexdigest(), kc.exists({uri!r}))
"""
    parts = (data[-1000:], data[30_000_000:30_001_024], data[10:20])
    *first, last = [hashlib.sha1(part).hexdigest() for part in parts]
    assert run(there, reading).split() == [*first, last, "False"]
    fetched = sum(
        path.stat().st_blocks * 512
        for path in (there.storage / ".state").rglob("*")
        if path.is_file()
    )
    assert fetched < 30 << 20
    whole = f"__import__('hashlib').sha1(kc.load_bytes({uri!r})).hexdigest()"
    assert result(there, whole) == sha1_of(data)
    assert result(there, f"kc.exists({uri!r})") == "True"


def test_shell_and_notebook_load_too(lab: Community, tmp_path: Path) -> None:
    there = lab.nodes[1]
    said = shell(there, "cat", text_of(lab, "for the shell"))
    assert (said.stdout, said.returncode) == (b"for the shell", 0)
    path = shell(there, "load", text_of(lab, "a path"), "--channel", "lab").stdout.decode().strip()
    assert path.startswith(str(there.storage))
    copied = shell(there, "load", text_of(lab, "a copy"), "--dest", str(tmp_path / "copy"))
    assert copied.returncode == 0
    assert (tmp_path / "copy").read_text() == "a copy"
    refused = shell(there, "load", text_of(lab, "not asked for"), "--local-only")
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert b"kachery explain" in refused.stderr
    notebook = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "kachery_jupyter")
shell.run_line_magic("kc", "load {text_of(lab, "for a notebook")} -> text")
print(shell.user_ns["text"])
"""
    assert run(there, notebook).strip() == "for a notebook"


def test_a_channel_can_be_named_and_must_be_one_of_ours(lab: Community) -> None:
    uri = text_of(lab, "named")
    there = lab.nodes[1]
    said = result(there, f"kc.load_text({uri!r}, channel='nowhere')")
    assert said.startswith("ChannelNotFoundError |")
    assert "'nowhere'" in said
    assert result(there, f"kc.load_text({uri!r}, local_only=True)") == "None"
    assert result(there, f"kc.load_text({uri!r}, channel='lab')") == "named"


def test_what_nobody_has_is_none_and_says_once_where_to_look(lab: Community) -> None:
    code = (
        f"import kachery_jupyter as kc\nprint(kc.load_text({NOBODYS!r}), kc.load_npy({NOBODYS!r}))"
    )
    done = subprocess.run(
        program_command(code),
        env=programs_environment(lab.nodes[1]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "None None\n"
    assert done.stderr.count("kc.explain(uri)") == 1


def test_without_the_role_the_error_says_how_to_get_it(lab: Community) -> None:
    uri = text_of(lab, "refused")
    owner, there = lab.nodes
    choose(there, disable=["request-files"])
    for call in ("load_text", "load_bytes", "open"):
        said = result(there, f"kc.{call}({uri!r})")
        assert said.startswith("RoleMissingError |"), said
        assert "'lab'" in said
        assert "kachery channel roles lab --enable request-files" in said
    choose(there, enable=["request-files"])
    grant(owner, there, ["provide-files"])
    wait_for(lambda: channel(there)["granted"] == ["provide-files"], "the role is gone")
    said = result(there, f"kc.load_text({uri!r})")
    assert said.startswith("RoleMissingError |")
    assert "kachery channel grant lab" in said
    grant(owner, there, ["request-files"])
    wait_for(lambda: channel(there)["granted"] == ["request-files"], "the role is back")
    assert result(there, f"kc.load_text({uri!r})") == "refused"


def test_a_hub_that_is_gone_is_an_error_unless_somebody_else_has_it(
    lab: Community, tmp_path: Path
) -> None:
    owner, there = lab.nodes
    with running_hub(tmp_path / "second") as second:
        create(owner, second.url, "far")
        join(there, invite(owner, there, channel="far"))
        wait_for(lambda: channel(there, "far").get("present") == 1, "both are on the second hub")
        here, later = text_of(lab, "here already"), text_of(lab, "later")
        assert result(there, f"kc.load_text({here!r})") == "here already"
        lab.hub.kill()
        wait_for(lambda: channel(there)["state"] == "connecting", "the hub is missed")
        assert result(there, f"kc.load_text({later!r})") == "later"
        said = result(there, f"kc.load_text({NOBODYS!r})")
        assert said.startswith("HubUnreachableError |"), said
        assert "lab" in said
        assert result(there, f"kc.load_text({here!r})") == "here already"
        assert result(there, f"kc.load_text({NOBODYS!r}, channel='far')") == "None"
    lab.hub.restart()
    wait_for(lambda: channel(there)["state"] == "connected", "the hub is back")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_stops_the_node_and_what_has_come_is_kept(lab: Community, tmp_path: Path) -> None:
    data = sample(80 << 20, "interrupted")
    (tmp_path / "large.dat").write_bytes(data)
    code = "import kachery_jupyter as kc\nprint(kc.store_file('large.dat'))"
    uri = run(lab.nodes[0], code, tmp_path).strip()
    there = lab.nodes[1]
    loading = f"import kachery_jupyter as kc\nkc.load_file({uri!r})"
    downloads = there.storage / ".state" / "downloads"
    with subprocess.Popen(
        program_command(loading), env=programs_environment(there), stderr=subprocess.PIPE
    ) as program:
        wait_for(lambda: _blocks(downloads) > 4 << 20 or program.poll() is not None, "bytes come")
        lab.owner.process.send_signal(signal.SIGSTOP)
        try:
            if program.poll() is None:
                program.send_signal(signal.SIGINT)
            _, said = program.communicate(timeout=10)
        finally:
            lab.owner.process.send_signal(signal.SIGCONT)
    if program.returncode:
        assert b"KeyboardInterrupt" in said
        assert result(there, f"kc.exists({uri!r})") == "False"
    whole = f"__import__('hashlib').sha1(kc.load_bytes({uri!r})).hexdigest()"
    assert result(there, whole) == sha1_of(data)


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="needs root to become another user",
)
@pytest.mark.parametrize("may_read", [True, False])
def test_users_of_a_shared_node_load_through_it(*, may_read: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="kachery-guests-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        home = folder / "guest"
        home.mkdir()
        shutil.chown(home, OTHER_UID, OTHER_UID)
        with community(folder, 1) as lab:
            shared = lab.add("--shared")
            lab.join(shared)
            lab.wait_present()
            node = lab.nodes[shared]
            (folder / f"node-{shared}").chmod(0o755)
            if not may_read:
                node.storage.chmod(0o711)
                (node.storage / "sha1").mkdir(exist_ok=True)
                (node.storage / "sha1").chmod(0o700)
            names = run(lab.owner, STORE, home)
            environment = {**programs_environment(node), "HOME": str(home)}
            for variable in ("KACHERY_STORAGE_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
                environment.pop(variable, None)
            said = run_program(names + LOAD, environment, uid=OTHER_UID, cwd=home)
            assert said == "all\n"


def _blocks(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    return sum(path.stat().st_blocks * 512 for path in folder.iterdir())
