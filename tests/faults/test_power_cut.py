"""Power cuts on a real ext4: what was acknowledged before the cut is there after it.

A program stores on a file system whose writes are recorded; the disk is rebuilt as it may have
been at 300 random moments, mounted, and looked through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kachery_store.seen import Seen
from kachery_store.store import Store
from tests.support.power_cut import crashes, mounted_image, record, why_no_power_cuts
from tests.support.samples import LABEL, read_all, sha1_of, wrong_files

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(why_no_power_cuts()), reason=why_no_power_cuts() or "power can be cut"),
]

DISK_SIZE = 64 << 20
CRASHES = 300
WRITER = """
import random, sys
from pathlib import Path
from tests.support.power_cut import mark
from tests.support.writers import store_at, store_once
mounted, marks, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
rnd = random.Random(seed)
(mounted / "work").mkdir()
store = store_at(mounted / "work" / "storage")
sizes = (0, 1, 4000, 60_000, 60_000, 200_000, 1 << 20, (1 << 20) + 1, 1_500_000)
for number in range(60):
    operation = ("add_bytes", "add_many", "add_file", "link_file")[number % 4]
    for sha1 in store_once(store, operation, rnd.randbytes(rnd.choice(sizes))):
        if operation != "link_file":
            mark(marks, sha1)
    store.mutables.set("number", number)
    mark(marks, f"number {number}")
"""


def test_after_300_power_cuts_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    seed = 20261120
    record(WRITER, tmp_path, DISK_SIZE, seed)

    acknowledged = looked_at = 0
    for crash in crashes(tmp_path, DISK_SIZE, CRASHES, seed):
        with mounted_image(crash.disk, tmp_path / "after") as root:
            _check(root / "work" / "storage", crash.marks, tmp_path)
        looked_at += 1
        acknowledged += len(crash.marks)

    print(f"{looked_at} crashes, {acknowledged} promises kept")
    assert looked_at == CRASHES
    assert acknowledged > 10 * CRASHES


def _check(root: Path, marks: list[str], folder: Path) -> None:
    if not root.exists():
        assert marks == []
        return
    assert wrong_files(root) == []
    store = Store(root, seen=Seen(folder / "seen.sqlite"))
    for sha1 in (text for text in marks if not text.startswith("number")):
        assert sha1_of(read_all(store, sha1)) == sha1
    numbers = [int(text.split()[1]) for text in marks if text.startswith("number")]
    assert (store.mutables.get("number") or 0) >= max(numbers, default=0)
    store.catalog.totals()
    store.folder.sweep()
    again = store.add_bytes(b"after the power came back", LABEL)
    assert read_all(store, again.sha1) == b"after the power came back"
    store.close()
