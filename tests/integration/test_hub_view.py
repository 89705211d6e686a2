"""What the hub sees of a thousand transfers, and what a listener on the network sees: nothing.

Without TLS, so that it is the sealing by the URI that hides, and nothing else. The hub's own view
is a user who hears every subject of the channel: the test makes one with the channel's key.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from kachery_core import subjects
from kachery_core.keys import SeedSigner
from kachery_core.nkeys import user_nkey
from kachery_daemon.keyring import channel_signer
from kachery_store.folder import Folder
from tests.support.bare_nats import BareNats, unlimited_user
from tests.support.capturing import capturing, may_capture
from tests.support.channels import Community, channel, community, node_id
from tests.support.consoles import consoles
from tests.support.kernels import free_port
from tests.support.leaks import Secrets
from tests.support.passages import TRANSFERS, Passages

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(400)
WITNESS = SeedSigner(b"\x2a" * 32)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    """Three nodes without TLS; the third one cannot be reached directly."""
    folder = tmp_path_factory.mktemp("view")
    ports = [{"KACHERY_DIRECT_PORT": str(free_port())} for _ in range(3)]
    with community(folder, 1, hub_options=["--no-tls"], environment=ports[0]) as lab:
        lab.join(lab.add(environment=ports[1]))
        lab.join(lab.add(environment={"KACHERY_DIRECT": "off", **ports[2]}))
        lab.wait_present()
        yield lab


async def watching(lab: Community, clients: list) -> BareNats:
    """One who hears everything in the channel's account."""
    owner = lab.owner
    signer = channel_signer(Folder(owner.storage), channel(owner)["channel_id"])
    view = BareNats(lab.hub.port, clients)
    return await view.connect(WITNESS, unlimited_user(signer, WITNESS))


@contextlib.contextmanager
def listening(lab: Community) -> Iterator[list[bytes]]:
    """What passes between the processes, as far as this test may listen; once the block is left."""
    streams: list[bytes] = []
    if not may_capture():
        yield streams
        return
    ports = {lab.hub.port, *(int(node.environment["KACHERY_DIRECT_PORT"]) for node in lab.nodes)}
    with capturing(*ports) as heard:
        yield streams
    assert heard.dropped == 0
    streams += map(bytes, heard.streams.values())


def test_a_thousand_transfers_show_nothing_to_the_hub_and_to_listeners(lab: Community) -> None:
    asyncio.run(watch_a_thousand_transfers(lab))


async def watch_a_thousand_transfers(lab: Community) -> None:
    assert TRANSFERS >= 1000
    clients: list = []
    with consoles(*lab.nodes) as opened:
        hub = await watching(lab, clients)
        await hub.listen(">")
        passages = Passages(lab, opened)
        with listening(lab) as streams:
            await asyncio.to_thread(passages.all)
        await hub.settle()
        await hub.nc.close()
    nothing = Secrets(passages.secret)
    seen = [subject.encode() + b" " + data for subject, data in hub.heard]
    assert len(seen) > TRANSFERS
    assert list(nothing.seen_in(seen)) == []
    assert list(nothing.seen_in(streams)) == []

    # This way of looking does find things: what everybody may see, and what is planted.
    asker = user_nkey(node_id(lab.nodes[1])).encode()
    shown = Secrets({asker: "an asker", subjects.find("files").encode(): "a subject"})
    assert set(shown.seen_in(seen)) == {"an asker", "a subject"}
    planted = next(iter(passages.secret))
    assert list(nothing.seen_in([b"abc" + planted + b"defgh"])) == [passages.secret[planted]]
    if not streams:
        pytest.skip("the hub sees nothing; listening on the network takes root and AF_PACKET")
    shown = Secrets({asker: "an asker", b"HTTP/1.1": "the direct path"})
    assert set(shown.seen_in(streams)) == {"an asker", "the direct path"}
