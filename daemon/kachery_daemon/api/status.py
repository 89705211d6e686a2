"""The node itself: who it is, how it is, and its end."""

from __future__ import annotations

import os
import time

from typing_extensions import override

from kachery_core.wire.local import API_PATH, Probe, SharingState, Status, Stopping
from kachery_daemon.api.door import Role
from kachery_daemon.api.endpoint import Endpoint
from kachery_daemon.api.operations import operation
from kachery_store.disk import free_bytes


class ProbeEndpoint(Endpoint):
    """Who answers."""

    PATH = "/probe"

    @override
    @operation("Who answers on this port; needs no token.", Probe, role=Role.ANYONE)
    async def get(self) -> Probe:
        """Say who answers."""
        return self.services.probe


class StatusEndpoint(Endpoint):
    """How the node is."""

    PATH = f"{API_PATH}/status"

    @override
    @operation("How the node is.", Status)
    async def get(self) -> Status:
        """Say how the node is."""
        services = self.services
        contents, size = await services.threads.run(services.store.catalog.totals)
        free = await services.threads.run(free_bytes, services.store.folder.root)
        return Status(
            services.probe.node_id,
            services.probe.version,
            services.probe.storage_dir,
            contents,
            size,
            free,
            round(time.monotonic() - services.started, 3),
            len(services.active) - 1,
            services.probe.shared,
            services.settings,
            services.sharing.archives.quota,
            await services.sharing.reaching.facts(),
            SharingState(services.sharing.switching.is_on),
        )


class StopEndpoint(Endpoint):
    """The end of the node."""

    PATH = f"{API_PATH}/stop"

    @override
    @operation("End the node, once this answer is sent.", Stopping, role=Role.OWNER)
    async def post(self) -> Stopping:
        """End the node."""
        return Stopping(os.getpid())

    @override
    def on_finish(self) -> None:
        super().on_finish()
        if self.get_status() == 200:  # noqa: PLR2004 - anything else was a refusal
            self.services.request_stop()
