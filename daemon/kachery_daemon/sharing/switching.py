"""Sharing turned off and on by this node's user; what they chose counts after a restart, too."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from kachery_daemon.system.private_files import read_private, write_private
from kachery_store.disk import disk_errors

if TYPE_CHECKING:
    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.sharing.direct_path import DirectPath
    from kachery_daemon.sharing.downloads import Downloads
    from kachery_daemon.system.threads import Threads
    from kachery_store.folder import Folder

_log = logging.getLogger(__name__)


class Switching:
    """Turns the switch of all channels, and everything that hangs on it.

    Args:
        folder: the storage folder; the choice is kept in its state folder.
        channels: have the switch.
        downloads: end with it.
        direct: closed with it.
        threads: for the disk.
    """

    def __init__(
        self,
        folder: Folder,
        channels: Channels,
        downloads: Downloads,
        direct: DirectPath,
        threads: Threads,
    ) -> None:
        self._folder = folder
        self._channels = channels
        self._downloads = downloads
        self._direct = direct
        self._threads = threads
        self._turn = asyncio.Lock()

    @property
    def is_on(self) -> bool:
        """Whether this node is connected to its channels, or tries to be."""
        return self._channels.switch.is_on

    async def restore(self) -> None:
        """Do as was chosen before the node was ended; called before anything connects."""
        if not await self._threads.run(self._was_on):
            await self._channels.switch.turn_off()

    async def turn(self, *, is_on: bool) -> None:
        """Turn it; when it is off nothing is open any more once this returns.

        Raises:
            StorageFailedError, StorageReadOnlyError: the choice could not be kept; nothing changed.
        """
        async with self._turn:
            await self._threads.run(self._keep, is_on=is_on)
            if is_on:
                self._channels.switch.turn_on()
            else:
                await self._channels.switch.turn_off()
                self._downloads.cancel_all()
                await self._direct.pause()
            links = [member.link for member in self._channels.members]
            await asyncio.gather(*(link.follow_switch() for link in links))

    def _was_on(self) -> bool:
        """What was chosen; whatever is not understood is no wish to be alone, but not to share."""
        try:
            return json.loads(read_private(self._folder.state / "sharing.json"))["enabled"] is True
        except FileNotFoundError:
            return True
        except (OSError, ValueError, KeyError, TypeError) as problem:
            _log.warning("Sharing stays off, because sharing.json cannot be read: %s", problem)
            return False

    def _keep(self, *, is_on: bool) -> None:
        with disk_errors(self._folder.root):
            chosen = json.dumps({"enabled": is_on}).encode()
            write_private(self._folder.state / "sharing.json", chosen)
