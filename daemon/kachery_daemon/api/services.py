"""What the endpoints work with."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_core.wire.local import Probe, Setting
    from kachery_daemon.api.door import Door
    from kachery_daemon.api.events import EventsEndpoint
    from kachery_daemon.api.upload import Upload
    from kachery_daemon.channels.channels import Channels
    from kachery_daemon.feeds.collection import Feeds
    from kachery_daemon.sharing.loads import Loads
    from kachery_daemon.sharing.sharing import Sharing
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store


@dataclass(frozen=True)
class Limits:
    """What is too much.

    Attributes:
        upload_bytes: the largest content a program may send.
        uploads: how many contents may arrive at the same time.
        stall_seconds: how long a half-sent request may wait for its next byte.
    """

    upload_bytes: int
    uploads: int
    stall_seconds: float


@dataclass
class Services:
    """What the endpoints work with; the node makes one."""

    store: Store
    threads: Threads
    feeds: Feeds
    channels: Channels
    sharing: Sharing
    door: Door
    probe: Probe
    settings: list[Setting]
    port: int
    limits: Limits
    request_stop: Callable[[], None]
    started: float = field(default_factory=time.monotonic)
    active: set[object] = field(default_factory=set)
    uploads: set[Upload] = field(default_factory=set)
    streams: set[EventsEndpoint] = field(default_factory=set)

    @property
    def loads(self) -> Loads:
        """What is fetched from other nodes."""
        return self.sharing.loads
