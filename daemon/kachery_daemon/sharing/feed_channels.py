"""The channels on which this node may ask for feeds."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_core.roles import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.network.link import Link


class FeedChannels:
    """Which channels can be asked for feeds now.

    Args:
        channels: all channels of the node.
    """

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def usable(self, channel: str = "") -> list[Link]:
        """The links that are connected and on which this node may ask for feeds.

        Args:
            channel: name or id of the only one to use; '' for all.

        Raises:
            ChannelNotFoundError: there is no such channel.
        """
        return [link for link in self.asked_for(channel) if _is_usable(link)]

    def connected(self, channel_id: str) -> Link | None:
        """The link of a channel, if it can be asked for feeds now."""
        for link in self._channels.links:
            if link.channel_id == channel_id and _is_usable(link):
                return link
        return None

    def asked_for(self, channel: str = "") -> Sequence[Link]:
        """The links to look on, whatever their state.

        Raises:
            ChannelNotFoundError: there is no such channel.
        """
        return [self._channels.get(channel)] if channel else self._channels.links

    async def wait(self, links: Sequence[Link], seconds: float) -> None:
        """Give channels that are being connected a moment."""

        async def connected(link: Link) -> None:
            with contextlib.suppress(KacheryError):
                await link.wait_connected(seconds)

        waiting = [link for link in links if link.state == "connecting"]
        await asyncio.gather(*(connected(link) for link in waiting))


def _is_usable(link: Link) -> bool:
    return link.state == "connected" and Role.REQUEST_FEEDS in link.own_roles
