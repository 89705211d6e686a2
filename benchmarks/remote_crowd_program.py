"""A crowd of light nodes in one process: `python -m benchmarks.remote_crowd_program`.

Its arguments are the URL of the hub, a folder, and how many of the nodes listen to all others.

A light node is a node's part in channels (and in feeds, if it follows): its own key, membership,
connections, tables and folder, all real, without the HTTP server and the store around it. All but
the first may ask for feeds, and nothing else.

It does what each line of JSON tells it and answers with one line, as `benchmarks.feed_program`:
    {"do": "members", "count": 50}     as many light nodes in all, each a member of the channel
    {"do": "rest", "seconds": 5}       lets them be; CPU seconds that this process used
    {"do": "follow", "count": 50}      as many follow one feed; the first of them writes it
    {"do": "append", "count": 20}      seconds until each follower had each message; CPU
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.feed_logs import encode, messages
from benchmarks.feed_program import say
from kachery_core.errors import NotFoundError
from kachery_core.feeds import subfeed_hash
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_core.messages import SubfeedKey
from kachery_core.roles import Role
from kachery_daemon.channels.channels import Channels
from kachery_daemon.channels.decisions import Wish
from kachery_daemon.channels.opening import Opening
from kachery_daemon.feeds.collection import Feeds
from kachery_daemon.network.greeting import Greeting
from kachery_daemon.sharing.feed_sharing import FeedSharing
from kachery_daemon.system.threads import Threads
from kachery_store.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Callable

_CHANNEL = "crowd"
_ID_SIZE = 16
_PAUSE = 0.25
_PATIENCE_SECONDS = 60.0


class LightNode:
    """One of them.

    Args:
        folder: its storage folder.
        threads: those of the process.
    """

    def __init__(self, folder: Path, threads: Threads) -> None:
        state = folder / ".state"
        state.mkdir(parents=True)
        state.chmod(0o700)
        self._threads = threads
        self._folder = Folder(folder)
        seed = os.urandom(SEED_SIZE)
        self.node_id = SeedSigner(seed).public_key
        self.channels = Channels(Opening(self._folder, seed, threads, "light"))
        self.feeds: Feeds | None = None
        self._sharing: FeedSharing | None = None

    async def share_feeds(self) -> Feeds:
        """Take part in feeds from now on."""
        if self.feeds is None:
            root = self._folder.root
            self.feeds = Feeds(self._folder, root / "heads.sqlite", self._threads)
            await self.feeds.start()
            self._sharing = FeedSharing(self.feeds, self.channels, self._threads)
            await self._sharing.start()
        return self.feeds

    @property
    def present(self) -> int:
        """How many others it sees."""
        return len(self.channels.links[0].present())

    async def close(self) -> None:
        """Leave."""
        if self._sharing is not None and self.feeds is not None:
            await self._sharing.close()
            await self.feeds.close()
        await self.channels.close()


class Crowd:
    """All of them.

    Args:
        url: of the hub.
        folder: for their storage folders.
        listening: as many listen to the presence of all. The others only speak: to check what 200
            nodes say to 200 takes more than the one core that this process has; on 200 computers
            it is nothing.
    """

    def __init__(self, url: str, folder: Path, listening: int) -> None:
        self._listening = listening
        self._url = url
        self._folder = folder
        self._threads = Threads(8, 4)
        self._nodes: list[LightNode] = []
        self._followed: tuple[SubfeedKey, list[Feeds]] | None = None

    async def members(self, count: int, seconds: float = _PATIENCE_SECONDS) -> float:
        """Have as many members, if there is time; seconds until those who listen see everybody."""
        began = time.perf_counter()
        while len(self._nodes) < count and time.perf_counter() < began + seconds:
            await self._add()
        count = len(self._nodes)
        await _until(
            lambda: all(node.present >= count - 1 for node in self._nodes[: self._listening])
        )
        return time.perf_counter() - began

    async def rest(self, seconds: float) -> float:
        """Let them be; CPU seconds used meanwhile."""
        before = time.process_time()
        await asyncio.sleep(seconds)
        return time.process_time() - before

    async def follow(self, count: int) -> None:
        """Have as many follow a new feed of the first one, and one message on its way to each."""
        feeds = await self._nodes[0].share_feeds()
        record = await feeds.create(None)
        key = SubfeedKey(record.feed, subfeed_hash("main"))
        await feeds.name_subfeed(key, "main")
        await feeds.append(key, os.urandom(_ID_SIZE), [encode(messages(1)[0])])
        followers = [await node.share_feeds() for node in self._nodes[1 : count + 1]]
        for copy in followers:  # not all at once: each of them asks all members
            await self._begin(copy, key)
        self._followed = (key, followers)

    async def append(self, count: int) -> tuple[list[list[float]], float]:
        """Append now and then; when each follower had each message, and CPU seconds meanwhile."""
        assert self._followed is not None
        key, followers = self._followed
        writer = self._nodes[0].feeds
        assert writer is not None
        taken, spent = [], 0.0
        for message in messages(count):
            length = await writer.length(key)
            waiting = [asyncio.ensure_future(_arrival(copy, key, length)) for copy in followers]
            await asyncio.sleep(_PAUSE)
            before, began = time.process_time(), time.perf_counter()
            await writer.append(key, os.urandom(_ID_SIZE), [encode(message)])
            moments = await asyncio.wait_for(asyncio.gather(*waiting), _PATIENCE_SECONDS)
            taken.append(sorted(moment - began for moment in moments))
            spent += time.process_time() - before
        return taken, spent

    async def close(self) -> None:
        """Everybody leaves."""
        await asyncio.gather(*(node.close() for node in self._nodes))
        self._threads.close()

    async def _add(self) -> None:
        node = LightNode(self._folder / f"light-{len(self._nodes)}", self._threads)
        await node.channels.start()
        if len(self._nodes) >= self._listening:
            _deafen()
        if self._nodes:
            wish = Wish(node.node_id, frozenset({Role.REQUEST_FEEDS}))
            invitation = await self._nodes[0].channels.owned(_CHANNEL).invite(wish)
            await node.channels.join(invitation)
        else:
            await node.channels.create(_CHANNEL, self._url)
        self._nodes.append(node)

    async def _begin(self, copy: Feeds, key: SubfeedKey) -> None:
        elsewhere = copy.elsewhere
        assert elsewhere is not None
        end = time.monotonic() + _PATIENCE_SECONDS
        # All answers come from one process: on a busy machine they may take longer than they may.
        while key.feed not in copy.identities or await copy.length(key) < 1:
            if time.monotonic() > end:
                raise RuntimeError("A follower did not get the feed.")
            with contextlib.suppress(NotFoundError):
                await elsewhere.look(key.feed)
                await elsewhere.catch_up({key: 0})


def _deafen() -> None:
    """Have links that are made from now on receive what others say of themselves, and skip it."""
    Greeting.receive = _skip  # type: ignore[method-assign]


async def _skip(greeting: Greeting, message: Any) -> None:
    del greeting, message


async def _arrival(copy: Feeds, key: SubfeedKey, length: int) -> float:
    """The moment at which a copy is longer than this."""
    while not await copy.wait({key: length}, _PATIENCE_SECONDS):
        pass
    return time.perf_counter()


async def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("The light nodes do not see one another.")
        await asyncio.sleep(0.05)


async def main(url: str, folder: Path, listening: int) -> None:
    """Do what each line says, until there are no more."""
    crowd = Crowd(url, folder, listening)
    doing: dict[str, Callable[..., Any]] = {
        "members": crowd.members,
        "rest": crowd.rest,
        "follow": crowd.follow,
        "append": crowd.append,
    }
    loop = asyncio.get_running_loop()
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            order = json.loads(line)
            say(await doing[order.pop("do")](**order))
    finally:
        await crowd.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
