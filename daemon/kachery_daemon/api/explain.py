"""Why something is not found, and whether all is well with the channels."""

from __future__ import annotations

from typing_extensions import override

from kachery_core.wire.explanations import Checks, ExplainQuery, Explanation
from kachery_core.wire.local import API_PATH
from kachery_daemon.api.endpoint import Endpoint
from kachery_daemon.api.operations import operation


class ExplainEndpoint(Endpoint):
    """Where something is, or why it is not found."""

    PATH = f"{API_PATH}/explain"

    @override
    @operation(
        "Where a content or feed is looked for, who has it.", Explanation, query=ExplainQuery
    )
    async def get(self, query: ExplainQuery) -> Explanation:
        """Look for something without fetching it."""
        return await self.services.sharing.explaining.explain(query.uri)


class ChecksEndpoint(Endpoint):
    """What the doctor wants to know."""

    PATH = f"{API_PATH}/checks"

    @override
    @operation("Whether all is well with the channels and the way to other nodes.", Checks)
    async def get(self) -> Checks:
        """Look at the channels."""
        return Checks(await self.services.sharing.checking.checks())


EXPLAIN_ENDPOINTS: tuple[type[Endpoint], ...] = (ExplainEndpoint, ChecksEndpoint)
