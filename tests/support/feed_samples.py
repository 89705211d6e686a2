"""Feeds for tests: keys that sign, chains of batches, and a node's feeds without the node."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kachery_core.feeds import subfeed_hash
from kachery_core.messages import Head, SubfeedKey, encode_batch, head_bytes, make_batch
from kachery_daemon.feeds.collection import Feeds
from kachery_daemon.system.threads import Threads
from kachery_store.folder import Folder

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from kachery_core.messages import Batch

TIME_US = 1_700_000_000_000_000


class SeededKey:
    """A feed's key that is the same in every run."""

    def __init__(self, seed: int = 1) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    @property
    def public_key(self) -> str:
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return raw.hex()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


@dataclass
class Chain:
    """A subfeed as its writer would make it."""

    signer: SeededKey = field(default_factory=SeededKey)
    name: str = "main"
    head: Head = field(default_factory=Head)
    batches: list[Batch] = field(default_factory=list)

    @property
    def key(self) -> SubfeedKey:
        return SubfeedKey(self.signer.public_key, subfeed_hash(self.name))

    @property
    def run(self) -> bytes:
        return b"".join(map(encode_batch, self.batches))

    def append(
        self,
        payloads: Sequence[bytes],
        *,
        is_signed: bool = True,
        append_id: bytes | None = None,
        time_us: int | None = None,
    ) -> Batch:
        number = len(self.batches)
        time_us = TIME_US + number if time_us is None else time_us
        append_id = number.to_bytes(16, "big") if append_id is None else append_id
        batch = make_batch(self.key, self.head, time_us, append_id, payloads)
        if is_signed:
            batch = signed(self.signer, self.key, batch)
        self.head = batch.head
        self.batches.append(batch)
        return batch


def signed(signer: SeededKey, key: SubfeedKey, batch: Batch) -> Batch:
    return msgspec.structs.replace(batch, signature=signer.sign(head_bytes(key, batch.head)))


def random_chain(rnd: random.Random, batches: int = 4, signer: SeededKey | None = None) -> Chain:
    """Batches of one to four short messages; some wait for the signature of a later one."""
    made = Chain(signer or SeededKey())
    for number in range(batches):
        payloads = [json.dumps({"n": rnd.random()}).encode() for _ in range(rnd.randint(1, 4))]
        made.append(
            payloads,
            is_signed=number == batches - 1 or rnd.random() < 0.6,
            append_id=rnd.randbytes(16),
        )
    return made


@contextlib.asynccontextmanager
async def open_feeds(folder: Path, witness: Path | None = None) -> AsyncIterator[Feeds]:
    """The feeds of a storage folder, as a node has them; closed when the block is left.

    Args:
        folder: the storage is in `folder/storage`.
        witness: where heads are kept outside it; `folder/witness.sqlite` by default.
    """
    storage = Folder(folder / "storage")
    storage.prepare()
    threads = Threads(2, 1)
    feeds = Feeds(storage, witness or folder / "witness.sqlite", threads)
    await feeds.start()
    try:
        yield feeds
    finally:
        await feeds.close()
        threads.close()
        # With its threads go their databases' files, and a disk can be unmounted.
        for pool in (threads.transfers, threads._workers):
            pool.shutdown(wait=True)


def append_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


async def append_one(feeds: Feeds, key: SubfeedKey, number: int, payload: bytes = b"") -> int:
    """Append one message under an id of its own; its index."""
    payload = payload or json.dumps({"n": number}).encode()
    first, count = await feeds.append(key, append_id(number), [payload])
    assert count == 1
    return first


def log_path(folder: Path, key: SubfeedKey) -> Path:
    return folder / "storage" / ".state" / "feeds" / key.feed / f"{key.subfeed}.log"
