"""Content for tests, and the one question asked after every accident: is the store right?"""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE, is_sha1
from kachery_core.manifests import MANIFEST_THRESHOLD
from kachery_store.store import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kachery_store.store import Store

LABEL = Label(name="file.dat")
# Where the layout changes: nothing, a byte, one chunk, more than one, a manifest in the URI.
BOUNDARY_SIZES = (0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE)
LARGE_SIZES = (MANIFEST_THRESHOLD, MANIFEST_THRESHOLD + 1)
# Public files with one SHA-1 and two contents, kept beside the checkout.
VECTORS = Path(__file__).parents[3] / "shared" / "vectors"


def sample(size: int, seed: int | str = 0) -> bytes:
    """Bytes that are the same in every run."""
    return random.Random(f"{seed}/{size}").randbytes(size)


def sha1_of(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def read_all(store: Store, sha1: str) -> bytes:
    return store.objects.read(store.objects.get(sha1))


def object_files(root: Path) -> Iterator[Path]:
    """Every file that claims to be content."""
    for parent, _, names in os.walk(root / "sha1"):
        for name in names:
            if is_sha1(name):
                yield Path(parent, name)


def wrong_files(root: Path) -> list[str]:
    """Names of content files whose bytes are not what the name says."""
    wrong = []
    for path in object_files(root):
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha1").hexdigest() != path.name:
                wrong.append(path.name)
    return wrong


def leftovers(root: Path) -> list[str]:
    """Names of files that are still on their way in."""
    return sorted(os.listdir(root / "tmp"))
