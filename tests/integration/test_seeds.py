"""The documents this project comes from: their code runs as printed and prints what they print."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.nodes import isolated_environment, running_node
from tests.support.programs import run_program
from tests.support.seeds import BLOCKS, printed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
REFERENCE = """\
kp.load_file(uri: str) -> local file path OR None
kp.load_text(uri: str) -> str OR None
kp.load_object(uri: str) -> dict OR None
kp.load_npy(uri: str) -> np.ndarray OR None
kp.load_bytes(uri: str, start: int, end: int)-> bytearray OR None
---
kp.store_file(path: str) -> uri
kp.store_text(txt: str) -> uri
kp.store_object(x: dict) -> uri
kp.store_npy(x: np.ndarray) -> uri
"""
REFERENCE_USED = """
import kachery_client as kp, numpy as np
open("a.bin", "wb").write(b"0123456789")
uri = kp.store_file("a.bin")
assert uri.endswith("/a.bin")
assert open(kp.load_file(uri), "rb").read() == b"0123456789"
assert bytes(kp.load_bytes(uri, 2, 5)) == b"234"
assert kp.load_text(kp.store_text("x")) == "x"
assert kp.load_object(kp.store_object({"a": 1})) == {"a": 1}
assert (kp.load_npy(kp.store_npy(np.ones(3))) == 1).all()
for load in (kp.load_file, kp.load_text, kp.load_object, kp.load_npy, kp.load_bytes):
    assert load("sha1://" + "0" * 40 + "/x") is None
print(kp.load_file(uri))
"""


@contextlib.contextmanager
def environment_of(kind: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """A program's settings: with a node, or without one under either name of the folder."""
    if kind == "online":
        with running_node(folder) as node:
            environment = {**node.environment, "KACHERY_P2P_API_PORT": str(node.port)}
            del environment["KACHERY_STORAGE_DIR"]
            yield environment
    else:
        environment = isolated_environment(folder, **{kind: str(folder / "storage")})
        del environment["KACHERY_STORAGE_DIR"]
        yield environment


KINDS = ["online", "KACHERY_P2P_OFFLINE_STORAGE_DIR", "KACHERY_OFFLINE_STORAGE_DIR"]
pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("document", BLOCKS)
def test_the_examples_run_as_printed(document: str, kind: str, tmp_path) -> None:
    checks = (
        "\nassert X_dict == {'a': [1, 2, {'b': 3}]}"
        "\nassert (X_npy == 1).all() and X_npy.shape == (10, 20)"
        "\nassert (X_pkl['x'] == 0).all() and X_pkl['x'].shape == (30, 40)"
        "\nprint(uri_dict, uri_npy)"
    )
    with environment_of(kind, tmp_path) as environment:
        store, load = BLOCKS[document]
        said = run_program(store + checks, environment).splitlines()
        assert said[:2] == printed(store)
        assert said[2] == (
            "sha1://b8168a5eeb57ccf366f07c5768bfb169f46cb6d4/file.json "
            "sha1://31c37639082af94ff5e6210b81983aed168411e2/file.npy"
        )
        assert run_program(load, environment).splitlines() == printed(load)


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_is_kept(kind: str, tmp_path) -> None:
    with environment_of(kind, tmp_path) as environment:
        path = run_program(REFERENCE_USED, environment, cwd=tmp_path).strip()
    assert os.path.realpath(path).startswith(os.path.realpath(tmp_path / "storage"))


def test_online_mode_is_the_default_and_fails_without_a_node(tmp_path) -> None:
    environment = isolated_environment(tmp_path, KACHERY_P2P_API_PORT="1")
    code = (
        "import kachery_client as kc\n"
        "try: kc.load_text('sha1://' + '0' * 40)\n"
        "except Exception as error: print(type(error).__name__)"
    )
    assert run_program(code, environment).strip() == "DaemonNotRunningError"


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the documents are not beside this checkout")
def test_the_copies_here_are_still_what_is_printed() -> None:
    for name, blocks in BLOCKS.items():
        text = (SEEDS / name).read_text()
        for block in blocks:
            assert f"```python\n{block}```" in text
    text = (SEEDS / "kachery-p2p-reference.md").read_text()
    for part in REFERENCE.split("---\n"):
        assert f"```\n{part}```" in text
