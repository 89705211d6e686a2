"""What members of a channel share: both sides of it, started and stopped together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_daemon.sharing.archive_telling import ArchiveTelling
from kachery_daemon.sharing.archives import Archives
from kachery_daemon.sharing.checking import Checking
from kachery_daemon.sharing.direct_path import DirectSettings
from kachery_daemon.sharing.explaining import Explaining
from kachery_daemon.sharing.feed_sharing import FeedSharing
from kachery_daemon.sharing.file_sharing import FileSharing
from kachery_daemon.sharing.loads import Loads
from kachery_daemon.sharing.noticing import Noticing
from kachery_daemon.sharing.reaching import Reaching
from kachery_daemon.sharing.switching import Switching

if TYPE_CHECKING:
    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.config import Config
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store


class Sharing:
    """Everything this node asks of others and answers to them."""

    def __init__(
        self, store: Store, feeds: Feeds, channels: Channels, threads: Threads, config: Config
    ) -> None:
        self._feeds = feeds
        self._channels = channels
        self._config = config
        self.feeds = FeedSharing(feeds, channels, threads)
        self.loads = Loads(store, threads, channels)
        self.files = FileSharing(store, threads, channels, _direct_settings(config))
        self.telling = ArchiveTelling(channels, threads)
        self.feeds.followers.passed = self.telling.followed
        self.loads.passed = self.telling.passed
        self.archives = Archives(store, feeds, channels, threads, self.telling)
        self.files.use(self.archives.shelves)
        self.explaining = Explaining(store, feeds, threads, channels)
        self.checking = Checking(channels, self.files.addresses)
        downloads, direct = self.loads.downloads, self.files.direct
        self.switching = Switching(store.folder, channels, downloads, direct, threads)
        self.noticing = Noticing(store.folder, channels, downloads, threads)
        self.reaching = Reaching(direct)

    async def start(self) -> None:
        """Begin to answer."""
        await self.switching.restore()
        await self.loads.start()
        await self.files.start()
        await self.feeds.start()
        await self.archives.start(self.loads, self.feeds)
        await self.noticing.start()

    async def stop(self) -> None:
        """Stop answering and asking."""
        await self.noticing.close()
        await self.archives.close()
        await self.telling.close()
        await self.feeds.close()
        await self.files.close()
        await self.loads.close()


def _direct_settings(config: Config) -> DirectSettings:
    return DirectSettings(
        config.direct, config.direct_port, config.direct_host, config.direct_address
    )
