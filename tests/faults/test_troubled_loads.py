"""Loads in trouble made on purpose: silence, interruption, wrong clocks, twins, a full disk."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import shutil
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from kachery_core.digests import CHUNK_SIZE
from tests.support.channels import Community, channel, community, programs_environment, wait_for
from tests.support.cut_lab import REQUESTER, CutLab, cut_lab
from tests.support.cut_loads import Content, load
from tests.support.faulty_disk import filled, small_disk
from tests.support.nodes import running_node
from tests.support.programs import run_program
from tests.support.samples import sample, wrong_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.nodes import RunningNode

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.name == "nt", reason="needs signals"),
]
SECONDS = 30.0


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Community]:
    with community(tmp_path, 2) as lab:
        yield lab


def content_of(giver: RunningNode, taker: RunningNode, size: int, seed: str) -> Content:
    """A content that one node has and another will ask for."""
    content = Content(sample(size, seed), taker.storage)
    content.manifest = giver.store(content.data, "trouble.dat")["manifest"]
    return content


def check_loads(giver: RunningNode, taker: RunningNode, size: int, seed: str) -> None:
    """A new content of one node arrives at another."""
    content = content_of(giver, taker, size, seed)
    ended = load(taker, content, SECONDS)
    assert ended.how == "whole", ended
    assert content.look()
    assert content.problems == []


def test_a_provider_that_is_silent_may_have_it(lab: Community) -> None:
    giver, taker = lab.nodes
    content = content_of(giver, taker, 3_000_000, "silent")
    giver.process.send_signal(signal.SIGSTOP)
    try:
        ended = load(taker, content, SECONDS)
    finally:
        giver.process.send_signal(signal.SIGCONT)
    assert ended.how == "NoProviderError", "nobody could know whether it is nowhere"
    assert ended.seconds < 4
    assert load(taker, content, SECONDS).how == "whole"
    nobodys = Content(b"nobody has this", taker.storage)
    ended = load(taker, nobodys, SECONDS)
    assert (ended.how, ended.seconds < 1) == ("nobody", True)


@pytest.mark.parametrize("way", ["direct", "hub"])
@pytest.mark.parametrize("accident", ["requester killed", "networks cut"])
def test_an_interrupted_download_fetches_no_finished_chunk_again(
    tmp_path: Path, way: str, accident: str
) -> None:
    with cut_lab(tmp_path) as cuts:
        if way == "hub":
            for proxy in cuts.direct:
                proxy.cut("reset")
        content = content_of(cuts.lab.nodes[0], cuts.requester, 38_000_000, f"{way} {accident}")
        cuts.lab.nodes[1].store(content.data)
        cuts.set_rate(4e6)
        left = _interrupted(cuts, content, way, accident)
        cuts.set_rate(0)
        received, when = cuts.received, time.monotonic()
        ended = load(cuts.requester, content, SECONDS)
        assert (ended.how, content.look(), content.problems) == ("whole", True, [])
        # The chunks, their tags, a table, and what nodes say to each other meanwhile.
        allowed = left * (CHUNK_SIZE + 1024) + 200_000
        print(f"{left} chunks were missing; {cuts.received - received} bytes came")
        assert cuts.received - received < allowed
        if accident == "requester killed":
            content.check_resumed([one for one in cuts.asked if one[0] >= when])


def _interrupted(cuts: CutLab, content: Content, way: str, accident: str) -> int:
    """Begin to load it, and be interrupted; how many chunks are missing then."""
    total = -(-len(content.data) // CHUNK_SIZE)
    loading = threading.Thread(target=load, args=(cuts.requester, content, 8.0))
    loading.start()
    wait_for(lambda: len(content.chunks_here()) >= 10, "some chunks are here")
    if accident == "requester killed":
        cuts.kill(REQUESTER)
        loading.join()
        content.note_finished()
        cuts.start(REQUESTER)
    else:
        for proxy in cuts.proxies():
            proxy.cut("reset")
        loading.join()
        for proxy in cuts.to_hub if way == "hub" else cuts.proxies():
            proxy.heal()
    cuts.lab.wait_present()
    here = len(content.chunks_here())
    assert 10 <= here < total
    return total - here


def _faked_time(offset: str) -> dict[str, str]:
    """Variables that give a program another time of day."""
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        pytest.skip("needs libfaketime")
    return {"LD_PRELOAD": found[0], "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@pytest.mark.parametrize("offset", ["+1h", "-1h"])
def test_a_clock_that_is_off_by_an_hour_harms_no_load(tmp_path: Path, offset: str) -> None:
    faked = _faked_time(offset)
    with community(tmp_path, 1) as lab:
        lab.add(environment=faked)
        assert abs(_clock_of(lab.nodes[1]) - time.time()) > 3500
        lab.join(1)
        lab.wait_present()
        one, two = lab.nodes
        for size in (1000, 3_000_000, 25_000_000):
            check_loads(one, two, size, "there")
            check_loads(two, one, size, "back")
        _check_feed(one, two)
        _check_feed(two, one)


def _clock_of(node: RunningNode) -> float:
    """What time a node believes it is."""
    sha1 = node.store(b"what time is it")["sha1"]
    files = node.ask("GET", "/api/v1/files").json["files"]
    return next(one["stored_at"] for one in files if one["sha1"] == sha1)


def _check_feed(writer: RunningNode, reader: RunningNode) -> None:
    uri = run_program(
        "import kachery_jupyter as kc\ns = kc.create_feed().load_subfeed('main')\n"
        "s.append_messages([{'n': n} for n in range(5)])\nprint(s.uri)",
        programs_environment(writer),
    ).strip()
    said = run_program(
        f"import kachery_jupyter as kc\ns = kc.load_subfeed({uri!r})\n"
        "print([one['n'] for one in s.get_next_messages(wait_msec=5000)])",
        programs_environment(reader),
    )
    assert said.strip() == "[0, 1, 2, 3, 4]"


def test_two_nodes_with_one_key_harm_no_load(lab: Community, tmp_path: Path) -> None:
    giver, taker = lab.nodes
    contents = [content_of(giver, taker, size, "twin") for size in (5000, 2_000_000, 30_000_000)]
    assert giver.terminate() == 0
    shutil.copytree(
        lab.folders[0], tmp_path / "twin", ignore=lambda *_: ["node.sock", "feeds.sock"]
    )
    lab.restart(0)
    with running_node(tmp_path / "twin") as twin:
        wait_for(lambda: channel(twin).get("present", 0) >= 1, "the twin is there")
        wait_for(lambda: channel(taker).get("present", 0) >= 1, "the original is there")
        for content in contents:
            ended = load(taker, content, SECONDS)
            assert ended.how == "whole", ended
            assert content.look()
            assert content.problems == []
    assert wrong_files(taker.storage) == []


def test_a_disk_that_fills_up_while_it_is_fetched(lab: Community, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "size=160m") as disk, contextlib.ExitStack() as stack:
        folder = disk / "storage"
        node = running_node(tmp_path / "taker", environment={"KACHERY_STORAGE_DIR": str(folder)})
        taker = stack.enter_context(node)
        lab.nodes.append(taker)
        lab.join(2)
        lab.wait_present()
        giver = lab.nodes[0]
        too_large = content_of(giver, taker, 120_000_000, "too large")
        assert load(taker, too_large, SECONDS).how == "StorageFullError"
        fits = content_of(giver, taker, 60_000_000, "fits")
        with filled(disk, 70 << 20):
            assert load(taker, fits, SECONDS).how == "StorageFullError"
            check_loads(giver, taker, 100_000, "small")
        ended: list[Any] = []
        loading = threading.Thread(target=lambda: ended.append(load(taker, fits, SECONDS)))
        loading.start()
        wait_for(lambda: fits.part.exists() or ended, "it begins")
        with filled(disk):
            loading.join()
        assert ended[0].how in {"whole", "StorageFullError"}, ended
        assert load(taker, fits, SECONDS).how == "whole"
        assert hashlib.sha1(fits.path.read_bytes()).hexdigest() == fits.sha1
        assert wrong_files(folder) == []
        del lab.nodes[2]
