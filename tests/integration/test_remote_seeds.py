"""The documents this project comes from promise it: stored on one node, loaded on another, by the
code as it is printed, without a word about channels in it.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.channels import Community, community, programs_environment
from tests.support.programs import program_command, run_program
from tests.support.seeds import BLOCKS, PRIMES, PRINTED_URI, READING, WRITING, printed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)
# The seeds load what they stored; here the other node does, with the same lines.
LOAD_VALUES = """
import kachery_client as kc
uri_dict, uri_npy, uri_pkl = {uris}

X_dict = kc.load_json(uri_dict)
X_npy = kc.load_npy(uri_npy)
X_pkl = kc.load_pkl(uri_pkl)

assert X_dict == {{'a': [1, 2, {{'b': 3}}]}}
assert (X_npy == 1).all() and X_npy.shape == (10, 20)
assert (X_pkl['x'] == 0).all() and X_pkl['x'].shape == (30, 40)
"""
REFERENCE_STORE = """
import kachery_client as kp, numpy as np
open("a.bin", "wb").write(b"0123456789")
uris = [kp.store_file("a.bin"), kp.store_text("x"), kp.store_object({"a": 1})]
print(*uris, kp.store_npy(np.ones(3)))
"""
REFERENCE_LOAD = """
import kachery_client as kp
file, text, value, array = {uris}
assert open(kp.load_file(file), "rb").read() == b"0123456789"
assert bytes(kp.load_bytes(file, 2, 5)) == b"234"
assert kp.load_text(text) == "x"
assert kp.load_object(value) == {{"a": 1}}
assert (kp.load_npy(array) == 1).all()
for load in (kp.load_file, kp.load_text, kp.load_object, kp.load_npy, kp.load_bytes):
    assert load("sha1://" + "0" * 40 + "/x") is None
"""

WAITING = """
import kachery_client as kc
subfeed = kc.load_subfeed({uri!r})
print(len(subfeed.get_next_messages()), flush=True)
print(subfeed.get_next_messages(wait_msec=60000))
"""
APPENDING = """
import kachery_client as kc
kc.load_feed({uri!r}).load_subfeed('primes').append_message({{'p': 101, 'n': 26}})
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Community]:
    with community(tmp_path, 2) as lab:
        yield lab


def here(lab: Community, code: str, cwd: Path | None = None) -> list[str]:
    return run_program(code, programs_environment(lab.nodes[0]), cwd=cwd).splitlines()


def there(lab: Community, code: str) -> list[str]:
    return run_program(code, programs_environment(lab.nodes[1])).splitlines()


@pytest.mark.parametrize("document", BLOCKS)
def test_the_file_examples_run_on_another_node(lab: Community, document: str) -> None:
    store, load = BLOCKS[document]
    said = here(lab, f"{store}\nprint(uri_dict, uri_npy, uri_pkl)")
    assert said[:-1] == printed(store)
    assert there(lab, load) == printed(load)
    there(lab, LOAD_VALUES.format(uris=said[-1].split()))


def test_the_reference_is_kept_on_another_node(lab: Community, tmp_path: Path) -> None:
    uris = here(lab, REFERENCE_STORE, tmp_path)[-1].split()
    there(lab, REFERENCE_LOAD.format(uris=uris))


def test_the_feed_example_runs_on_another_node(lab: Community) -> None:
    found, uri = here(lab, WRITING)
    assert found == "Found 25 prime numbers less than 100"
    lines = there(lab, READING.replace(PRINTED_URI, uri))
    assert lines == [f"Prime {number}: {prime}" for number, prime in enumerate(PRIMES, 1)]


def test_what_is_appended_here_is_read_there_at_once(lab: Community) -> None:
    uri = here(lab, WRITING)[-1]
    with subprocess.Popen(
        program_command(WAITING.format(uri=uri)),
        env=programs_environment(lab.nodes[1]),
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "25\n"
        here(lab, APPENDING.format(uri=uri.rpartition("/")[0]))
        assert reader.communicate(timeout=60)[0] == "[{'p': 101, 'n': 26}]\n"
