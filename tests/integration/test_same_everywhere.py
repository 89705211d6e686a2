"""One script, three places: a notebook with the embedded node, a standing node, and offline."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.kernels import running_jupyter
from tests.support.nodes import isolated_environment, running_node

pytestmark = pytest.mark.timeout(300)

SCRIPT = """
import hashlib, json, pathlib, tempfile
import numpy as np
import kachery_client as kc

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / "sub").mkdir()
    (folder / "a.txt").write_bytes(b"one\\r\\ntwo\\n")
    (folder / "sub" / "b.dat").write_bytes(bytes(3_000_000))
    uris = {
        "text": kc.store_text("some-random-text"),
        "empty": kc.store_text(""),
        "json": kc.store_json({"a": [1, 2, {"b": 3}], "\\u00e9": "\\u4e16"}),
        "npy": kc.store_npy(np.arange(12.0).reshape(3, 4), "array.npy"),
        "big": kc.store_npy(np.arange(3_000_000, dtype="int64")),
        "pkl": kc.store_pkl({"x": np.zeros((30, 40)), "y": (1, 2)}),
        "bytes": kc.store_bytes(bytes(range(256))),
        "file": kc.store_file(folder / "a.txt"),
        "folder": kc.store_dir(folder, "things"),
    }
pickled = kc.load_pkl(uris["pkl"])
values = {
    "text": kc.load_text(uris["text"]),
    "empty": kc.load_text(uris["empty"]),
    "json": kc.load_json(uris["json"]),
    "npy": kc.load_npy(uris["npy"]).tolist(),
    "big": hashlib.sha1(kc.load_npy(uris["big"]).tobytes()).hexdigest(),
    "pkl": [pickled["x"].shape, list(pickled["y"])],
    "part": list(kc.load_bytes(uris["bytes"], start=5, end=9)),
    "file": pathlib.Path(kc.load_file(uris["file"])).read_bytes().hex(),
    "folder": kc.list_dir(uris["folder"]),
    "in folder": kc.load_text(uris["folder"] + "/a.txt"),
    "absent": kc.load_text("sha1://" + 40 * "0" + "/x.txt"),
}
print(json.dumps([uris, values], sort_keys=True))
"""


def run_as_script(environment):
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_the_same_script_gives_the_same_uris_and_values_everywhere(tmp_path):
    folders = [tmp_path / name for name in ("jupyter", "standing", "offline")]
    for folder in folders:
        folder.mkdir()
    jupyter, standing, offline = folders

    with (
        running_jupyter(jupyter, isolated_environment(jupyter)) as server,
        server.kernel() as kernel,
    ):
        in_notebook = json.loads(kernel.run(SCRIPT))
    with running_node(standing) as node:
        with_node = run_as_script(node.environment | {"KACHERY_DAEMON_PORT": str(node.port)})
    without_node = run_as_script(
        isolated_environment(offline, KACHERY_OFFLINE_STORAGE_DIR=str(offline / "store"))
    )

    uris, values = with_node
    assert uris["text"] == "sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt"
    assert values["text"] == "some-random-text"
    assert values["empty"] == ""
    assert values["absent"] is None
    assert "?manifest=" in uris["big"]
    assert in_notebook == with_node == without_node
