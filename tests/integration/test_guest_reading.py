"""Another user who may not open the files of a shared node reads them through the node."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.nodes import RunningNode, running_node
from tests.support.programs import OTHER_UID, run_program
from tests.support.samples import sample, sha1_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        os.name == "nt" or os.geteuid() != 0 or shutil.which("setpriv") is None,
        reason="needs root to become another user",
    ),
]
BIG = sample(5_000_000, "guest")
READ = """
import hashlib, os, pathlib, tempfile
import kachery_jupyter as kc
from kachery_jupyter.client.connection import current_place
assert current_place().reads_by_node is not None
try:
    os.listdir(current_place().store.folder.root)
    raise SystemExit("the folder can be read")
except PermissionError:
    pass
def digest(data): return hashlib.sha1(data).hexdigest()
part = kc.load_bytes(big, 1_000_000, 3_000_000)
print(kc.load_text(text), digest(kc.load_bytes(big)), digest(part))
print(kc.load_npy(array).sum(), kc.load_pkl(pickle), kc.exists(text), kc.info(text).kind)
print(kc.load_text(nothing), kc.exists(nothing), kc.load_many([text, nothing]))
with kc.open(big) as file:
    file.seek(-10, 2)
    print(file.read() == kc.load_bytes(big)[-10:])
path = kc.load_file(big)
print(digest(pathlib.Path(path).read_bytes()), kc.load_file(big) == path)
pathlib.Path(path).chmod(0o600)
pathlib.Path(path).write_bytes(b"changed")
print(digest(pathlib.Path(kc.load_file(big)).read_bytes()))
print(sorted(kc.list_dir(folder)))
with tempfile.TemporaryDirectory() as name:
    kc.load_dir(folder, name + "/out")
    print(pathlib.Path(name, "out", "a.txt").read_text(), kc.load_text(folder + "/a.txt"))
    kc.load_file(text, name + "/copy")
    print(pathlib.Path(name, "copy").read_text())
mine = kc.store_text("mine")
print(kc.load_text(mine), len(kc.list_files()) > 3)
"""
STORE = """
import numpy as np, pathlib
import kachery_jupyter as kc
pathlib.Path("things").mkdir()
pathlib.Path("things/a.txt").write_text("in a folder")
uris = {
    "text": kc.store_text("some-random-text"), "array": kc.store_npy(np.arange(300_000.0)),
    "pickle": kc.store_pkl({"x": 1}), "big": kc.store_file("big.dat"),
    "folder": kc.store_dir("things"), "nothing": "sha1://" + 40 * "0" + "/file.txt",
}
print("\\n".join(f"{name} = {uri!r}" for name, uri in uris.items()))
"""


@pytest.fixture
def closed_node() -> Iterator[tuple[RunningNode, Path]]:
    """A shared node whose folder others may pass through, but not look into; a guest's home."""
    with tempfile.TemporaryDirectory(prefix="kachery-guests-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        home = folder / "guest"
        home.mkdir()
        shutil.chown(home, OTHER_UID, OTHER_UID)
        with running_node(folder, "--shared") as node:
            node.storage.chmod(0o711)
            (node.storage / "sha1").mkdir(exist_ok=True)
            (node.storage / "sha1").chmod(0o700)
            yield node, home


def test_everything_loads_through_the_node(
    closed_node: tuple[RunningNode, Path], tmp_path: Path
) -> None:
    node, home = closed_node
    (tmp_path / "big.dat").write_bytes(BIG)
    names = run_program(STORE, node.environment, cwd=tmp_path)
    guest = {**node.environment, "HOME": str(home), "KACHERY_DAEMON_PORT": str(node.port)}
    for variable in ("KACHERY_STORAGE_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        guest.pop(variable, None)
    said = run_program(names + READ, guest, uid=OTHER_UID, cwd=home).splitlines()
    big, part = sha1_of(BIG), sha1_of(BIG[1_000_000:3_000_000])
    assert said == [
        f"some-random-text {big} {part}",
        "44999850000.0 {'x': 1} True text",
        "None False ['some-random-text', None]",
        "True",
        f"{big} True",
        big,
        "['a.txt']",
        "in a folder in a folder",
        "some-random-text",
        "mine True",
    ]
